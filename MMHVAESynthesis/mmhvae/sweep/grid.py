"""The grid that a sweep is reconstructed on, and the swept field of view: a matter of geometry, not of grey level."""

from __future__ import annotations

import math

import numpy as np
import SimpleITK as sitk
from numpy.typing import NDArray

from ..exceptions import InputError
from ..images import LARGEST_EXTENT_MM, RAS_TO_LPS, bounding_box, closed, image_on
from .frames import FloatArray

#: Up to about 40 bytes a voxel are needed at the peak: 4 GB.
MOST_VOXELS = 100_000_000
#: Gaps between frames up to this wide are closed: about the thickness of the slice that a probe sees, at depth.
LARGEST_GAP_MM = 4.0


def grid_around(points: FloatArray, spacing: float) -> sitk.Image:
    """The smallest grid, its axes along those of Reference, whose voxel centres enclose ``points``.

    As in PLUS the first voxel lies at the smallest coordinates, and the axes run to the right, anterior and
    superior: in LPS the direction is diag(-1, -1, 1).

    Args:
        points: (..., 3), Reference RAS mm.
        spacing: mm, the same along all axes.

    Returns:
        An empty uint8 image in LPS.

    Raises:
        InputError: the points spread over more than a metre, or too many voxels would be needed.
    """
    corners = points.reshape(-1, 3)
    first, extent = corners.min(axis=0), np.ptp(corners, axis=0)
    if extent.max() > LARGEST_EXTENT_MM:
        raise InputError(f"The frames spread over {extent.max():.0f} mm; check the tracking and the calibration.")
    # A grid line more or less is no matter of rounding.
    size = [max(2, math.ceil(e / spacing - 1e-6) + 1) for e in extent]
    if math.prod(size) > MOST_VOXELS:
        enough = _spacing_that_fits(extent)
        raise InputError(f"At {spacing:g} mm the volume has {_millions(size)} voxels; choose {enough:g} mm or more.")
    grid = sitk.Image(size, sitk.sitkUInt8)
    grid.SetSpacing([spacing] * 3)
    grid.SetOrigin((RAS_TO_LPS[:3, :3] @ first).tolist())
    grid.SetDirection(RAS_TO_LPS[:3, :3].ravel().tolist())
    return grid


def require_grid(grid: sitk.Image) -> None:
    """Raise :class:`InputError` unless ``grid`` is 3-D, at least two voxels an axis and not too large."""
    if grid.GetDimension() != 3 or min(grid.GetSize()) < 2:
        raise InputError("The grid is not a volume; give a 3-D image of two or more voxels along each axis.")
    if math.prod(grid.GetSize()) > MOST_VOXELS:
        raise InputError(f"The grid has {_millions(grid.GetSize())} voxels; choose one of a larger spacing.")


def reference_to_index(grid: sitk.Image) -> FloatArray:
    """(4, 4): Reference RAS mm -> continuous index (i, j, k) on ``grid``, which is in LPS."""
    index_to_lps = np.eye(4)
    index_to_lps[:3, :3] = np.reshape(grid.GetDirection(), (3, 3)) * np.asarray(grid.GetSpacing())
    index_to_lps[:3, 3] = grid.GetOrigin()
    return np.asarray(np.linalg.inv(index_to_lps) @ RAS_TO_LPS)


def gap_radius(grid: sitk.Image) -> float:
    """Half the widest gap (mm) that is closed on ``grid``: never less than a voxel and a half."""
    return max(LARGEST_GAP_MM / 2, 1.5 * max(grid.GetSpacing()))


def swept_field_of_view(reached: NDArray[np.bool_], grid: sitk.Image) -> sitk.Image:
    """Voxels reached by pixels (k, j, i), closed; uint8 on ``grid``. None of them is empty further around than the gap.

    Raises:
        InputError: no voxel was reached.
    """
    radius = gap_radius(grid)
    mask = image_on(reached.astype(np.uint8), grid)
    start, size = bounding_box(mask)
    box = closed(sitk.RegionOfInterest(mask, size, start), radius)
    field = sitk.Image(grid.GetSize(), sitk.sitkUInt8)
    field.CopyInformation(grid)
    return sitk.Paste(field, box, size, destinationIndex=start)


def _spacing_that_fits(extent: FloatArray) -> float:
    """The smallest tenth of a millimetre at which a box of ``extent`` (mm) keeps within the limit."""
    tenths = 1
    while math.prod(math.ceil(10 * e / tenths) + 1 for e in extent) > MOST_VOXELS:
        tenths += 1
    return tenths / 10


def _millions(size: tuple[int, ...] | list[int]) -> str:
    return f"{math.prod(size) / 1e6:,.0f} million"
