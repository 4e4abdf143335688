"""PSNR and SSIM of slices in two variants, which give different numbers for the same images.

``standard``: within the field of view; range fixed to the harmonised [0, 1]; SSIM with a 2-D Gaussian window.

``paper-compatible``: as the authors' evaluation script computes them. The whole slice counts, background included; the
range is the true slice's own; SSIM takes a slice's rows for channels, so that it is one-dimensional: a window of 7
pixels along each row, the mean over rows and over the pixels that the window does not push out of the row.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from mmhvae.images import ssim_map
from numpy.typing import NDArray
from scipy.ndimage import uniform_filter1d

WINDOW = 7  # pixels, of the paper-compatible SSIM
K1, K2 = 0.01, 0.03

Slices = NDArray[np.float32]  # (S, H, W) in [0, 1], 0 outside the field of view
Scores = NDArray[np.float64]  # (S,)


def standard_psnr(image: Slices, truth: Slices, mask: NDArray[np.bool_]) -> Scores:
    """dB a slice, over ``mask`` (S, H, W), which must hold a pixel of each."""
    squared = np.where(mask, (image.astype(np.float64) - truth) ** 2, 0).sum((1, 2)) / mask.sum((1, 2))
    return _decibel(squared, 1.0)


def standard_ssim(image: Slices, truth: Slices, mask: NDArray[np.bool_]) -> Scores:
    """Wang et al. (2004) a slice, mean over ``mask`` (S, H, W), which must hold a pixel of each."""
    return np.asarray(np.where(mask, ssim_map(image, truth), 0).sum((1, 2), dtype=np.float64) / mask.sum((1, 2)))


def paper_psnr(image: Slices, truth: Slices) -> Scores:
    """dB a slice, over all its pixels, relative to the true slice's range, which must not be 0."""
    squared = ((image.astype(np.float64) - truth) ** 2).mean((1, 2))
    return _decibel(squared, np.ptp(truth, axis=(1, 2)).astype(np.float64))


def paper_ssim(image: Slices, truth: Slices) -> Scores:
    """One-dimensional SSIM along the rows (last axis) of each slice, relative to the true slice's range."""
    a, b = image.astype(np.float64), truth.astype(np.float64)
    span = np.ptp(b, axis=(1, 2))[:, None, None]
    mean_a, mean_b = _row_mean(a), _row_mean(b)
    sample = WINDOW / (WINDOW - 1)  # sample covariance, not the population's
    variance_a = sample * (_row_mean(a * a) - mean_a**2)
    variance_b = sample * (_row_mean(b * b) - mean_b**2)
    covariance = sample * (_row_mean(a * b) - mean_a * mean_b)
    c1, c2 = (K1 * span) ** 2, (K2 * span) ** 2
    luminance = (2 * mean_a * mean_b + c1) / (mean_a**2 + mean_b**2 + c1)
    structure = (2 * covariance + c2) / (variance_a + variance_b + c2)
    margin = WINDOW // 2
    return np.asarray((luminance * structure)[:, :, margin:-margin].mean((1, 2)))


def _row_mean(x: NDArray[np.float64]) -> Any:
    return uniform_filter1d(x, WINDOW, axis=2, mode="reflect")


def _decibel(squared: Scores, span: Scores | float) -> Scores:
    with np.errstate(divide="ignore"):  # two equal slices: infinite
        return np.asarray(10 * np.log10(np.square(span) / squared))
