"""Patients from disk: BraTS' layout, one folder a patient, with any modalities."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
import SimpleITK as sitk
import torch
from mmhvae import InputError
from mmhvae.images import open_image, same_grid
from numpy.typing import NDArray
from torch import Tensor

from ..segmentation import image_path, labels_path, named_patients, nested_regions
from .configuration import PersonalisedConfig
from .run_configuration import VolumesConfig
from .volumes import PatientVolume, patient_volume

MASK_ENDING = "_mask"
Labelling = Callable[[NDArray[np.int16]], NDArray[np.generic]]
LABELLINGS: Mapping[int, Labelling] = {2: lambda labels: labels > 0, 4: nested_regions}
"""By a network's classes: lesion or none; or the number of BraTS' nested regions."""


def read_volumes(
    data: VolumesConfig, architecture: PersonalisedConfig, limit: int | None = None
) -> list[PatientVolume]:
    """The patients that the split puts into ``data.part``; with labels where the network has classes.

    Raises:
        InputError: the split has none, or one of them cannot be used; or none of them shows what is to be found.
    """
    names = named_patients(data.split, data.part, limit)
    volumes = [read_volume(data.folder / name, architecture, data.spacing) for name in names]
    if architecture.classes is not None and not any(v.labels is not None and v.labels.any() for v in volumes):
        raise InputError(f"No patient of {data.part!r} has a lesion in the labels; name some who have.")
    return volumes


def read_volume(folder: Path, architecture: PersonalisedConfig, spacing: int) -> PatientVolume:
    """One patient: `NAME/NAME_MODALITY.nii.gz`, BraTS' names where it has any, labels `NAME_seg.nii.gz`.

    The foreground is `NAME_mask.nii.gz` where there is one, else all that is above zero in any modality.

    Raises:
        InputError: a file is missing, on another grid, or of unknown labels; or the tumour that BraTS' patients have.
    """
    images = {name: open_image(image_path(folder, name), name) for name in architecture.modalities}
    grid = next(iter(images.values()))
    for name, image in images.items():
        _require_grid(image, grid, f"The {name} of {folder}")
    mask = folder / f"{folder.name}{MASK_ENDING}.nii.gz"
    raw = torch.stack([_tensor(image).float() for image in images.values()])
    foreground = (raw > 0).any(dim=0) if not mask.exists() else _tensor(_on_grid(mask, grid, "mask")) > 0
    labels = None if architecture.classes is None else _labels(folder, grid, architecture.classes)
    return patient_volume(folder.name, raw, foreground, labels, _block(grid, spacing, folder), architecture.crop)


def _labels(folder: Path, grid: sitk.Image, classes: int) -> Tensor:
    found = sitk.GetArrayFromImage(_on_grid(labels_path(folder), grid, "labels")).astype(np.int16)
    try:
        labels = LABELLINGS[classes](found).astype(np.int64)
    except ValueError as error:
        raise InputError(f"The patient {folder} cannot be used: {error} Take the name out of the split.") from error
    if classes > 2 and not labels.any():
        raise InputError(f"The patient {folder} has no tumour in the labels; take the name out of the split.")
    return torch.from_numpy(labels)


def _on_grid(path: Path, grid: sitk.Image, name: str) -> sitk.Image:
    image = open_image(path, name)
    _require_grid(image, grid, f"{path}")
    return image


def _require_grid(image: sitk.Image, grid: sitk.Image, what: str) -> None:
    if not same_grid(image, grid):
        raise InputError(f"{what} is on another grid than the patient's first image; resample it onto that.")


def _tensor(image: sitk.Image) -> Tensor:
    return torch.from_numpy(sitk.GetArrayFromImage(image).astype(np.float32))


def _block(grid: sitk.Image, spacing: int, folder: Path) -> int:
    """Voxels a side of a block of ``spacing`` mm."""
    blocks = {spacing / side for side in map(float, np.round(grid.GetSpacing(), 3))}
    if len(blocks) > 1 or not min(blocks).is_integer():
        sides = " x ".join(f"{side:g}" for side in grid.GetSpacing())
        raise InputError(
            f"The patient {folder} has voxels of {sides} mm, of which blocks of {spacing} mm cannot be made; "
            "choose another data.spacing, or resample the patient to cubes."
        )
    return int(min(blocks))
