"""Speckle: scatterers that stay where they are, summed coherently by the point-spread function."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import ndimage

from ..draws import Draws
from ..geometry import Array
from .beam_space import BeamSpace
from .point_spread import PointSpread, axial_width, beam_width, blur_across, blur_along


@dataclass(frozen=True)
class Speckle:
    """``developed``: 1 for full speckle, 0 where spatial compounding has averaged it away."""

    developed: float
    seed: int


def draw_speckle(draws: Draws) -> Speckle:
    """Draw how much of the speckle the scanner's own compounding leaves."""
    return Speckle(draws.reserved(0.05, 0.4), int(draws.rng.integers(2**31)))


def scatterers(speckle: Speckle, space: BeamSpace, point_spread: PointSpread) -> list[Array]:
    """Two lattice fields (E, L, R), in phase and in quadrature, already summed over the slice's thickness."""
    width = beam_width(point_spread, space.depth, point_spread.elevation) / np.float32(space.step[0])
    rng = np.random.default_rng(speckle.seed)
    fields = []
    for _ in range(2):
        noise = rng.standard_normal((space.shape[1], space.shape[0], space.shape[2]), dtype=np.float32)  # (L, E, R)
        thick = np.swapaxes(blur_across(noise, width), 0, 1)
        thick /= thick.std(axis=(0, 1), keepdims=True) + np.float32(1e-6)
        fields.append(np.ascontiguousarray(ndimage.gaussian_filter1d(thick, 0.6, axis=1)))
    return fields


def envelope(speckle: Speckle, phases: Array, scattering: Array, coherent: Array, widths: tuple[Array, Array]) -> Array:
    """Magnitude (N, L, R) of the band-limited complex echo.

    Args:
        speckle: how much of it is left.
        phases: the scatterers (2, N, L, R) at the frames' samples.
        scattering: their amplitude (N, L, R).
        coherent: echo of sheets and steps (N, L, R).
        widths: of the point-spread function along and across the beam, in samples, (R,) each.
    """
    along, across = widths
    blurred = blur_along(blur_across(phases, across), along)
    blurred /= blurred.std(axis=(1, 2), keepdims=True) * np.float32(np.sqrt(np.pi / 2))  # Rayleigh of unit mean
    smooth = blur_along(blur_across(np.stack([scattering, coherent]), across), along)
    amplitude, sheet = smooth[0], smooth[1]
    speckled = np.hypot(blurred[0] * amplitude + sheet, blurred[1] * amplitude)
    return np.asarray(speckle.developed * speckled + (1 - speckle.developed) * np.hypot(amplitude, sheet), np.float32)


def psf_samples(point_spread: PointSpread, depth: Array, lateral_step: Array) -> tuple[Array, Array]:
    """Widths (R,) of the point-spread function along and across the beam in samples; steps across in mm (R,)."""
    along = axial_width(point_spread, depth) / (depth[1] - depth[0])
    across = beam_width(point_spread, depth, point_spread.lateral) / lateral_step
    return along.astype(np.float32), across.astype(np.float32)
