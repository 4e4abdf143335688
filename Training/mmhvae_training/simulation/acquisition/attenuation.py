"""Attenuation: what the tissue above takes from the echo, less than usual below fluid, more below dense tissue."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..draws import Draws
from ..geometry import Array
from .echogenicity import weighted

#: Attenuation relative to white matter (fluid hardly attenuates: enhancement behind it).
ATTENUATION = {
    "white": 1.0, "grey": 0.85, "deep": 0.95, "sulcal": 0.5, "ventricle": 0.05, "falx": 3.0, "vessel": 0.4,
    "choroid": 1.5, "core": 1.2, "necrosis": 0.6, "rim": 1.5, "oedema": 0.8, "cyst": 0.05,
}  # fmt: skip


@dataclass(frozen=True)
class Attenuation:
    """``decibel``: of the two-way amplitude per mm of white matter's depth."""

    decibel: float


def draw_attenuation(draws: Draws) -> Attenuation:
    """Draw the loss: about 0.6 dB/cm/MHz one way, at 3 to 10 MHz, of which the display's range leaves a part."""
    return Attenuation(draws.reserved(0.1, 0.6))


def transmitted(attenuation: Attenuation, tissue: Array, axial_step: float) -> Array:
    """Amplitude (..., R) that is left at each sample of shares (C, ..., R)."""
    loss = np.cumsum(weighted(ATTENUATION, tissue), axis=-1, dtype=np.float32)
    factor = np.float32(-attenuation.decibel * axial_step * np.log(10) / 20)
    return np.asarray(np.exp(factor * loss), np.float32)
