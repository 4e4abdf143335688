"""Labelled patients in memory: skull-stripped MRs at 1 mm, nested tumour regions, and how far the brain is."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import SimpleITK as sitk
from mmhvae import InputError
from mmhvae.images import open_image
from numpy.typing import NDArray
from scipy import ndimage

from ..records import misfit

FILE_NAMES = {"t1": ("_t1", "-t1n"), "cet1": ("_t1ce", "-t1c"), "t2": ("_t2", "-t2w"), "flair": ("_flair", "-t2f")}
"""What follows the patient's name in BraTS' files of 2018 and of 2023; other images are called as their modality."""
LABEL_NAMES = ("_seg", "-seg")
OEDEMA = 2
ENHANCING = (3, 4)
"""4 until 2021, 3 since; no patient has both."""
DISTANCE_SPACING = 2
DISTANCE_MARGIN = 64


@dataclass(frozen=True)
class Patient:
    """One patient on a grid of 1 mm, axes (inferior to superior, anterior to posterior, right to left).

    Attributes:
        images: (M, D, H, W) uint8, 0 outside the brain.
        regions: (D, H, W) uint8: how many of the nested regions a voxel lies in, 3 in the enhancing tumour.
        distance: float16, millimetres outside the brain on every second voxel of the grid padded by
            `DISTANCE_MARGIN` voxels on every side; 0 within.
        medians: each image's median within the brain.
        lesion: (N, 3) voxels of the whole tumour, every eighth.
    """

    name: str
    images: NDArray[np.uint8]
    regions: NDArray[np.uint8]
    distance: NDArray[np.float16]
    medians: tuple[float, ...]
    lesion: NDArray[np.int16]


def nested_regions(labels: NDArray[np.integer]) -> NDArray[np.uint8]:
    """BraTS labels as the number of nested regions: oedema 1, core without enhancement 2, enhancing 3."""
    unknown = set(np.unique(labels).tolist()) - {0, 1, OEDEMA, *ENHANCING}
    if unknown:
        raise ValueError(f"labels should be those of BraTS (0, 1, 2, 3 or 4), got {sorted(unknown)} as well.")
    whole, enhancing = labels > 0, np.isin(labels, ENHANCING)
    core = whole & (labels != OEDEMA)
    return (whole.astype(np.uint8) + core + enhancing).astype(np.uint8)


def distance_outside(brain: NDArray[np.bool_]) -> NDArray[np.float16]:
    """Millimetres from each voxel outside the brain, closed and filled, to it; see `Patient.distance`."""
    padded = np.pad(brain, DISTANCE_MARGIN)[::DISTANCE_SPACING, ::DISTANCE_SPACING, ::DISTANCE_SPACING]
    closed = ndimage.binary_fill_holes(ndimage.binary_closing(padded, iterations=2))
    return (ndimage.distance_transform_edt(~closed) * DISTANCE_SPACING).astype(np.float16)


def image_path(folder: Path, modality: str) -> Path:
    """Where a patient's image lies: `NAME/NAME_t1.nii.gz`, or `NAME/NAME-t1n.nii.gz`."""
    return _present(folder, FILE_NAMES.get(modality, (f"_{modality}",)))


def labels_path(folder: Path) -> Path:
    """Where a patient's labels lie: `NAME/NAME_seg.nii.gz`, or `NAME/NAME-seg.nii.gz`."""
    return _present(folder, LABEL_NAMES)


def _present(folder: Path, endings: tuple[str, ...]) -> Path:
    paths = [folder / f"{folder.name}{ending}.nii.gz" for ending in endings]
    return next((path for path in paths if path.exists()), paths[0])


def read_patient(folder: Path, modalities: tuple[str, ...]) -> Patient:
    """A patient of BraTS' layout, brain upright at 1 mm."""
    images = np.stack([_array(image_path(folder, modality)) for modality in modalities]).astype(np.uint8)
    regions = nested_regions(_array(labels_path(folder)).astype(np.int16))
    return Patient(
        folder.name,
        images,
        regions,
        distance_outside(np.any(images > 0, axis=0)),
        tuple(float(np.median(image[image > 0])) for image in images),
        np.argwhere(regions > 0)[::8].astype(np.int16),
    )


def _array(path: Path) -> NDArray[np.generic]:
    return sitk.GetArrayFromImage(open_image(path))


def named_patients(split: Path, part: str, limit: int | None = None) -> list[str]:
    """The first so many patients that a split file (JSON, lists of names) puts into ``part``.

    Raises:
        InputError: the split cannot be read, or names nobody.
    """
    try:
        split_into = json.loads(split.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        split_into = None
    if misfit(split_into, {part: [str]}) is not None:
        raise InputError(f"The split {split} has no list {part!r} of patients; give a JSON file that has.")
    names = list(split_into[part])[:limit]
    if not names:
        raise InputError(f"The split {split} puts no patient into {part!r}; name some.")
    return names


def read_patients(
    folder: Path, split: Path, part: str, modalities: tuple[str, ...], limit: int | None = None
) -> list[Patient]:
    """The patients that a split puts into ``part``, as `named_patients` has them.

    Raises:
        InputError: as there, or a patient's file is missing, has unknown labels or no tumour.
    """
    return [_usable(folder / name, modalities) for name in named_patients(split, part, limit)]


def _usable(folder: Path, modalities: tuple[str, ...]) -> Patient:
    try:
        patient = read_patient(folder, modalities)
    except (RuntimeError, ValueError) as error:
        reason = " ".join(str(error).split())
        raise InputError(f"The patient {folder} cannot be used: {reason} Take the name out of the split.") from error
    if not len(patient.lesion):
        raise InputError(f"The patient {folder} has no tumour in the labels; take the name out of the split.")
    return patient
