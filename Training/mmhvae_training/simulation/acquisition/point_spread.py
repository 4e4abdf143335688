"""The point-spread function: narrowest at the focus, widening with depth; the pulse lengthens on its way."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch

from ..draws import Draws
from ..geometry import Array


@dataclass(frozen=True)
class PointSpread:
    """Standard deviations in mm."""

    axial: float  # at the face
    lengthening: float  # of the pulse at 60 mm, relative
    lateral: float  # at the focus
    elevation: float  # at the focus
    focus: float  # depth, mm
    spread: float  # depth from the focus at which the beam is wider by the square root of two, mm


def draw_point_spread(draws: Draws, far: float) -> PointSpread:
    """Draw pulse and focus of an array that shows tissue down to ``far`` mm."""
    return PointSpread(
        axial=draws.reserved(0.08, 0.18),
        lengthening=draws.reserved(0, 0.7),
        lateral=draws.reserved(0.15, 0.4),
        elevation=draws.reserved(0.2, 0.45),
        focus=draws.reserved(0.25, 0.7) * far,
        spread=draws.reserved(14, 45),
    )


def axial_width(point_spread: PointSpread, depth: Array) -> Array:
    """Standard deviation of the pulse's length (mm) at ``depth`` (mm)."""
    return np.asarray(point_spread.axial * (1 + point_spread.lengthening * depth / 60), np.float32)


def beam_width(point_spread: PointSpread, depth: Array, narrowest: float) -> Array:
    """Standard deviation (mm) at ``depth`` of a Gaussian beam that is ``narrowest`` at the focus."""
    away = (depth - point_spread.focus) / point_spread.spread
    return np.asarray(narrowest * np.sqrt(1 + away**2), np.float32)


def blur_across(fields: Array, width: Array) -> Array:
    """Convolve fields (..., L, R) along L by a Gaussian of ``width`` (R,) samples, another one at each depth."""
    kernels = torch.from_numpy(_kernels(fields.shape[-2], width))  # (R, L, L)
    stacked = torch.from_numpy(np.ascontiguousarray(fields)).reshape(-1, *fields.shape[-2:])
    blurred = torch.bmm(stacked.permute(2, 0, 1), kernels)  # (R, B, L)
    return np.asarray(blurred.permute(1, 2, 0).reshape(fields.shape).numpy(), np.float32)


def blur_along(fields: Array, width: Array) -> Array:
    """Convolve fields (..., R) along R by a Gaussian whose ``width`` (R,), in samples, is that of the place it ends."""
    samples = np.arange(fields.shape[-1], dtype=np.float32)
    kernel = _gaussian(samples[:, None] - samples[None, :], np.maximum(width, 0.2)[None, :])
    kernel /= kernel.sum(0, keepdims=True)
    stacked = torch.from_numpy(np.ascontiguousarray(fields)).reshape(-1, fields.shape[-1])
    return np.asarray((stacked @ torch.from_numpy(kernel)).reshape(fields.shape).numpy(), np.float32)


def _kernels(samples: int, width: Array) -> Array:
    """(R, L, L): for each depth the matrix that convolves L samples from the right."""
    place = np.arange(samples, dtype=np.float32)
    kernels = _gaussian((place[:, None] - place[None, :])[None], np.maximum(width, 0.2)[:, None, None])
    return np.asarray(kernels / kernels.sum(1, keepdims=True), np.float32)


def _gaussian(distance: npt.NDArray[np.float32], width: npt.NDArray[np.float32]) -> Array:
    return np.exp(-0.5 * (distance / width) ** 2).astype(np.float32)
