"""A prepared case on disk, written whole or not at all.

::

    us.nii.gz t2.nii.gz cet1.nii.gz flair.nii.gz    raw grey values (MR: minimum 0), 0 outside the field of view
    harmonised/t2.nii.gz ...                        MR in [0, 1], white matter at 1/7, 1/5, 1/3
    tumour.nii.gz                                   uint8
    white-matter.json                               modality -> median (of the raw image), method, share
    case.json                                       where everything came from, and what could not be used

A modality without a file is missing.
"""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Any

from mmhvae.files import whole_folder
from mmhvae.images import write_volumes

from ..records import read_json, write_json
from .preparation import PreparedCase
from .slices import WHITE_MATTER

CASE = "case.json"
_RECORD = {"settings": dict, "modalities": dict, "problems": [str]}


def write_case(case: PreparedCase, output: Path) -> Path:
    """Write the folder of a case into ``output``; one that was there is replaced.

    Raises:
        InputError: it cannot be written: permissions, or a full disk.
    """
    folder = output / case.name
    with whole_folder(folder, replace=True) as temporary:
        write_volumes({temporary / name: image for name, image in case.volumes.items()})
        measured = {name: asdict(white_matter) for name, white_matter in case.white_matter.items()}
        write_json(measured, temporary / WHITE_MATTER)
        write_json(case.record, temporary / CASE)
    return folder


def read_record(folder: Path) -> dict[str, Any] | None:
    """The record of a prepared case; None where there is no such case.

    Raises:
        InputError: it is damaged, or of another shape.
    """
    path = folder / CASE
    advice = "remove the case's folder, then prepare it again."
    return read_json(path, dict, advice, _RECORD) if path.is_file() else None
