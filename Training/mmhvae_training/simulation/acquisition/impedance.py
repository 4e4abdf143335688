"""Specular echoes: steps of acoustic impedance along the beam."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import ndimage

from ..draws import Draws
from ..geometry import Array
from ..tissues import values, weighted

#: Scale (mm) over which a step is seen.
_SCALE = 0.4


@dataclass(frozen=True)
class Reflection:
    """Amplitude of the echo of a step of one in impedance over one mm."""

    strength: float


def draw_reflection(draws: Draws) -> Reflection:
    """Draw how strongly boundaries that face the beam answer."""
    return Reflection(draws.reserved(3, 10))


def reflections(reflection: Reflection, tissue: Array, axial_step: float) -> Array:
    """Coherent amplitude (..., R) of the impedance steps along the beams of shares (C, ..., R).

    ``axial_step``: between samples, mm.
    """
    impedance = weighted(values("impedance"), tissue)
    slope = ndimage.gaussian_filter1d(impedance, _SCALE / axial_step, axis=-1, order=1, truncate=3) / axial_step
    return np.asarray(reflection.strength * np.abs(slope), np.float32)
