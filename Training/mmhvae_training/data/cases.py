"""Prepared and simulated cases on disk: a folder a case, a NIfTI a modality; a missing file is a missing modality."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import SimpleITK as sitk
from mmhvae.exceptions import InputError
from mmhvae.images import read_volume, same_grid


def case_folders(folder: Path, modalities: Sequence[str]) -> dict[str, dict[str, Path]]:
    """Case -> modality -> file, in the order of the cases' names and of ``modalities``.

    Folders that begin with a dot are left alone: they are still being written.

    Raises:
        InputError: there is no such folder, it holds no case, or a case holds none of the modalities.
    """
    if not folder.is_dir():
        raise InputError(f"There is no folder {folder}; give the one that holds one folder a case.")
    cases = {}
    for path in sorted(p for p in folder.iterdir() if p.is_dir() and not p.name.startswith(".")):
        files = {name: path / f"{name}.nii.gz" for name in modalities}
        cases[path.name] = {name: file for name, file in files.items() if file.is_file()}
        if not cases[path.name]:
            raise InputError(f"The case {path} holds none of {', '.join(modalities)}; remove it, or add its images.")
    if not cases:
        raise InputError(f"The data set {folder} is empty; give a folder that holds one folder a case.")
    return cases


def read_on_one_grid(files: Mapping[str, Path]) -> dict[str, sitk.Image]:
    """The images of one case, float32.

    Raises:
        InputError: one cannot be used (NaN, damaged, empty, not 3-D), or two have different grids.
    """
    images = {name: read_volume(path, name) for name, path in files.items()}
    first = next(iter(images))
    for name, image in images.items():
        if not same_grid(image, images[first]):
            raise InputError(
                f"The {name} and the {first} of the case {files[name].parent} have different grids; "
                "prepare the case again, or resample one to the other."
            )
        image.CopyInformation(images[first])  # headers round; SimpleITK computes on grids that are equal to 1e-6 alone
    return images
