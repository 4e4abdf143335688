"""What the refinement minimises: an L1 or squared L2 norm, and one minus the local correlation in 3-D."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from .configuration import RefinementLossConfig

VARIANCE_FLOOR = 2.5e-4  # on images in [0, 1]: below this a window counts as flat, and noise isn't amplified
RADIUS = 4  # voxels


def refinement_losses(output: Tensor, truth: Tensor, judged: Tensor, config: RefinementLossConfig) -> dict[str, Tensor]:
    """The terms that are minimised, by name.

    Args:
        output, truth: (B, M, D, H, W) in [0, 1].
        judged: the same shape, true where an output counts.
    """
    weight = judged.to(output.dtype)
    error = F.mse_loss(output, truth, reduction="none") if config.norm == "l2" else (output - truth).abs()
    terms = {"image": (error * weight).sum() / weight.sum().clamp(min=1)}
    if config.correlation_weight:
        terms["correlation"] = config.correlation_weight * (1 - local_correlation(output, truth, judged))
    return terms


def local_correlation(a: Tensor, b: Tensor, judged: Tensor) -> Tensor:
    """Mean correlation of ``a`` and ``b`` (B, M, D, H, W) over cubes, centred where ``judged``, whose voxels count."""
    weight = judged.to(a.dtype)
    support = _mean(weight).clamp(min=1e-6)
    mean_a, mean_b, square_a, square_b, product = (
        _mean(weight * moment) / support for moment in (a, b, a * a, b * b, a * b)
    )
    variance_a = (square_a - mean_a.square()).clamp(min=0) + VARIANCE_FLOOR
    variance_b = (square_b - mean_b.square()).clamp(min=0) + VARIANCE_FLOOR
    correlation = (product - mean_a * mean_b) / (variance_a * variance_b).sqrt()
    return torch.as_tensor((correlation * weight).sum() / weight.sum().clamp(min=1))


def _mean(x: Tensor) -> Tensor:
    """Means over cubes, axis by axis; zeros beyond the edge."""
    for axis in range(3):
        size, padding = [1, 1, 1], [0, 0, 0]
        size[axis], padding[axis] = 2 * RADIUS + 1, RADIUS
        x = F.avg_pool3d(x, tuple(size), stride=1, padding=tuple(padding))
    return x
