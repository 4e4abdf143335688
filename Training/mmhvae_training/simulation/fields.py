"""Smooth random fields: uniform cubic B-splines over white-noise coefficients."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from .geometry import Array

#: Mean variance over a cell of a 1-D cubic B-spline with independent unit-variance coefficients.
_BSPLINE_VARIANCE = 151 / 315


def bspline_basis(samples: int, step: float) -> Array:
    """Weights (samples, knots) of a cubic B-spline whose knots lie ``step`` samples apart."""
    position = np.arange(samples) / step
    knots = np.arange(-1, int(np.ceil(position[-1])) + 2)
    t = np.abs(position[:, None] - knots)
    inner, outer = 2 / 3 - t**2 + t**3 / 2, (2 - t) ** 3 / 6
    return np.where(t < 1, inner, np.where(t < 2, outer, 0)).astype(np.float32)


def smooth_field(seed: int, shape: Sequence[int], step: float | Sequence[float]) -> Array:
    """A smooth random field of zero mean and unit variance on ``shape``; knots lie ``step`` samples apart."""
    steps = [float(step)] * len(shape) if isinstance(step, int | float) else list(step)
    bases = [bspline_basis(n, s) for n, s in zip(shape, steps, strict=True)]
    rng = np.random.default_rng(seed)
    field = rng.standard_normal([basis.shape[1] for basis in bases], dtype=np.float32)
    for axis, basis in enumerate(bases):
        field = np.moveaxis(np.tensordot(basis, field, axes=(1, axis)), 0, axis)
    return np.ascontiguousarray(field / np.float32(_BSPLINE_VARIANCE ** (len(shape) / 2)))


def sigmoid(x: npt.NDArray[np.floating]) -> Array:
    """The logistic function: the soft step by which partial volume is modelled."""
    return np.asarray(0.5 + 0.5 * np.tanh(0.5 * x), np.float32)
