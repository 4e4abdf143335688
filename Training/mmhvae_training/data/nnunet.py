"""nnU-Net's raw data: ``dataset.json``, ``imagesTr/CASE_0000.nii.gz`` a channel, ``labelsTr/CASE.nii.gz``.

Which channel is which modality is guessed from its name in ``dataset.json``. All images of a case share one grid.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from mmhvae.exceptions import InputError
from mmhvae.images import guess_modality

from ..records import read_json
from .source import SourceCase, SourceImage

_SHAPE = {"?channel_names": {str: object}, "?modality": {str: object}}


def nnunet_cases(folder: Path) -> list[SourceCase]:
    """The cases of ``imagesTr`` and ``imagesTs``.

    Raises:
        InputError: there is no ``dataset.json``, it names no modality of ours, or there is no image.
    """
    description = _description(folder / "dataset.json")
    ending = str(description.get("file_ending", ".nii.gz"))
    channels = _channels(description, folder)
    files = sorted([*folder.glob(f"imagesTr/*{ending}"), *folder.glob(f"imagesTs/*{ending}")])
    images: dict[str, dict[str, SourceImage]] = {}
    for path in files:
        case, _, channel = path.name.removesuffix(ending).rpartition("_")
        if channel in channels:
            images.setdefault(case, {})[channels[channel]] = SourceImage(path)
    if not images:
        raise InputError(f"The data set {folder} is empty; give nnU-Net's folder with imagesTr/CASE_0000{ending}.")
    return [SourceCase(case, found, _tumour(folder, case, ending)) for case, found in images.items()]


def _description(path: Path) -> dict[str, Any]:
    return read_json(path, dict, "give the folder of a raw nnU-Net data set.", _SHAPE)


def _channels(description: dict[str, Any], folder: Path) -> dict[str, str]:
    """Four digits of a file's name -> modality; "channel_names" in version 2, "modality" in version 1."""
    named = description.get("channel_names", description.get("modality", {}))
    numbered = {int(number): str(name) for number, name in named.items() if number.isdecimal()}
    guessed = {f"{number:04d}": guess_modality(name) for number, name in numbered.items()}
    channels = {number: modality for number, modality in guessed.items() if modality is not None}
    if not channels or len(set(channels.values())) < len(channels):
        said = ", ".join(map(str, named.values())) or "none"
        raise InputError(f"The channels of {folder} ({said}) must name iUS, T2, ceT1 or FLAIR, each once; rename them.")
    return channels


def _tumour(folder: Path, case: str, ending: str) -> SourceImage | None:
    path = folder / "labelsTr" / f"{case}{ending}"
    return SourceImage(path) if path.is_file() else None
