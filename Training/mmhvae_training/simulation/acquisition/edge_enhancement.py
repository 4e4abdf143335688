"""Edge enhancement: scanners sharpen echoes along the beam and smooth the speckle between them.

Differences from the mean along the beam that are large against it are made larger, with an overshoot on both sides of
an echo; small ones are speckle and noise, and made smaller.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import ndimage

from ..draws import Draws
from ..geometry import Array


@dataclass(frozen=True)
class EdgeEnhancement:
    """``strength`` by which large differences grow, ``smoothing`` by which small ones shrink, each relative;
    ``threshold`` between them, relative to the mean; ``scale`` of the mean, standard deviation in mm."""

    strength: float
    smoothing: float
    threshold: float
    scale: float


def draw_edge_enhancement(draws: Draws) -> EdgeEnhancement:
    """Draw a console's setting."""
    return EdgeEnhancement(
        strength=draws.reserved(0.2, 1.6),
        smoothing=draws.reserved(0.1, 0.8),
        threshold=draws.reserved(0.25, 0.7),
        scale=draws.reserved(0.25, 0.6),
    )


def enhance(enhancement: EdgeEnhancement, grey: Array, axial_step: float) -> Array:
    """Grey levels (..., R), 0 to 255, of ``grey`` after the scanner's filter; ``axial_step``: between samples, mm."""
    smooth = ndimage.gaussian_filter1d(grey, enhancement.scale / axial_step, axis=-1, mode="nearest")
    detail = grey - smooth
    square = detail * detail
    edge = square / (square + (np.float32(enhancement.threshold) * smooth) ** 2 + np.float32(1e-3))
    change = np.float32(enhancement.strength) * edge - np.float32(enhancement.smoothing) * (1 - edge)
    return np.asarray(np.clip(grey + change * detail, 0, 255), np.float32)
