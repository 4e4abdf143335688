"""The network over a whole volume: overlapping windows, mirrored views where there is something, means and spread."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F

from ..exceptions import Progress

FLIPS: tuple[tuple[int, ...], ...] = ((), (2,), (1,), (1, 2), (0,), (0, 2), (0, 1), (0, 1, 2))
"""Mirrored axes (D, H, W) of each view, left and right first."""
WORTH_A_SECOND_LOOK = 0.05
"""Where no voxel of a window is a tumour with at least this probability, other views are not asked."""
Look = Callable[[Tensor], Tensor]
"""What a network makes of a window (M, D, H, W): probabilities (R, D, H, W) of regions, outermost first; on the CPU."""
EDGE_WEIGHT = 0.05
LOOKING = "outlining the tumour"


@dataclass(frozen=True)
class Outline:
    """Probability of each nested region and its standard deviation over the views, (R, D, H, W) each."""

    probability: Tensor
    spread: Tensor


def window_starts(length: int, side: int, overlap: float) -> list[int]:
    """First voxels of windows of `side` that cover `length` voxels, evenly spread."""
    if length <= side:
        return [0]
    count = math.ceil((length - side) / max(1, side * (1 - overlap))) + 1
    return [round(number * (length - side) / (count - 1)) for number in range(count)]


def outline(
    look: Look,
    regions: int,
    images: Tensor,
    crop: tuple[int, int, int],
    flips: int,
    overlap: float,
    progress: Progress,
) -> Outline:
    """All windows of (M, D, H, W) as ``look`` sees them."""
    shape = images.shape[1:]
    padding = [p for side, length in zip(crop[::-1], shape[::-1], strict=True) for p in (0, max(0, side - length))]
    padded = torch.stack([F.pad(image, padding, value=float(image.min())) for image in images])
    total, spread = (torch.zeros(regions, *padded.shape[1:]) for _ in range(2))
    weights, window_weight = torch.zeros(padded.shape[1:]), _weight(crop)
    axes = [window_starts(length, side, overlap) for length, side in zip(padded.shape[1:], crop, strict=True)]
    starts = list(itertools.product(*axes))
    for number, start in enumerate(starts):
        progress(number / len(starts), LOOKING)
        place = tuple(slice(first, first + side) for first, side in zip(start, crop, strict=True))
        channels = (slice(None), *place)
        views = _views(look, padded[channels], flips)  # (V, R, d, h, w)
        mean = views.mean(dim=0)
        total[channels] += window_weight * mean
        spread[channels] += window_weight * (views - mean).square_().mean(dim=0).sqrt_()  # torch's std is slow here
        weights[place] += window_weight
    inside = (slice(None), *(slice(0, length) for length in shape))
    return Outline((total / weights)[inside], (spread / weights)[inside])


@torch.inference_mode()
def _views(look: Look, window: Tensor, flips: int) -> Tensor:
    """Probabilities of one window in every view, (V, R, d, h, w); one view where it shows nothing."""
    views: list[Tensor] = []
    for mirrored in FLIPS[:flips]:
        turn = [axis + 1 for axis in mirrored]
        views.append(look(window.flip(turn)).flip(turn))
        if not views[0][0].max() >= WORTH_A_SECOND_LOOK:
            break
    return torch.stack(views)


def _weight(crop: tuple[int, int, int]) -> Tensor:
    """Large in a window's centre, where most is seen of what is around."""
    axes = []
    for side in crop:
        away = (torch.arange(side) - (side - 1) / 2) / (side / 2)
        axes.append((-4 * away**2).exp().clamp(min=EDGE_WEIGHT))
    return axes[0][:, None, None] * axes[1][:, None] * axes[2]
