"""A study on cubes of one size, in a folder of its own: NAME_ct.nii.gz, NAME_pet.nii.gz, NAME_mask.nii.gz, ..."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import SimpleITK as sitk
from mmhvae.exceptions import InputError
from mmhvae.files import whole_folder
from mmhvae.images import image_on, open_image, resampled, write_volume
from numpy.typing import NDArray
from scipy import ndimage

from ...records import write_json
from .study import Study, shared_out

AIR, HIGHEST = -1024.0, 3071.0
"""HU, to which CT is clipped; outside its field of view is air."""
BODY = -500.0
"""HU, above which there is body or table."""
OVERLAP = 0.5
"""Of the reference's field of view, that each other image has to cover at least."""
REFERENCES = ("pet", "ac", "nac", "ct")
"""Which image's field of view the cubes fill: the first that there is."""
SAME_SPACING = 1e-3  # mm
SPLIT, RECORD = "split.json", "prepared.json"


def prepare_studies(
    studies: Sequence[Study],
    output: Path,
    spacing: float,
    labelled: bool,
    share: float,
    seed: int,
    again: bool = False,
    say: Callable[[str], None] = print,
) -> dict[str, Any]:
    """Every study into a folder of its own, then which serve for what; what fails is a sentence and stops no other.

    Studies that are there already stay, unless ``again``.

    Args:
        spacing: mm, of the cubes.
        labelled: whether labels are wanted; then a study without any fails.
        share: of the patients, for judging.

    Returns:
        What ``prepared.json`` says: the spacing, voxels with a lesion by study, a sentence by study that failed.

    Raises:
        InputError: none could be prepared.
    """
    record: dict[str, Any] = {"spacing": spacing, "labelled": labelled, "lesion_voxels": {}, "failed": {}}
    done = []
    for study in studies:
        try:
            folder = output / study.name
            if again or not is_prepared(folder, tuple(study.images), spacing, labelled):
                prepare_study(study, folder, spacing, labelled)
        except InputError as error:
            record["failed"][study.name] = str(error)
            say(f"{study.name}: FAILED. {error}")
            continue
        record["lesion_voxels"][study.name] = voxels = lesion_voxels(folder) if labelled else None
        done.append((study.name, study.patient))
        say(f"{study.name}: {'no labels' if voxels is None else f'{voxels} voxels of lesion'}")
    if not done:
        raise InputError("No study could be prepared: " + next(iter(record["failed"].values()), "there is none."))
    write_json(shared_out(done, share, seed), output / SPLIT)
    write_json(record, output / RECORD)
    return record


def is_prepared(folder: Path, modalities: Sequence[str], spacing: float, labelled: bool) -> bool:
    """Whether a study is there with these images and no others, with labels if wanted.

    Raises:
        InputError: it has cubes of another size.
    """
    ct = folder / f"{folder.name}_ct.nii.gz"
    endings = {*modalities, "mask", *(["seg"] if labelled else [])}
    if {path.name for path in folder.glob("*.nii.gz")} != {f"{folder.name}_{ending}.nii.gz" for ending in endings}:
        return False
    before = open_image(ct, "CT").GetSpacing()[0]
    if abs(before - spacing) > SAME_SPACING:
        raise InputError(f"{folder} was prepared with cubes of {before:g} mm; choose a new folder, or --again.")
    return True


def lesion_voxels(folder: Path) -> int:
    """Of a study that was prepared with labels."""
    return int(sitk.GetArrayFromImage(open_image(_labels_of(folder), "labels")).sum())


def _labels_of(folder: Path) -> Path:
    return folder / f"{folder.name}_seg.nii.gz"


def prepare_study(study: Study, folder: Path, spacing: float, labelled: bool) -> None:
    """Write one study, whole or not at all, in place of what was there.

    Raises:
        InputError: an image or the labels cannot be read, are not there, or lie elsewhere.
    """
    if labelled and study.labels is None:
        raise InputError(f"The study {study.name} has no labels; leave it out, or prepare without labels.")
    images = {name: read() for name, read in study.images.items()}
    grid = cubes(images[next(name for name in REFERENCES if name in images)], spacing)
    for name, image in images.items():
        require_overlap(image, grid, f"The {name.upper()} of {study.name}")
    volumes = {f"_{name}": _on(image, grid, AIR if name == "ct" else 0.0) for name, image in images.items()}
    volumes["_mask"] = image_on(body(sitk.GetArrayFromImage(volumes["_ct"])).astype(np.uint8), grid)
    if labelled and study.labels is not None:
        labels = study.labels()
        require_overlap(labels, grid, f"The segmentation of {study.name}", least=0.0)
        volumes["_seg"] = resampled(sitk.Cast(labels != 0, sitk.sitkUInt8), grid, nearest=True)
    with whole_folder(folder, replace=True) as temporary:
        for ending, volume in volumes.items():
            write_volume(volume, temporary / f"{study.name}{ending}.nii.gz")


def cubes(image: sitk.Image, spacing: float) -> sitk.Image:
    """An empty grid of cubes that fills the image's field of view, its directions kept."""
    sides = np.array(image.GetSize()) * np.array(image.GetSpacing())
    size = [max(1, round(float(side) / spacing)) for side in sides]
    grid = sitk.Image(size, sitk.sitkUInt8)
    grid.SetSpacing([spacing] * 3)
    grid.SetDirection(image.GetDirection())
    shift = (np.full(3, spacing) - np.array(image.GetSpacing())) / 2  # the corners agree, not the first centres
    turn = np.reshape(image.GetDirection(), (3, 3))
    grid.SetOrigin((np.array(image.GetOrigin()) + turn @ shift).tolist())
    return grid


def require_overlap(image: sitk.Image, grid: sitk.Image, what: str, least: float = OVERLAP) -> None:
    """Raise an InputError where an image covers too little of the grid, or nothing."""
    ones = sitk.Image(image.GetSize(), sitk.sitkUInt8) + 1
    ones.CopyInformation(image)
    covered = float(sitk.GetArrayFromImage(resampled(ones, grid, nearest=True)).mean())
    if covered <= least:
        raise InputError(
            f"{what} covers {covered:.0%} of the PET's field of view; grids of one study overlap: leave it out."
        )


def body(ct: NDArray[np.float32]) -> NDArray[np.bool_]:
    """The patient in a CT (k, j, i) in HU: the largest piece above air without thin parts, filled slice by slice."""
    solid = ndimage.binary_opening(ct > BODY)
    pieces, count = ndimage.label(solid)
    if not count:
        raise InputError("A CT shows nothing but air; it should be in Hounsfield units.")
    largest = pieces == 1 + int(np.argmax(ndimage.sum_labels(solid, pieces, np.arange(1, count + 1))))
    return np.stack([ndimage.binary_fill_holes(plane) for plane in largest])


def _on(image: sitk.Image, grid: sitk.Image, outside: float) -> sitk.Image:
    """An image on the grid, ``outside`` where it shows nothing."""
    values = sitk.Cast(image, sitk.sitkFloat32)
    if outside == AIR:
        values = sitk.Clamp(values, lowerBound=AIR, upperBound=HIGHEST)
    return resampled(values - outside, grid) + outside
