"""The swept field of view: a matter of geometry, not of grey level."""

from __future__ import annotations

import numpy as np
import SimpleITK as sitk
from numpy.typing import NDArray

from ..images import bounding_box, closed, image_on

#: Gaps between frames up to this wide are closed: about the thickness of the slice that a probe sees, at depth.
LARGEST_GAP_MM = 4.0


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
