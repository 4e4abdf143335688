"""What the refinement minimises: an L1 or squared L2 norm, and one minus the local correlation in 3-D."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from ..configuration import Norm
from .configuration import RefinementLossConfig

VARIANCE_FLOOR = 2.5e-4  # on images in [0, 1]: below this a window counts as flat, and noise isn't amplified
RADIUS = 4  # voxels


def refinement_losses(output: Tensor, truth: Tensor, judged: Tensor, config: RefinementLossConfig) -> dict[str, Tensor]:
    """The terms that are minimised, by name.

    Args:
        output, truth: (B, M, D, H, W) in [0, 1].
        judged: the same shape, true where an output counts.
    """
    terms = {"image": image_norm(output, truth, judged, config.norm)}
    if config.correlation_weight:
        terms["correlation"] = config.correlation_weight * (1 - local_correlation(output, truth, judged))
    return terms


def image_norm(output: Tensor, truth: Tensor, judged: Tensor, norm: Norm) -> Tensor:
    """The mean over what is judged."""
    weight = judged.to(output.dtype)
    error = F.mse_loss(output, truth, reduction="none") if norm == "l2" else (output - truth).abs()
    return torch.as_tensor((error * weight).sum() / weight.sum().clamp(min=1))


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
        size, padding = [1, 1, 1], [0] * 6
        size[axis] = 2 * RADIUS + 1
        padding[4 - 2 * axis : 6 - 2 * axis] = [RADIUS, RADIUS]  # F.pad begins with the last axis
        x = F.avg_pool3d(F.pad(x, padding), tuple(size), stride=1)
    return x
