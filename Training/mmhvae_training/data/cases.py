"""Prepared and simulated cases on disk: a folder a case, a NIfTI a modality; a missing file is a missing modality."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from mmhvae.exceptions import InputError


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
