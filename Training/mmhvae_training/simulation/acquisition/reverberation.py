"""Echoes of the surface: the bright band of probe face and dura, and its repetitions further down."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..draws import Draws
from ..fields import sigmoid, smooth_field
from ..geometry import Array


@dataclass(frozen=True)
class Reverberation:
    """Amplitudes relative to white matter, lengths in mm."""

    face: float
    thickness: float  # of the band
    distance: float  # between repetitions
    decay: float  # of the amplitude from one to the next
    clutter: float  # haze below the face
    reach: float  # of the haze
    seed: int


def draw_reverberation(draws: Draws) -> Reverberation:
    """Draw the near field; a third of the cases shows no face, a half no repetitions."""
    rng = draws.rng
    return Reverberation(
        face=draws.reserved(2.5, 12) if rng.random() < 0.65 else 0.0,
        thickness=draws.reserved(0.6, 2.2),
        distance=draws.reserved(2.5, 8),
        decay=draws.reserved(0.05, 0.35) if rng.random() < 0.5 else 0.0,
        clutter=draws.reserved(0.1, 1.2) if rng.random() < 0.4 else 0.0,
        reach=draws.reserved(2, 9),
        seed=int(rng.integers(2**31)),
    )


def surface_echo(reverberation: Reverberation, frames: int, lines: int, depth: Array) -> Array:
    """Amplitude (N, L, R) at ``depth`` mm below the first sample; slowly uneven over the probe's face."""
    below = (depth - depth[0])[None, None]
    knots = [max(frames / 12, 1.5), max(lines / 8, 1.5)]
    uneven = smooth_field(reverberation.seed, (frames, lines), knots)[..., None]
    thickness = np.float32(reverberation.thickness) * np.exp(0.3 * uneven)
    strength = np.exp(0.3 * smooth_field(reverberation.seed + 1, (frames, lines), knots))[..., None]
    echo = np.float32(reverberation.face) * sigmoid((thickness - below) / (0.2 * thickness))
    for repetition in (1, 2, 3):
        away = (below - repetition * np.float32(reverberation.distance)) / (0.5 * thickness)
        echo = echo + np.float32(reverberation.face * reverberation.decay**repetition) * np.exp(-0.5 * away**2)
    haze = np.float32(reverberation.clutter) * np.exp(-below / np.float32(reverberation.reach))
    return np.asarray(strength * (echo + haze), np.float32)
