"""Masks of the ultrasound: the region that counts, and the field of view without its edge.

What lies at the edge is seen worst, and reconstruction and smoothing bend it most. What was cut open or resected does
not count.
"""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import SimpleITK as sitk
import torch
from numpy.typing import NDArray
from torch import Tensor

from ..exceptions import InputError
from ..settings import SMALLEST_REGION_ML
from .volumes import Volume, on_grid_of

#: Erosion leaves at least this share of the voxels, so that thin fields of view survive.
LEAST_KEPT = 0.5


def edge_distances(weights: Tensor, spacing: NDArray[np.float64], reach: float) -> Tensor:
    """(D, H, W): squared distances in mm^2 to the nearest voxel outside the mask, `reach`^2 where that is farther.

    Voxels beyond the array count as outside. Exact and separable: the lower envelope of parabolas along each axis
    (Felzenszwalb and Huttenlocher, 2012), here by trying all shifts within reach.
    """
    squared = torch.where(weights > 0, reach**2, 0.0)
    for axis, step in enumerate(spacing):
        nearest = squared.clone()
        for shift in range(1, math.floor(reach / step) + 1):
            _lower(nearest, squared, axis, shift, (shift * float(step)) ** 2)
        squared = nearest
    return squared


def _lower(nearest: Tensor, squared: Tensor, axis: int, shift: int, added: float) -> None:
    """Lowers `nearest` to what the voxels `shift` before and after it along the axis offer, zeros beyond the ends."""
    size = squared.shape[axis]
    inner = max(size - shift, 0)
    torch.minimum(
        nearest.narrow(axis, shift, inner),
        squared.narrow(axis, 0, inner) + added,
        out=nearest.narrow(axis, shift, inner),
    )
    torch.minimum(
        nearest.narrow(axis, 0, inner),
        squared.narrow(axis, shift, inner) + added,
        out=nearest.narrow(axis, 0, inner),
    )
    border = min(shift, size)
    nearest.narrow(axis, 0, border).clamp_(max=added)
    nearest.narrow(axis, size - border, border).clamp_(max=added)


def eroded(weights: Tensor, spacing: NDArray[np.float64], distance: float) -> Tensor:
    """The mask (D, H, W) without the voxels less than `distance` mm from its edge.

    Where that would leave less than `LEAST_KEPT` of the voxels, only those nearest the edge go, so many that this
    share stays.
    """
    if distance <= 0:
        return weights
    squared = edge_distances(weights, spacing, distance)
    kept = (squared >= distance**2 * (1 - 1e-5)) & (weights > 0)
    if int(kept.sum()) < LEAST_KEPT * int((weights > 0).sum()):
        kept = (squared >= squared[weights > 0].median()) & (weights > 0)
    return weights * kept


def fading(volume: Volume, depth: float) -> Volume:
    """The volume, less certain the nearer to the edge of its mask: by (distance / `depth`)^2, up to `depth` mm."""
    share = edge_distances(volume.weights, volume.spacing, depth) / depth**2
    return replace(volume, certainty=share if volume.certainty is None else volume.certainty * share)


def within_region(field: sitk.Image, region: sitk.Image) -> tuple[sitk.Image, float]:
    """The field of view within a region.

    Args:
        field: uint8, not 0 where the ultrasound shows something.
        region: voxels above 0 belong to it; on any grid, LPS mm. Nothing beyond its grid does.

    Returns:
        The part of ``field`` that counts, on the same grid, and its share of it, 0 to 1.

    Raises:
        InputError: hardly anything is left, or the region is no 3-D scalar image.
    """
    inside = sitk.And(sitk.Cast(field > 0, sitk.sitkUInt8), on_grid_of(region, field, "region"))
    kept, seen = (int(np.count_nonzero(sitk.GetArrayViewFromImage(mask))) for mask in (inside, field))
    if kept * float(np.prod(field.GetSpacing())) < 1000 * SMALLEST_REGION_ML:
        raise InputError("Hardly any of the ultrasound lies within the region; give another region, or none.")
    return inside, kept / seen
