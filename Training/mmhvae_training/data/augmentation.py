"""Random changes of intensity that keep the anatomy: what differs from scanner to scanner and gain to gain."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
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


@dataclass(frozen=True)
class UltrasoundChange:
    """What consoles and simulators differ in most: a slow gain field and sharpness; drawn apart from being applied."""

    gain: float  # spread (log) of the field
    blur: float  # standard deviation, pixels; 0: none
    seed: int


def draw_ultrasound_change(rng: np.random.Generator) -> UltrasoundChange:
    """Gain of up to 0.35 (log); half of the batches are blurred, by up to 1.3 pixels."""
    blurred = rng.random() < 0.5
    return UltrasoundChange(
        gain=float(rng.uniform(0, 0.35)),
        blur=float(rng.uniform(0.3, 1.3)) if blurred else 0.0,
        seed=int(rng.integers(2**31)),
    )


def apply_ultrasound_change(image: Tensor, mask: Tensor, change: UltrasoundChange) -> Tensor:
    """Change ``image`` (B, 1, H, W) in [-1, 1] inside ``mask``; outside it stays -1."""
    level = torch.where(mask, (image + 1) / 2, 0.0)
    if change.blur:
        weight = mask.to(level.dtype)
        level = _blurred(level, change.blur) / _blurred(weight, change.blur).clamp(min=1e-3)
    knots = torch.randn((len(image), 1, 4, 4), generator=torch.Generator().manual_seed(change.seed))
    field = F.interpolate(knots, size=image.shape[2:], mode="bicubic", align_corners=True)
    changed = 2 * level * torch.exp(change.gain * field) - 1
    return torch.where(mask, changed.clamp(-255 / 256, 1), -1.0)


def _blurred(image: Tensor, sigma: float) -> Tensor:
    """Gaussian blur of (B, 1, H, W); zeros beyond the border."""
    radius = int(np.ceil(3 * sigma))
    taps = torch.exp(-0.5 * (torch.arange(-radius, radius + 1) / sigma) ** 2)
    taps = taps / taps.sum()
    image = F.conv2d(image, taps.view(1, 1, -1, 1), padding=(radius, 0))
    return F.conv2d(image, taps.view(1, 1, 1, -1), padding=(0, radius))
