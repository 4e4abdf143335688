"""Streams of ultrasound frames, as a scanner sends them."""

from __future__ import annotations

import numpy as np
import slicer

from ..made_nodes import volume

SHAPE = (40, 50)


def frame(seed: int = 0, shape: tuple[int, int] = SHAPE) -> np.ndarray:
    """Speckle in a dark surrounding."""
    rows, columns = np.mgrid[: shape[0], : shape[1]]
    inside = np.hypot(rows / shape[0] - 0.5, columns / shape[1] - 0.5) < 0.45
    return (np.random.default_rng(seed).integers(10, 250, shape) * inside).astype(np.uint8)


def stream(seed: int = 0, ijk_to_ras: np.ndarray | None = None):
    return volume(frame(seed)[None], np.diag([0.5, 0.5, 1, 1]) if ijk_to_ras is None else ijk_to_ras, "Image")


def push(node, pixels: np.ndarray) -> None:
    """A new frame, as a connector sets it."""
    slicer.util.updateVolumeFromArray(node, pixels[None])
