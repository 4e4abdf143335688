"""Time gain: amplification by depth, which never quite undoes attenuation, and overdoes it near or far at times."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..draws import Draws
from ..geometry import Array


@dataclass(frozen=True)
class TimeGain:
    """Gains in dB."""

    slope: float  # per mm
    sliders: tuple[float, ...]  # at equally spaced depths, as the console has them
    near: float  # at the face
    near_reach: float  # mm over which that gain fades
    far: float  # at the last depth
    far_reach: float


def draw_time_gain(draws: Draws, decibel: float) -> TimeGain:
    """Draw a console's setting against an attenuation of ``decibel`` per mm."""
    rng = draws.rng
    odd = rng.random(2) < 0.5
    return TimeGain(
        slope=decibel + draws.reserved(-0.13, 0.07),
        sliders=tuple(rng.normal(0, 1.8, 6).tolist()),
        near=draws.reserved(-9, 9) if odd[0] else 0.0,
        near_reach=draws.reserved(3, 14),
        far=draws.reserved(-10, 8) if odd[1] else 0.0,
        far_reach=draws.reserved(5, 20),
    )


def gain(time_gain: TimeGain, depth: Array) -> Array:
    """Amplitude factor (R,) at ``depth`` (R,) mm."""
    sliders = np.interp(depth, np.linspace(depth[0], depth[-1], len(time_gain.sliders)), time_gain.sliders)
    near = time_gain.near * np.exp(-0.5 * ((depth - depth[0]) / time_gain.near_reach) ** 2)
    far = time_gain.far * np.exp(-0.5 * ((depth - depth[-1]) / time_gain.far_reach) ** 2)
    decibel = time_gain.slope * depth + sliders + near + far
    return (10 ** (decibel / 20)).astype(np.float32)
