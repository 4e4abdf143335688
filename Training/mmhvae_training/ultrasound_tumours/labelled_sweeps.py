"""Sweeps over labelled heads, as simulate.py writes them: what the ultrasound sees, the head's MRs there, its tumour.

The tumour is what the paper's masks of UPenn-GBM are taken to be: necrotic and enhancing core, without oedema.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import SimpleITK as sitk
from mmhvae.exceptions import InputError
from mmhvae.images import MR_MODALITIES, image_on, read_volume, same_grid
from mmhvae.settings import OutlineSettings

from ..data import case_folders
from ..records import read_json
from ..simulation import Label

PARAMETERS, LABELS, FIELD = "parameters.json", "labels.nii.gz", "field-of-view.nii.gz"
CORE = (Label.TUMOUR_CORE, Label.ENHANCING_RIM)
CONTRASTS = MR_MODALITIES
#: Cases that were not laid over a patient's head are all of this one.
TEMPLATE = "template"
_DRAWN_SHAPE = {"?head": (None, {"name": str})}


@dataclass(frozen=True)
class LabelledSweep:
    """One sweep; all images share the sweep's oblique grid.

    Attributes:
        name: of the case.
        head: whose it is; sweeps of one head may not be on both sides of a fold.
        folder: of the case.
        us: the simulator's ultrasound, float32, 0 outside the field of view.
        field_of_view: uint8, 0 or 1.
        tumour: uint8, 1 in the tumour's core within the field of view.
    """

    name: str
    head: str
    folder: Path
    us: sitk.Image
    field_of_view: sitk.Image
    tumour: sitk.Image

    @property
    def contrasts(self) -> tuple[str, ...]:
        """MRs that the case has."""
        return tuple(name for name in CONTRASTS if (self.folder / f"{name}.nii.gz").is_file())

    def mr(self, name: str) -> sitk.Image:
        """An MR within the field of view, its minimum at 1 there; 0 outside."""
        image = read_volume(self.folder / f"{name}.nii.gz", name)
        array = sitk.GetArrayFromImage(image)
        inside = sitk.GetArrayViewFromImage(self.field_of_view) > 0
        return image_on(np.where(inside, array - array.min() + 1, 0).astype(np.float32), image)

    def has_tumour(self) -> bool:
        """Whether there is enough to be seen: pieces of less are left out of outlines, and could not be found."""
        voxels = int(sitk.GetArrayViewFromImage(self.tumour).sum())
        return voxels * float(np.prod(self.tumour.GetSpacing())) / 1000 >= OutlineSettings.smallest_piece_ml


def sweep_folders(folder: Path) -> list[Path]:
    """The cases below ``folder``, by name.

    Raises:
        InputError: there is none.
    """
    return [folder / name for name in case_folders(folder, ("us",))]


def read_labelled_sweep(folder: Path) -> LabelledSweep:
    """Read one case.

    Raises:
        InputError: a file is missing, damaged, or on another grid; labels are not those of the simulator.
    """
    for name in (PARAMETERS, LABELS, FIELD):
        if not (folder / name).is_file():
            raise InputError(
                f"The case {folder} has no {name}; give sweeps over labelled heads, as simulate.py writes."
            )
    drawn = read_json(folder / PARAMETERS, dict, "simulate the case again.", _DRAWN_SHAPE)
    us = read_volume(folder / "us.nii.gz", "ultrasound")
    labels, field = (read_volume(folder / name, name) for name in (LABELS, FIELD))
    for name, image in ((LABELS, labels), (FIELD, field)):
        if not same_grid(image, us):
            raise InputError(f"{name} of the case {folder} has another grid than its ultrasound; simulate it again.")
    values = sitk.GetArrayFromImage(labels)
    if not np.isin(values, list(Label)).all():
        raise InputError(f"{LABELS} of the case {folder} holds labels that are not the simulator's; simulate it again.")
    seen = sitk.GetArrayFromImage(field) > 0
    # A cyst of its own is no tumour; the fluid within an invented one is.
    wanted = [*CORE, *([Label.CYST] if drawn.get("tumour") else [])]
    head = drawn.get("head")
    return LabelledSweep(
        name=folder.name,
        head=str(head["name"]) if head else TEMPLATE,
        folder=folder,
        us=us,
        field_of_view=image_on(seen.astype(np.uint8), us),
        tumour=image_on((np.isin(values, wanted) & seen).astype(np.uint8), us),
    )
