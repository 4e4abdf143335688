"""The network over a whole volume: overlapping windows, mirrored views where there is something, means and spread."""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F

from ..exceptions import Progress
from .network import REGIONS, TumourUNet, log_probabilities

FLIPS: tuple[tuple[int, ...], ...] = ((), (2,), (1,), (1, 2), (0,), (0, 2), (0, 1), (0, 1, 2))
"""Mirrored axes (D, H, W) of each view, left and right first."""
WORTH_A_SECOND_LOOK = 0.05
"""Where no voxel of a window is a tumour with at least this probability, other views are not asked."""
EDGE_WEIGHT = 0.05
LOOKING = "outlining the tumour"


@dataclass(frozen=True)
class Outline:
    """Probability of each nested region and its standard deviation over the views, (3, D, H, W) each."""

    probability: Tensor
    spread: Tensor


def window_starts(length: int, side: int, overlap: float) -> list[int]:
    """First voxels of windows of `side` that cover `length` voxels, evenly spread."""
    if length <= side:
        return [0]
    count = math.ceil((length - side) / max(1, side * (1 - overlap))) + 1
    return [round(number * (length - side) / (count - 1)) for number in range(count)]


def outline(
    network: TumourUNet,
    images: Tensor,
    present: Tensor,
    crop: tuple[int, int, int],
    flips: int,
    overlap: float,
    precision: torch.dtype,
    progress: Progress,
) -> Outline:
    """All windows of (M, D, H, W), on the network's device; the result on the CPU."""
    shape = images.shape[1:]
    padding = [p for side, length in zip(crop[::-1], shape[::-1], strict=True) for p in (0, max(0, side - length))]
    padded = torch.stack([F.pad(image, padding, value=float(image.min())) for image in images])
    total, spread = (torch.zeros(len(REGIONS), *padded.shape[1:]) for _ in range(2))
    weights, window_weight = torch.zeros(padded.shape[1:]), _weight(crop)
    axes = [window_starts(length, side, overlap) for length, side in zip(padded.shape[1:], crop, strict=True)]
    starts = list(itertools.product(*axes))
    for number, start in enumerate(starts):
        progress(number / len(starts), LOOKING)
        place = tuple(slice(first, first + side) for first, side in zip(start, crop, strict=True))
        channels = (slice(None), *place)
        views = _views(network, padded[channels], present, flips, precision)  # (V, 3, d, h, w)
        mean = views.mean(dim=0)
        total[channels] += window_weight * mean
        spread[channels] += window_weight * (views - mean).square_().mean(dim=0).sqrt_()  # torch's std is slow here
        weights[place] += window_weight
    inside = (slice(None), *(slice(0, length) for length in shape))
    return Outline((total / weights)[inside], (spread / weights)[inside])


@torch.inference_mode()
def _views(network: TumourUNet, window: Tensor, present: Tensor, flips: int, precision: torch.dtype) -> Tensor:
    """Probabilities of one window in every view, (V, 3, d, h, w); one view where it shows nothing."""
    device = next(network.parameters()).device
    views: list[Tensor] = []
    for mirrored in FLIPS[:flips]:
        turn = [axis + 1 for axis in mirrored]
        shown = window.flip(turn)[None].to(device)
        with torch.autocast(device.type, precision, enabled=precision != torch.float32):
            logits = network(shown, present[None].to(device))
        views.append(log_probabilities(logits)[0].exp().flip(turn).cpu())
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
