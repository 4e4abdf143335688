"""Random fields and volumes looked up at points, in millimetres."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F


def look_up(volume: Tensor, points: Tensor, spacing: float = 1.0, start: float = 0.0, mode: str = "bilinear") -> Tensor:
    """Values of a volume at points; 0 outside.

    Args:
        volume: (C, D, H, W); its first voxel lies at `start` on every axis.
        points: (d, h, w, 3) in millimetres, in the volume's order of axes.

    Returns:
        (C, d, h, w).
    """
    sides = torch.tensor(volume.shape[1:], dtype=torch.float32)
    normalised = ((points - start) / spacing * 2 + 1) / sides - 1
    return F.grid_sample(volume[None], normalised.flip(-1)[None], mode=mode, align_corners=False)[0]


def random_field(channels: int, extent: Tensor, grain: float, generator: torch.Generator) -> tuple[Tensor, float]:
    """Independent normal numbers on a coarse grid over `extent` millimetres and 64 more on either side.

    Returns:
        The grid, (C, d, h, w), and its spacing, for `look_up` with ``start=-64``.
    """
    sides = [int((float(side) + 128) / grain) + 2 for side in extent]
    return torch.randn(channels, *sides, generator=generator), grain


def uniform(low: float, high: float, generator: torch.Generator, size: tuple[int, ...] = ()) -> Tensor:
    """Uniform random numbers."""
    return torch.rand(size, generator=generator) * (high - low) + low


def chance(probability: float, generator: torch.Generator) -> bool:
    """True with this probability."""
    return bool(torch.rand((), generator=generator) < probability)
