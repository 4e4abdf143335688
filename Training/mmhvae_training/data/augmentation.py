"""Random changes of intensity that keep the anatomy: what differs from scanner to scanner and gain to gain."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor


@dataclass(frozen=True)
class IntensityChange:
    """Gamma and noise of one input; drawn apart from being applied."""

    gamma: float
    noise: float
    seed: int


def draw_intensity_change(rng: np.random.Generator) -> IntensityChange:
    """Gamma within a factor of 1.6 either way, noise of up to 4 % of the range."""
    return IntensityChange(
        gamma=float(np.exp(rng.uniform(-0.47, 0.47))),
        noise=float(rng.uniform(0, 0.08)),
        seed=int(rng.integers(2**31)),
    )


def apply_intensity_change(image: Tensor, mask: Tensor, change: IntensityChange) -> Tensor:
    """Change ``image`` (B, 1, H, W) in [-1, 1] inside ``mask``; outside it stays -1."""
    noise = torch.randn(image.shape, generator=torch.Generator().manual_seed(change.seed))
    changed = 2 * ((image + 1) / 2).clamp(min=0) ** change.gamma - 1 + change.noise * noise
    return torch.where(mask, changed.clamp(-255 / 256, 1), -1.0)
