"""What surrounds an ultrasound's fan: 0 in most files, in some white, a negative number, or noise."""

from __future__ import annotations

import warnings

import numpy as np
import SimpleITK as sitk
from numpy.typing import NDArray

from ..exceptions import InputNotice
from .volumes import image_on

#: Share of the border's voxels, and of all, that one value must have to be the background's.
_OF_BORDER, _OF_ALL = 0.5, 0.05
#: Above it there is no background to be seen.
LARGEST_FAN = 0.95


def with_zero_background(image: sitk.Image, name: str) -> sitk.Image:
    """An ultrasound volume whose background is 0: another value that fills the border, and what hangs together with it.

    An :class:`InputNotice` tells that this was done.

    Args:
        image: scalar, 3-D, finite.
        name: what the image is to the user.
    """
    array = sitk.GetArrayViewFromImage(image)
    border = np.concatenate([face.ravel() for axis in range(3) for face in (array.take(0, axis), array.take(-1, axis))])
    values, counts = np.unique(border, return_counts=True)
    value = values[counts.argmax()]
    is_background = counts.max() >= _OF_BORDER * border.size and (array == value).mean() >= _OF_ALL
    if value != 0 and is_background and (array != value).any():
        text = f"The background of the {name} is {value:g}, not 0; it was taken out."
        warnings.warn(InputNotice(text), stacklevel=2)
        return image_on(np.where(_touching_border(array == value, image), 0, array).astype(array.dtype), image)
    return image


def doubt_about_background(image: sitk.Image, name: str) -> str:
    """A sentence where hardly any voxel of an ultrasound volume is background, else nothing."""
    share = float((sitk.GetArrayViewFromImage(image) > 0).mean())
    if share <= LARGEST_FAN:
        return ""
    return f"{share:.0%} of the {name} is above 0; the background around the fan should be 0."


def _touching_border(mask: NDArray[np.bool_], image: sitk.Image) -> NDArray[np.bool_]:
    parts = sitk.GetArrayFromImage(sitk.ConnectedComponent(image_on(mask.astype(np.uint8), image)))
    faces = [face for axis in range(3) for face in (parts.take(0, axis), parts.take(-1, axis))]
    outside = np.unique(np.concatenate([face.ravel() for face in faces]))
    return np.asarray(np.isin(parts, outside[outside > 0]))
