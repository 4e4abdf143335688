"""A data set of one channel as nnU-Net v2 reads it, and where each of its cases comes from.

::

    Dataset101_Starter/imagesTr/case-00001_0000.nii.gz   ultrasound, float32
    Dataset101_Starter/labelsTr/case-00001.nii.gz        0 background, 1 tumour, on the same grid
    Dataset101_Starter/dataset.json                      channels, labels, number of cases
    Dataset101_Starter/splits_final.json                 folds; nnU-Net wants them among its preprocessed files
    Dataset101_Starter/origin.json                       ours: method, and each case's head and inputs
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import SimpleITK as sitk
from mmhvae.exceptions import InputError
from mmhvae.images import open_image, read_information, same_grid, write_volumes

from ..records import write_json
from .folds import Fold, read_folds

DESCRIPTION, FOLDS, ORIGIN = "dataset.json", "splits_final.json", "origin.json"
ENDING = ".nii.gz"
LABELS = {"background": 0, "tumour": 1}
_NAME = re.compile(r"Dataset(\d{3})_\w+")


@dataclass(frozen=True)
class Origin:
    """Of one case: whose head, and which MRs its ultrasound was made of."""

    head: str
    inputs: tuple[str, ...] = ()


@dataclass(frozen=True)
class DataSet:
    """A data set on disk.

    Attributes:
        heads: case -> head.
        folds: no head is on both sides of one.
    """

    folder: Path
    heads: Mapping[str, str]
    folds: Sequence[Fold]

    @property
    def number(self) -> int:
        """nnU-Net's."""
        return number_of(self.folder.name)

    def image(self, case: str) -> Path:
        return self.folder / "imagesTr" / f"{case}_0000{ENDING}"

    def label(self, case: str) -> Path:
        return self.folder / "labelsTr" / f"{case}{ENDING}"

    def fold(self, number: int) -> Fold:
        """Cases to learn from and to be judged by.

        Raises:
            InputError: there is no such fold.
        """
        if not 0 <= number < len(self.folds):
            raise InputError(f"{self.folder.name} has {len(self.folds)} folds; choose one from 0 on.")
        return self.folds[number]


def number_of(name: str) -> int:
    """The number in nnU-Net's name of a data set.

    Raises:
        InputError: it is no such name.
    """
    match = _NAME.fullmatch(name)
    if match is None:
        raise InputError(f"{name} is no name for nnU-Net; name the data set like Dataset101_Starter.")
    return int(match[1])


def is_written(folder: Path, case: str) -> bool:
    """Whether image and label of a case are there already: both or none are."""
    return DataSet(folder, {}, ()).label(case).is_file()


def written_cases(folder: Path) -> list[str]:
    """Names of the cases that are there already."""
    return sorted(path.name.removesuffix(ENDING) for path in folder.glob(f"labelsTr/*{ENDING}"))


def write_case(folder: Path, case: str, image: sitk.Image, tumour: sitk.Image) -> None:
    """Add a case; image and label are written together.

    Raises:
        InputError: the folder cannot be written.
    """
    place = DataSet(folder, {}, ())
    for path in (place.image(case), place.label(case)):
        path.parent.mkdir(parents=True, exist_ok=True)
    pair = {place.image(case): sitk.Cast(image, sitk.sitkFloat32), place.label(case): sitk.Cast(tumour, sitk.sitkUInt8)}
    write_volumes(pair)


def write_description(
    folder: Path, origins: Mapping[str, Origin], folds: Sequence[Fold], facts: Mapping[str, Any]
) -> None:
    """Write the JSON files, ``dataset.json`` last: a data set that has it is whole."""
    write_json({**facts, "cases": {case: asdict(origin) for case, origin in origins.items()}}, folder / ORIGIN)
    write_json(list(folds), folder / FOLDS)
    description = {
        "channel_names": {"0": "iUS"},
        "labels": LABELS,
        "numTraining": len(origins),
        "file_ending": ENDING,
        "overwrite_image_reader_writer": "SimpleITKIO",
    }
    write_json(description, folder / DESCRIPTION)


def read_data_set(folder: Path) -> DataSet:
    """Read what make_segmentation_dataset.py wrote.

    Raises:
        InputError: a file is missing or damaged, a case lacks image or label or has them on two grids, or a fold
            shares a head.
    """
    number_of(folder.name)
    try:
        described = json.loads((folder / DESCRIPTION).read_text(encoding="utf-8"))
        cases = json.loads((folder / ORIGIN).read_text(encoding="utf-8"))["cases"]
        heads = {str(case): str(origin["head"]) for case, origin in cases.items()}
        whole = described["numTraining"] == len(heads) and described["labels"] == LABELS
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise InputError(
            f"{folder} is no data set of make_segmentation_dataset.py; make it with that script."
        ) from error
    data = DataSet(folder, heads, read_folds(folder / FOLDS, heads))
    if not whole:
        raise InputError(f"{folder / DESCRIPTION} does not describe the {len(heads)} cases; make the data set again.")
    for case in heads:
        _require_pair(data, case)
    return data


def _require_pair(data: DataSet, case: str) -> None:
    for path in (data.image(case), data.label(case)):
        if not path.is_file():
            raise InputError(f"{path} is missing; make the data set again.")
    headers = [read_information(path) for path in (data.image(case), data.label(case))]
    if not same_grid(*headers):
        raise InputError(f"Image and label of {case} have different grids; make the data set again.")


def read_label(path: Path) -> sitk.Image:
    """A tumour's label map, uint8, 0 or 1.

    Raises:
        InputError: it cannot be read, is no volume, or holds other numbers.
    """
    image = open_image(path, "label map")
    values = np.unique(sitk.GetArrayViewFromImage(image))
    if image.GetDimension() != 3 or not np.isin(values, (0, 1)).all():
        raise InputError(f"{path} is no tumour's label map; give a volume of 0 and 1.")
    return sitk.Cast(image, sitk.sitkUInt8)
