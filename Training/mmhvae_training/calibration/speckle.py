"""How far speckle reaches: correlation lengths from the autocorrelation within a field of view.

A correlation length is the lag (mm) at which the normalised autocorrelation has fallen to one half. It is measured on
the residual from the local mean, divided by its local spread, so that neither anatomy nor gain decides.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import fft, ndimage

LONGEST_MM = 4.0  # lags that are looked at
STEP_MM = 0.05
AROUND = 8  # directions across the beam that are averaged
HALF = 0.5

Array = NDArray[np.float64]
Volume = NDArray[np.float32]


def autocorrelation(residual: Volume, inside: NDArray[np.bool_], spacing: tuple[float, ...]) -> Array:
    """Normalised autocorrelation (2r+1, 2r+1, 2r+1) for lags up to ``LONGEST_MM``, lag 0 in the middle.

    Only pairs of voxels that both lie in ``inside`` count.
    """
    reach = [int(np.ceil(LONGEST_MM / s)) + 1 for s in spacing]
    shape = [fft.next_fast_len(n + r, real=True) for n, r in zip(inside.shape, reach, strict=True)]
    centred = np.where(inside, residual - residual[inside].mean(), 0).astype(np.float32)
    products, pairs = (_with_itself(x, shape, reach) for x in (centred, inside.astype(np.float32)))
    covariance = products / np.maximum(pairs, 1)
    middle = covariance[tuple(reach)]
    return covariance / middle if middle > 0 else np.zeros_like(covariance)


def _with_itself(x: Volume, shape: list[int], reach: list[int]) -> Array:
    power = np.abs(fft.rfftn(x, shape)) ** 2
    full = np.fft.fftshift(fft.irfftn(power, shape))
    window = [slice(n // 2 - r, n // 2 + r + 1) for n, r in zip(shape, reach, strict=True)]
    return np.asarray(full[tuple(window)], np.float64)


def correlation_length(correlation: Array, directions: Array, spacing: tuple[float, ...]) -> float:
    """Lag in mm at which the mean over ``directions`` (N, 3), unit vectors (k, j, i), has fallen to one half."""
    lags = np.arange(0, LONGEST_MM, STEP_MM)
    centre = np.array(correlation.shape)[:, None, None] // 2
    at = directions.T[:, :, None] * lags / np.asarray(spacing)[:, None, None] + centre  # (3, N, lags)
    profile = ndimage.map_coordinates(correlation, at, order=3, mode="nearest").mean(0)
    below = np.flatnonzero(profile < HALF)
    if not len(below) or below[0] == 0:
        return LONGEST_MM if not len(below) else 0.0
    last, first = profile[below[0] - 1], profile[below[0]]
    return float(lags[below[0]] - STEP_MM * (HALF - first) / (last - first))


def lengths(residual: Volume, inside: NDArray[np.bool_], spacing: tuple[float, ...], beam: Array) -> dict[str, float]:
    """Correlation lengths (mm) along the beam, across it, and, without any knowledge of the beam, along the axes of
    the autocorrelation's own shape: the shortest and the longest."""
    correlation = autocorrelation(residual, inside, spacing)
    frame, _ = np.linalg.qr(np.column_stack([beam, np.eye(3)]))
    angle = np.pi * np.arange(AROUND) / AROUND
    across = np.cos(angle)[:, None] * frame[:, 1] + np.sin(angle)[:, None] * frame[:, 2]
    axes = _principal_axes(correlation, spacing)
    principal = sorted(correlation_length(correlation, axis[None], spacing) for axis in axes)
    return {
        "axial length": correlation_length(correlation, np.asarray(beam)[None], spacing),
        "lateral length": correlation_length(correlation, across, spacing),
        "shortest length": principal[0],
        "longest length": principal[-1],
    }


def _principal_axes(correlation: Array, spacing: tuple[float, ...]) -> Array:
    """Unit vectors (3, 3): of the second moments of the autocorrelation near lag 0, weighted by its square."""
    lags = np.stack(np.meshgrid(*[np.arange(n) - n // 2 for n in correlation.shape], indexing="ij"), axis=-1)
    lags = lags * np.asarray(spacing)
    near = np.linalg.norm(lags, axis=-1) < LONGEST_MM / 2
    weight = np.where(near, np.clip(correlation, 0, None) ** 2, 0)
    moments = np.einsum("kji,kjia,kjib->ab", weight, lags, lags)
    return np.asarray(np.linalg.eigh(moments)[1].T)
