"""Voxels between the frames, filled from their neighbours."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

Float32Array = NDArray[np.float32]


def filled(
    values: Float32Array,
    reached: NDArray[np.bool_],
    field: NDArray[np.bool_],
    spacing: Sequence[float],
    radius: float,
) -> tuple[Float32Array, NDArray[np.bool_]]:
    """Fill what no pixel reached with the weighted mean of what is near, nearest first.

    The neighbourhood grows by doubling up to ``radius`` (mm); its weights fall linearly along each axis. Only voxels
    reached by pixels are averaged, never filled ones.

    Args:
        values: (k, j, i), of meaning where ``reached``.
        reached: (k, j, i).
        field: (k, j, i), where values are wanted.
        spacing: of axes i, j, k in mm.
        radius: mm; voxels with nothing in the box of this half width around them stay as they are.

    Returns:
        Values, 0 where there are none, and where they are of meaning now (k, j, i).
    """
    weighted = np.where(reached, values, np.float32(0)).astype(np.float32)
    result, known = weighted.copy(), reached.copy()
    for reach in _doubling(min(spacing), radius):
        wanted = field & ~known
        if not wanted.any():
            break
        steps = [math.floor(reach / s + 1e-6) for s in reversed(spacing)]  # of axes k, j, i
        near = _tent_sum(reached.astype(np.float32), steps)
        fresh = wanted & (near > 0.5)  # the smallest weight is 1
        result[fresh] = _tent_sum(weighted, steps)[fresh] / near[fresh]
        known |= fresh
    return result, known


def _doubling(first: float, last: float) -> list[float]:
    """``first``, twice that, and so on up to ``last``, which always comes at the end."""
    reaches = []
    while first < last:
        reaches.append(first)
        first *= 2
    return [*reaches, last]


def _tent_sum(volume: Float32Array, steps: Sequence[int]) -> Float32Array:
    """Sum around each voxel (k, j, i) with weights n + 1 - |offset| along each axis, n of ``steps``."""
    for axis, n in enumerate(steps):
        summed = volume * np.float32(n + 1)
        source, target = np.moveaxis(volume, axis, 0), np.moveaxis(summed, axis, 0)
        for offset in range(1, min(n, len(source) - 1) + 1):
            weight = np.float32(n + 1 - offset)
            target[offset:] += weight * source[:-offset]
            target[:-offset] += weight * source[offset:]
        volume = summed
    return volume
