"""Segmentations from files: Slicer's `.seg.nrrd`, overlapping segments included, and label maps (NRRD, NIfTI, MHA)."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import SimpleITK as sitk

from ..exceptions import InputError
from ..images import check_nifti
from .label_maps import label_array

#: A parcellation of the whole brain has some 200; grey-level images have thousands.
MOST_LABELS = 500

_DICOM_MARK = 128  # bytes into a DICOM file, before the letters DICM


@dataclass(frozen=True)
class Segmentation:
    """Label maps on one grid, each of segments that exclude each other, and names by layer and label."""

    layers: tuple[sitk.Image, ...]
    names: Mapping[tuple[int, int], str]

    def name(self, layer: int, value: int) -> str:
        """What the file calls a segment, or its number."""
        return self.names.get((layer, value), f"label {value}")


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
    check_nifti(path, "segmentation")
    try:
        image = sitk.ReadImage(str(path))
    except RuntimeError as error:
        raise InputError(f"{path} cannot be read; save the segmentation as .seg.nrrd or a label map.") from error
    if image.GetDimension() == 4 and image.GetSize()[3] == 1:
        image = image[:, :, :, 0]
    count = image.GetNumberOfComponentsPerPixel()
    layers = (image,) if count == 1 else tuple(sitk.VectorIndexSelectionCast(image, n) for n in range(count))
    counts = [np.count_nonzero(np.unique(label_array(layer))) for layer in layers]
    if not any(counts):
        raise InputError(f"{path} shows no segment; choose a segmentation that shows something.")
    if max(counts) > MOST_LABELS:
        raise InputError(f"{path} holds {max(counts)} different values: an image, it seems; choose a segmentation.")
    return Segmentation(layers, _names(image))


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
            names[place[0], place[1]] = image.GetMetaData(key)
    return names


def _number(image: sitk.Image, key: str, default: int) -> int:
    try:
        return int(image.GetMetaData(key))
    except (RuntimeError, ValueError):  # not there, or no number
        return default
