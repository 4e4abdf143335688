"""Specular echoes: steps of acoustic impedance along the beam."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import ndimage

from ..draws import Draws
from ..geometry import Array
from .echogenicity import weighted

#: Acoustic impedance relative to white matter, of which boundary reflections are made.
IMPEDANCE = {
    "white": 1.0, "grey": 0.93, "deep": 0.96, "sulcal": 0.55, "ventricle": 0.5, "falx": 1.8, "vessel": 0.7,
    "choroid": 1.1, "core": 1.05, "necrosis": 0.7, "rim": 1.15, "oedema": 0.95, "cyst": 0.5,
}  # fmt: skip
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
    impedance = weighted(IMPEDANCE, tissue)
    slope = ndimage.gaussian_filter1d(impedance, _SCALE / axial_step, axis=-1, order=1, truncate=3) / axial_step
    return np.asarray(reflection.strength * np.abs(slope), np.float32)
