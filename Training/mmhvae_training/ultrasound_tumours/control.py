"""The outline of somebody who does not look: sweeps are aimed at tumours, so that the view's middle is one already."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import SimpleITK as sitk
from mmhvae.images import image_on, read_volume

from .nnunet_folder import DataSet, read_label


def median_share(data: DataSet, cases: Sequence[str]) -> float:
    """The tumours' median share of what the ultrasound shows (voxels above 0).

    Raises:
        InputError: an image or label cannot be read.
    """
    shares = []
    for case in cases:
        seen = sitk.GetArrayFromImage(read_volume(data.image(case), "ultrasound")) > 0
        tumour = sitk.GetArrayViewFromImage(read_label(data.label(case))) > 0
        shares.append((tumour & seen).sum() / seen.sum())
    return float(np.median(shares))


def central_outline(field_of_view: sitk.Image, share: float) -> sitk.Image:
    """That share (0 to 1) of a field of view (not 0) which is deepest within it, by distance in mm; uint8."""
    margin = [1, 1, 1]  # the grid's border is an edge, too
    padded = sitk.ConstantPad(sitk.Cast(field_of_view != 0, sitk.sitkUInt8), margin, margin, 0)
    distance = sitk.SignedMaurerDistanceMap(padded, insideIsPositive=True, squaredDistance=False, useImageSpacing=True)
    depth = sitk.GetArrayFromImage(sitk.Crop(distance, margin, margin))
    inside = sitk.GetArrayViewFromImage(field_of_view) != 0
    least = np.quantile(depth[inside], 1 - share)
    return image_on(((depth >= least) & inside).astype(np.uint8), field_of_view)
