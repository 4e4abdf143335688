"""The receiver's own noise, which the time gain raises with depth, and gain that differs from frame to frame."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..draws import Draws
from ..geometry import Array


@dataclass(frozen=True)
class Receiver:
    """Amplitudes relative to white matter."""

    noise: float
    rise: float  # of the noise at the last depth (log)
    frame_gain: float  # spread (log) of single frames' gain
    seed: int


def draw_receiver(draws: Draws) -> Receiver:
    """Draw the noise."""
    rng = draws.rng
    return Receiver(
        noise=draws.reserved(0.02, 0.24),
        rise=draws.reserved(0.2, 2.0),
        frame_gain=rng.uniform(0, 0.06),
        seed=int(rng.integers(2**31)),
    )


def with_noise(receiver: Receiver, amplitude: Array, typical: float, depth: Array) -> Array:
    """Magnitude (N, L, R) of echoes of ``amplitude`` and complex noise, new in every frame.

    Args:
        receiver: the noise's level.
        amplitude: of the echoes (N, L, R), after the time gain.
        typical: amplitude of white matter.
        depth: of the samples (R,), mm.
    """
    rng = np.random.default_rng(receiver.seed)
    level = typical * receiver.noise * np.exp(receiver.rise * (depth / depth[-1]) ** 3)
    in_phase, quadrature = rng.standard_normal((2, *amplitude.shape), dtype=np.float32) * level.astype(np.float32)
    return np.asarray(np.hypot(amplitude + in_phase, quadrature), np.float32)


def frame_gains(receiver: Receiver, frames: int) -> Array:
    """Amplitude factor (N,) of each frame."""
    rng = np.random.default_rng(receiver.seed + 1)
    return np.exp(rng.normal(0, receiver.frame_gain, frames)).astype(np.float32)
