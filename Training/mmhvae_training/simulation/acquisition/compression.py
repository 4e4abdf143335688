"""Logarithmic compression of echo amplitudes to the display's grey levels."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..draws import Draws
from ..geometry import Array


@dataclass(frozen=True)
class Compression:
    """``strength``: nearly linear when small, logarithmic when large."""

    strength: float
    middle: float  # grey level of the sweep's median echo
    reject: float  # grey levels taken off at the dark end


def draw_compression(draws: Draws) -> Compression:
    """Draw a console's dynamic range and overall gain."""
    return Compression(
        strength=float(np.exp(draws.reserved(np.log(0.3), np.log(3.5)))),
        middle=draws.reserved(18, 58),
        reject=draws.rng.uniform(0, 7),
    )


def compress(compression: Compression, amplitude: Array, median: float) -> Array:
    """Grey levels, 0 to 255, of amplitudes; ``median`` is the amplitude that shall come out at ``middle``."""
    k = np.float32(compression.strength)
    grey = np.float32(compression.middle) * np.log1p(k / np.float32(median) * amplitude) / np.log1p(k)
    return np.asarray(np.clip(grey - np.float32(compression.reject), 0, 255), np.float32)
