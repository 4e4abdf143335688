"""Image losses of the ELBO's reconstruction and synthesis terms (equation 9)."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from ..configuration import Norm

VARIANCE_FLOOR = 1e-3  # on images in [-1, 1]: below this a window counts as flat, and noise isn't amplified


def image_loss(
    output: Tensor,
    target: Tensor,
    mask: Tensor,
    norm: Norm,
    correlation_weight: float,
    weight: Tensor | None = None,
) -> Tensor:
    """How far an image is from its target: the squared L2 of the paper or the L1 / 2 of the release, each a mean.

    Args:
        output, target: (B, 1, H, W) in [-1, 1], -1 outside the field of view.
        mask: (B, 1, H, W), true inside the field of view.
        norm: ``l1`` or ``l2``.
        correlation_weight: of one minus the local correlation, which is added; 0 for the paper's or release's loss.
        weight: (B, 1, H, W) of the pixels in the norm; None: 1 each.

    Returns:
        A scalar, the mean over all pixels (norm), or over the windows inside the mask of each image (correlation).
    """
    error = F.mse_loss(output, target, reduction="none") if norm == "l2" else (output - target).abs() / 2
    loss = (error if weight is None else weight * error).mean()
    if correlation_weight:
        loss = loss + correlation_weight * (1 - local_correlation(output, target, mask))
    return loss


def fluid_weight(fluid: Tensor | None, weight: float) -> Tensor | None:
    """Weight of the pixels, (B, 1, H, W): ``weight`` where ``fluid`` is true, 1 elsewhere; None if it is 1 everywhere.

    Ventricles and cysts fill a few hundredths of the pixels. Where ultrasound leaves it open whether a dark place is
    fluid, a loss without weights settles for the grey of what is far more common.
    """
    return None if fluid is None or weight == 1 else 1 + (weight - 1) * fluid.to(torch.float32)


def local_correlation(a: Tensor, b: Tensor, mask: Tensor, radius: int = 4) -> Tensor:
    """Mean signed correlation of ``a`` and ``b`` (B, 1, H, W) over square windows, centred inside ``mask``.

    It is the mean over the images of each image's own mean, so that a batch may be split over devices.

    Pixels outside the mask carry no weight, so the edge of the field of view is no structure.
    """
    weight = mask.to(a.dtype)
    moments = torch.cat([weight, weight * a, weight * b, weight * a * a, weight * b * b, weight * a * b], dim=1)
    size = 2 * radius + 1
    # Axis by axis: the same means at 2 / size of the cost, a tenth of a training step.
    means = F.avg_pool2d(moments, (size, 1), stride=1, padding=(radius, 0))
    means = F.avg_pool2d(means, (1, size), stride=1, padding=(0, radius))  # (B, 6, H, W)
    support = means[:, :1].clamp(min=1e-6)
    mean_a, mean_b, square_a, square_b, product = (means[:, 1:] / support).split(1, dim=1)
    variance_a = (square_a - mean_a.square()).clamp(min=0) + VARIANCE_FLOOR
    variance_b = (square_b - mean_b.square()).clamp(min=0) + VARIANCE_FLOOR
    correlation = (product - mean_a * mean_b) / (variance_a * variance_b).sqrt()
    of_images = (correlation * weight).sum((1, 2, 3)) / weight.sum((1, 2, 3)).clamp(min=1)  # (B,)
    return of_images.mean()
