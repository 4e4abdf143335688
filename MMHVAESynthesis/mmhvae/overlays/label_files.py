"""Segmentations from files: Slicer's `.seg.nrrd`, overlapping segments included, and label maps (NRRD, NIfTI, MHA)."""

from __future__ import annotations

import functools
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import SimpleITK as sitk
from numpy.typing import NDArray

from ..exceptions import InputError
from ..images import open_image
from .label_maps import label_array

#: A parcellation of the whole brain has some 200; grey-level images have thousands.
MOST_LABELS = 500
#: A map of fewer labels is taken for one without a look at its neighbours.
FEWEST_GREY_LEVELS = 16
#: Share of neighbours that differ: above, an image; in parcellations of the brain it is under a fifth.
_DIFFER = 0.5
#: An image without noise has so many levels, and most of its neighbours that differ are next to each other.
_SMOOTH_LEVELS, _MOSTLY = 48, 0.95
_SLICES = 32
_COUNTED = 1 << 20

_DICOM_MARK = 128  # bytes into a DICOM file, before the letters DICM


@dataclass(frozen=True)
class Segmentation:
    """Label maps on one grid, each of segments that exclude each other, and names by layer and label."""

    layers: tuple[sitk.Image, ...]
    names: Mapping[tuple[int, int], str]

    def name(self, layer: int, value: int) -> str:
        """What the file calls a segment, or its number."""
        return self.names.get((layer, value), f"label {value}")

    @property
    def mask(self) -> sitk.Image:
        """Where any segment is: uint8, 0 or 1."""
        marked = [sitk.Cast(layer != 0, sitk.sitkUInt8) for layer in self.layers]
        return functools.reduce(sitk.Or, marked)


def read_segmentation(path: str | Path) -> Segmentation:
    """Read a segmentation.

    Raises:
        InputError: the file is missing, damaged, DICOM, or holds no 3-D label maps, or empty ones.
    """
    path = Path(path)
    if not os.path.isfile(path):
        raise InputError(f"There is no file {path}; check the path of the segmentation.")
    if is_dicom(path):  # ITK reads it without the place of its frames: a wrong overlay, and no error
        raise InputError(f"{path} is DICOM; load it in 3D Slicer and save the segmentation as .seg.nrrd.")
    image = open_image(path, "segmentation")
    names, count = _names(image), image.GetNumberOfComponentsPerPixel()
    layers = (image,) if count == 1 else tuple(sitk.VectorIndexSelectionCast(image, n) for n in range(count))
    for layer in layers:
        require_labels(layer, path, is_named=bool(names))
    if not any(sitk.GetArrayViewFromImage(layer).any() for layer in layers):
        raise InputError(f"{path} shows no segment; choose a segmentation that shows something.")
    return Segmentation(layers, names)


def require_labels(layer: sitk.Image, path: Path, *, is_named: bool = False) -> None:
    """Refuse a grey-level image; told from a map of many labels by neighbouring voxels, which seldom are alike in it.

    Raises:
        InputError: it is one, or no 3-D map of whole numbers.
    """
    array = label_array(layer)
    count = int(np.count_nonzero(np.bincount(array.ravel())[1:] if array.max() < _COUNTED else np.unique(array)))
    if count > MOST_LABELS or (count > FEWEST_GREY_LEVELS and not is_named and _is_grey(array)):
        raise InputError(f"{path} holds {count} different values: an image, it seems; choose a segmentation.")


def _is_grey(array: NDArray[np.int32]) -> bool:
    """Whether, outside the commonest value and 0, neighbours differ mostly, or by a step of grey at a time."""
    slices = array[:: max(1, len(array) // _SLICES)]
    values, counts = np.unique(slices[slices != 0], return_counts=True)
    common = values[counts.argmax()] if len(values) else 0
    left, right = slices[:, :, :-1], slices[:, :, 1:]
    inside = (left != 0) & (right != 0) & ~((left == common) & (right == common))
    steps = np.abs(left[inside].astype(np.int64) - right[inside])
    if not len(steps):
        return False
    changes = steps[steps > 0]
    is_smooth = len(values) > _SMOOTH_LEVELS and len(changes) > 0 and bool((changes <= 2).mean() > _MOSTLY)
    return bool((steps > 0).mean() > _DIFFER) or is_smooth


def is_dicom(path: Path) -> bool:
    """Whether a file has the mark of DICOM."""
    try:
        with path.open("rb") as stream:
            return stream.read(_DICOM_MARK + 4)[_DICOM_MARK:] == b"DICM"
    except OSError as error:
        raise InputError(f"{path} cannot be read; check its name and permissions.") from error


def _names(image: sitk.Image) -> dict[tuple[int, int], str]:
    names = {}
    for key in image.GetMetaDataKeys():
        if key.startswith("Segment") and key.endswith("_Name"):
            segment = key.removesuffix("_Name")
            place = [
                _number(image, f"{segment}_{what}", default) for what, default in (("Layer", 0), ("LabelValue", 1))
            ]
            names[place[0], place[1]] = " ".join(image.GetMetaData(key).split())
    return names


def _number(image: sitk.Image, key: str, default: int) -> int:
    try:
        return int(image.GetMetaData(key))
    except (RuntimeError, ValueError):  # not there, or no number
        return default
