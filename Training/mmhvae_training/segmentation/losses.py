"""What the segmenter minimises: cross-entropy of each region and one minus its soft Dice."""

from __future__ import annotations

import torch
from mmhvae.segmentation import log_probabilities
from torch import Tensor

SMOOTHING = 100.0
"""Voxels added above and below in the Dice, so that a crop without a region asks for none and is not all or nothing."""


def segmentation_losses(logits: Tensor, regions: Tensor) -> dict[str, Tensor]:
    """Mean binary cross-entropy and 1 - soft Dice over views and regions, so that devices may share a batch.

    Args:
        logits: (B, 3, D, H, W) of the network; regions: the same shape, 0 or 1.
    """
    log_inside = log_probabilities(logits).clamp(max=-1e-6)
    log_outside = torch.log(-torch.expm1(log_inside))
    cross_entropy = -torch.where(regions > 0.5, log_inside, log_outside).mean()
    inside = log_inside.exp()
    both, either = (inside * regions).sum((2, 3, 4)), (inside + regions).sum((2, 3, 4))
    dice = ((2 * both + SMOOTHING) / (either + SMOOTHING)).mean()
    return {"cross-entropy": cross_entropy, "dice": 1 - dice}
