"""Grain of a volume whose voxels each took one pixel: the fine speckle that a mean over pixels would have smoothed.

Reconstruction by the nearest pixel is what the scanners of the real volumes do; ours averages. Like all speckle it is
drawn out across the beam.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ..draws import Draws
from ..geometry import Array

#: Spacing (mm) that ``strength`` is meant for. Coarser voxels average over more speckle.
_SPACING = 0.5


@dataclass(frozen=True)
class Grain:
    """``strength``: standard deviation relative to the grey level, of 0.5 mm voxels; ``width`` across the beam, mm."""

    strength: float
    width: float
    seed: int


def draw_grain(draws: Draws) -> Grain:
    """Draw how grainy the volume is."""
    return Grain(draws.reserved(0.08, 0.24), draws.reserved(0.15, 0.4), int(draws.rng.integers(2**31)))


def with_grain(grain: Grain, volume: Array, spacing: float, beam: npt.NDArray[np.float64]) -> Array:
    """Grey levels (nz, ny, nx), 0 to 255, of ``volume`` with grain; 0 stays 0.

    Args:
        grain: drawn parameters.
        volume: grey levels on isotropic voxels.
        spacing: of the voxels, mm.
        beam: unit vector (3,) of the central beam along the volume's axes x, y, z.
    """
    strength = grain.strength * min(1.0, _SPACING / spacing) ** 1.5
    noise = np.random.default_rng(grain.seed).standard_normal(volume.shape, dtype=np.float32)
    noise = _blurred_across(noise, grain.width / spacing, beam)
    grainy = np.round(np.clip(volume * (1 + np.float32(strength) * noise), 1, 255))
    return np.where(volume > 0, grainy, np.float32(0)).astype(np.float32)


def _blurred_across(noise: Array, width: float, beam: npt.NDArray[np.float64]) -> Array:
    """Noise of unit variance, blurred by a Gaussian of ``width`` voxels in the plane across ``beam`` (x, y, z)."""
    frequencies = [np.fft.fftfreq(n).astype(np.float32) for n in noise.shape[:2]]
    frequencies.append(np.fft.rfftfreq(noise.shape[2]).astype(np.float32))
    z, y, x = np.meshgrid(*frequencies, indexing="ij", sparse=True)
    bx, by, bz = (np.float32(b) for b in beam)
    across = x**2 + y**2 + z**2 - (bx * x + by * y + bz * z) ** 2
    spectrum = np.fft.rfftn(noise) * np.exp(np.float32(-2 * (np.pi * width) ** 2) * across)
    blurred = np.fft.irfftn(spectrum, s=noise.shape, axes=(0, 1, 2)).astype(np.float32)
    return np.asarray(blurred / blurred.std(), np.float32)
