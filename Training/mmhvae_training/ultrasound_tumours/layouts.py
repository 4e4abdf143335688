"""Ultrasound with a known tumour, by layout: folds of our data sets, RESECT-SEG, ReMIND.

::

    .../Case1-US-before.nii.gz                        RESECT, wherever below the source
    .../Case1-US-before-tumor.nii.gz                  RESECT-SEG, wherever below the labels' folder

    Case001/Intraop-US/Case001-intraop-US-pre_dura.nrrd
    Case001/Annotations/*SEG-tumor*US-pre_dura*.nrrd  ReMIND; cases without one are left out
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from mmhvae.exceptions import InputError

from ..data import remind_cases
from .nnunet_folder import read_data_set

LAYOUTS = ("nnunet", "resect-seg", "remind")
IMAGE, LABEL = "-US-before.nii.gz", "-US-before-tumor.nii.gz"


@dataclass(frozen=True)
class LabelledUltrasound:
    """One case by its files."""

    name: str
    image: Path
    label: Path


def find_cases(layout: str, source: Path, labels: Path | None = None, fold: int = 0) -> list[LabelledUltrasound]:
    """The cases of a layout, by name.

    Args:
        layout: one of :data:`LAYOUTS`.
        source: folder of the data set.
        labels: RESECT-SEG: folder of the label maps, by default the source.
        fold: nnU-Net: whose cases for validation are meant.

    Raises:
        InputError: there is none with a label map.
    """
    if layout == "nnunet":
        data = read_data_set(source)
        return [LabelledUltrasound(case, data.image(case), data.label(case)) for case in data.fold(fold)["val"]]
    found = _resect(source, labels or source) if layout == "resect-seg" else _remind(source)
    if not found:
        raise InputError(f"{source} holds no pre-resection ultrasound with a tumour's label map; check the layout.")
    return found


def _resect(source: Path, labels: Path) -> list[LabelledUltrasound]:
    maps = {path.name.removesuffix(LABEL): path for path in sorted(labels.rglob(f"*{LABEL}"))}
    images = {path.name.removesuffix(IMAGE): path for path in sorted(source.rglob(f"*{IMAGE}"))}
    return [LabelledUltrasound(name, images[name], maps[name]) for name in sorted(images) if name in maps]


def _remind(source: Path) -> list[LabelledUltrasound]:
    found = []
    for folder in remind_cases(source):
        images = sorted((folder / "Intraop-US").glob("*pre_dura.nrrd"))
        maps = sorted((folder / "Annotations").glob("*SEG-tumor*US-pre_dura*.nrrd"))
        if images and maps:
            found.append(LabelledUltrasound(folder.name, images[0], maps[0]))
    return found
