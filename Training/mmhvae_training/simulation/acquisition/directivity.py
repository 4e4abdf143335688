"""Directivity: a sheet mirrors the pulse, so that it answers the more, the more squarely it faces the beam."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import ndimage

from ..draws import Draws
from ..geometry import Array

#: Scale (mm) over which the way a sheet faces is taken: about its thickness.
_SCALE = 1.0
#: Squared slope of a share (1/mm^2) below which there is no sheet that could face anywhere.
_FLOOR = 1e-4


@dataclass(frozen=True)
class Directivity:
    """``share`` of a sheet's echo that is mirrored, 0 to 1; the rest answers to every side. ``gain`` of a mirror that
    faces the beam; ``narrowness``: exponent of the squared cosine between beam and normal."""

    share: float
    gain: float
    narrowness: float


def draw_directivity(draws: Draws) -> Directivity:
    """Draw how much of the sheets is a mirror, and how narrow its answer is."""
    return Directivity(draws.reserved(0.4, 1.0), draws.reserved(1.4, 3.6), draws.reserved(0.8, 2.5))


def facing(share: Array, axial_step: float, lateral_step: Array) -> Array:
    """Squared cosine (N, L, R) within the frame between the beam and the normal of a tissue's ``share`` (N, L, R).

    Args:
        share: of the tissue that the sheets are made of.
        axial_step: between samples, mm.
        lateral_step: between beams, mm, at each depth (R,).
    """
    middle = float(lateral_step[len(lateral_step) // 2])
    along = np.gradient(share, axis=-1) / np.float32(axial_step)
    across = np.gradient(share, axis=-2) / lateral_step
    width = (0, _SCALE / middle, _SCALE / axial_step)
    square_along, square_across = (ndimage.gaussian_filter(g * g, width, truncate=2) for g in (along, across))
    return np.asarray(square_along / (square_along + square_across + np.float32(_FLOOR)), np.float32)


def mirrored(directivity: Directivity, cosine: Array) -> Array:
    """Amplitude factor (...) of sheets that face the beam with the squared cosine (...)."""
    mirror = directivity.gain * cosine ** np.float32(directivity.narrowness)
    return np.asarray(1 + np.float32(directivity.share) * (mirror - 1), np.float32)
