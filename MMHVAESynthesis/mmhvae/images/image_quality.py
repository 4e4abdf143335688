"""How close a synthetic image is to the true one: PSNR and SSIM inside the field of view.

Both use the fixed range [0, 1] of harmonised images, not each image's own.
"""

from __future__ import annotations

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

SSIM_SIGMA, SSIM_RADIUS = 1.5, 5  # pixels; an 11 x 11 window
SSIM_C1, SSIM_C2 = 0.01**2, 0.03**2


def psnr(image: NDArray[np.float32], truth: NDArray[np.float32], mask: NDArray[np.bool_]) -> float:
    """Peak signal-to-noise ratio in dB over the voxels in ``mask``; arrays of one shape, range [0, 1]."""
    error = float(np.mean((image[mask].astype(np.float64) - truth[mask]) ** 2))
    return float("inf") if error == 0 else -10 * float(np.log10(error))


def constant_psnr(truth: NDArray[np.float32], mask: NDArray[np.bool_]) -> float:
    """PSNR of the best constant image, which is the truth's mean: what no useful synthesis falls below."""
    return psnr(np.full_like(truth, truth[mask].mean(dtype=np.float64)), truth, mask)


def ssim(image: NDArray[np.float32], truth: NDArray[np.float32], mask: NDArray[np.bool_]) -> float:
    """Structural similarity (Wang et al., 2004) of slices (S, H, W): 2-D Gaussian window, mean over ``mask``.

    The standard measure; the release's own, which treats a slice's rows as channels, is another.
    """
    return float(torch.from_numpy(ssim_map(image, truth))[torch.from_numpy(mask)].mean())


def ssim_map(image: NDArray[np.float32], truth: NDArray[np.float32]) -> NDArray[np.float32]:
    """Structural similarity at every pixel of slices (S, H, W); see :func:`ssim`."""
    a, b = (torch.from_numpy(np.ascontiguousarray(x, np.float32))[:, None] for x in (image, truth))
    moments = torch.cat([a, b, a * a, b * b, a * b], dim=1)  # (S, 5, H, W)
    mean_a, mean_b, square_a, square_b, product = _gaussian(moments).unbind(1)
    variance_a, variance_b = square_a - mean_a**2, square_b - mean_b**2
    covariance = product - mean_a * mean_b
    luminance = (2 * mean_a * mean_b + SSIM_C1) / (mean_a**2 + mean_b**2 + SSIM_C1)
    structure = (2 * covariance + SSIM_C2) / (variance_a + variance_b + SSIM_C2)
    return np.asarray((luminance * structure).numpy(), np.float32)


def _gaussian(x: Tensor) -> Tensor:
    taps = torch.exp(-0.5 * (torch.arange(-SSIM_RADIUS, SSIM_RADIUS + 1) / SSIM_SIGMA) ** 2)
    taps = taps / taps.sum()
    channels = x.shape[1]
    for shape in ((1, 1, -1, 1), (1, 1, 1, -1)):
        kernel = taps.view(shape).expand(channels, 1, *[-1] * 2)
        padding = [SSIM_RADIUS if n > 1 else 0 for n in kernel.shape[2:]]
        x = F.conv2d(F.pad(x, [padding[1]] * 2 + [padding[0]] * 2, mode="replicate"), kernel, groups=channels)
    return x
