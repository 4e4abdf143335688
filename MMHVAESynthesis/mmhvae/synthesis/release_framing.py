"""Volumes framed as the authors of the released weights frame them, to the voxel.

They crop to the box of the non-zero voxels, resample linearly from that box's first voxel on to the model's spacing
with a rounded number of voxels, crop to the box again, and centre each slice with the larger half of the padding first.
The field of view is every voxel above 0 of the first image, dark fluid left out.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import SimpleITK as sitk
from numpy.typing import NDArray

from ..exceptions import InputError
from ..images import bounding_box, input_range, slice_spacings

#: Share of the brightest voxel under which an interpolated value is a rounding error.
ROUNDING = 1e-6


@dataclass(frozen=True)
class ReleaseFrame:
    """The first image on the model's grid, as the authors would crop it: (k, j, i) values, and where they lie."""

    values: NDArray[np.float32]
    grid: sitk.Image

    @property
    def mask(self) -> NDArray[np.bool_]:
        """The field of view, (k, j, i)."""
        return self.values > 0


def release_frame(image: sitk.Image, spacing: float, slice_axis: int) -> ReleaseFrame:
    """Crop, resample to ``spacing`` (mm), and crop again.

    Args:
        image: float32, 0 outside the field of view.
        spacing: of the model.
        slice_axis: index axis that slices follow; thick slices are not interpolated.
    """
    box = _cropped(image)
    new = slice_spacings(box.GetSpacing(), spacing, slice_axis)
    size = [max(1, round(n * old / s)) for n, old, s in zip(box.GetSize(), box.GetSpacing(), new, strict=True)]
    grid = sitk.Image(size, sitk.sitkUInt8)
    grid.SetSpacing(new)
    grid.SetOrigin(box.GetOrigin())
    grid.SetDirection(box.GetDirection())
    found = _cropped(_linear(box, grid))
    return ReleaseFrame(sitk.GetArrayFromImage(found), found)


def release_planes(images: Mapping[str, sitk.Image], frame: ReleaseFrame) -> dict[str, NDArray[np.float32]]:
    """Every image on the frame's grid, its own voxels above 0 normalised, the rest background; (k, j, i).

    Args:
        images: the one that the frame was made of first.
        frame: of :func:`release_frame`.

    Raises:
        InputError: one shows nothing there.
    """
    found, first = {}, next(iter(images))
    for name, image in images.items():
        # Not resampled anew: beyond its box's last voxel the first image goes on as it ends.
        values = frame.values if name == first else sitk.GetArrayFromImage(_linear(image, frame.grid))
        if not (values > 0).any():
            raise InputError(f"The {name} image shows nothing in the field of view; choose one that overlaps it.")
        found[name] = input_range(values).normalise(values)
    return found


def _linear(image: sitk.Image, grid: sitk.Image) -> sitk.Image:
    """Interpolated, 0 outside; what differs from 0 by rounding alone is 0, since the field of view hangs on it."""
    values = sitk.Resample(image, grid, sitk.Transform(), sitk.sitkLinear, 0.0, sitk.sitkFloat32)
    least = ROUNDING * float(sitk.GetArrayViewFromImage(image).max())
    return sitk.Threshold(values, least, float("inf"), 0.0)


def _cropped(image: sitk.Image) -> sitk.Image:
    start, size = bounding_box(image != 0)
    return sitk.RegionOfInterest(image, size, start)
