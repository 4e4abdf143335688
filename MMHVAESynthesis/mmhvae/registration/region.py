"""The part of an ultrasound within which it is registered: what was cut open or resected does not count."""

from __future__ import annotations

import numpy as np
import SimpleITK as sitk

from ..exceptions import InputError
from ..settings import SMALLEST_REGION_ML
from .volumes import on_grid_of


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
