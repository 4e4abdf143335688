"""The losses of pre-training and fine-tuning (section 3 and appendix A of arXiv 2411.06106)."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

TEMPERATURE = 0.1
FOREGROUND_WEIGHT = 10.0
"""Of the error within the foreground, beside 1 of the error everywhere: the authors' code; the paper omits weights."""


def contrastive_loss(first: Tensor, second: Tensor, temperature: float = TEMPERATURE) -> Tensor:
    """NT-Xent (Chen et al., ICML 2020) over the 2 B views of a step.

    Equation 2 has no positive pair in its denominator and is unbounded; the authors' code has one view a step and so
    no negatives at all. This is the loss that both cite.

    Args:
        first, second: (B, D), two views of each sub-volume.

    Raises:
        ValueError: B is 1, so that there is no negative.
    """
    if len(first) < 2:
        raise ValueError("The contrastive loss should see two sub-volumes or more a step: with one it is always 0.")
    views = F.normalize(torch.cat([first, second]).float(), dim=1)  # (2 B, D)
    similarity = views @ views.T / temperature
    similarity.fill_diagonal_(-torch.inf)
    positives = torch.arange(len(views), device=views.device).roll(len(first))
    return F.cross_entropy(similarity, positives)


def rotation_loss(logits: Tensor, turns: Tensor) -> Tensor:
    """Equivariance: cross-entropy of (B, 4) logits with the number of quarter turns (B,)."""
    return F.cross_entropy(logits, turns)


def invariance_loss(fused: Tensor, anchor: Tensor) -> Tensor:
    """Mean squared distance of X' to the anchor of the modalities seen before, which gets no gradient."""
    return F.mse_loss(fused, anchor.detach())


def decomposition_loss(output: Tensor, images: Tensor, foreground: Tensor) -> Tensor:
    """Squared error of all modalities at once, ten times within the foreground and once everywhere.

    Args:
        output, images: (B, M, D, H, W); foreground: the same shape, true where a modality shows the brain.
    """
    error = (output - images).square()
    inside = (error * foreground).sum() / foreground.sum().clamp(min=1)
    return FOREGROUND_WEIGHT * inside + error.mean()


def inpainting_loss(output: Tensor, image: Tensor) -> Tensor:
    """Mean absolute distance of (B, M, D, H, W) to the input before anything was cut out of it (Tang et al., 2022)."""
    return F.l1_loss(output, image)


def task_loss(logits: Tensor, labels: Tensor) -> Tensor:
    """Soft Dice and weighted cross-entropy of missing-modality segmentation, as in RFNet and M2FTrans.

    Args:
        logits: (B, C, D, H, W); labels: (B, D, H, W) of int64, 0 is the background and counts as a class.
    """
    probabilities = logits.float().softmax(dim=1)
    truth = F.one_hot(labels, logits.shape[1]).movedim(-1, 1).to(probabilities.dtype)  # (B, C, D, H, W)
    axes = (0, 2, 3, 4)
    sums = probabilities.sum(axes) + truth.sum(axes) + 1e-7
    dice = (2 * (probabilities * truth).sum(axes) / sums).mean()
    weights = 1 - truth.sum(axes) / labels.numel()
    logs = probabilities.clamp(min=0.005).log()
    cross_entropy = -(weights[:, None, None, None] * truth * logs).sum(dim=1).mean()
    return 1 - dice + cross_entropy
