"""Attenuation: what the tissue above takes from the echo, less than usual below fluid, more below dense tissue."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..draws import Draws
from ..geometry import Array
from ..tissues import values, weighted


@dataclass(frozen=True)
class Attenuation:
    """``decibel``: of the two-way amplitude per mm of white matter's depth."""

    decibel: float


def draw_attenuation(draws: Draws) -> Attenuation:
    """Draw the loss: about 0.6 dB/cm/MHz one way, at 3 to 10 MHz, of which the display's range leaves a part."""
    return Attenuation(draws.reserved(0.1, 0.6))


def transmitted(attenuation: Attenuation, tissue: Array, axial_step: float) -> Array:
    """Amplitude (..., R) that is left at each sample of shares (C, ..., R)."""
    loss = np.cumsum(weighted(values("attenuation"), tissue), axis=-1, dtype=np.float32)
    factor = np.float32(-attenuation.decibel * axial_step * np.log(10) / 20)
    return np.asarray(np.exp(factor * loss), np.float32)
