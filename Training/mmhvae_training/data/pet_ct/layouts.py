"""Which studies a folder holds.

``autopet``: NIfTI as the challenge distributes it, PATIENT/STUDY/SUV.nii.gz, CTres.nii.gz (CT on the PET's grid) or
CT.nii.gz, and SEG.nii.gz. ``nnunet``: imagesTr/NAME_0000.nii.gz (CT), NAME_0001.nii.gz (PET in SUV), and
labelsTr/NAME.nii.gz.
``dicom``: what The Cancer Imaging Archive hands out, see :mod:`.archive`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path

from mmhvae.exceptions import InputError
from mmhvae.images import open_image

from .archive import archive_studies
from .study import Study

PET_CT = ("ct", "pet")


def autopet_studies(folder: Path, modalities: Sequence[str]) -> list[Study]:
    """Every folder with a SUV.nii.gz, two levels down or one."""
    _require_pet_ct(modalities, "autopet")
    studies = []
    for path in sorted(folder.rglob("SUV.nii.gz")):
        place = path.parent
        ct = next((p for p in (place / "CTres.nii.gz", place / "CT.nii.gz") if p.exists()), place / "CTres.nii.gz")
        parts = place.relative_to(folder).parts or (folder.name,)
        labels = place / "SEG.nii.gz"
        studies.append(_study("_".join(parts), parts[0], ct, path, labels))
    return studies


def nnunet_studies(folder: Path, modalities: Sequence[str]) -> list[Study]:
    """Every image of two channels; of AutoPET III a patient's studies begin alike: fdg_PATIENT_STUDY."""
    _require_pet_ct(modalities, "nnunet")
    studies = []
    for path in sorted(folder.glob("imagesT[rs]/*_0001.nii.gz")):
        name = path.name.removesuffix("_0001.nii.gz")
        labels = folder / path.parent.name.replace("images", "labels") / f"{name}.nii.gz"
        words = name.split("_")
        ct = path.with_name(f"{name}_0000.nii.gz")
        studies.append(_study(name, "_".join(words[:2]), ct, path, labels))
    return studies


LAYOUTS: Mapping[str, Callable[[Path, Sequence[str]], list[Study]]] = {
    "autopet": autopet_studies,
    "nnunet": nnunet_studies,
    "dicom": archive_studies,
}


def find_studies(layout: str, folder: Path, modalities: Sequence[str]) -> list[Study]:
    """The studies of a data set; what is wrong with one of them is said when it is read.

    Raises:
        InputError: the folder has none.
    """
    if not folder.is_dir():
        raise InputError(f"There is no folder {folder}; give the data set's.")
    studies = LAYOUTS[layout](folder, modalities)
    if not studies:
        raise InputError(f"The folder {folder} holds no study in the layout {layout}; name another layout or folder.")
    return studies


def _study(name: str, patient: str, ct: Path, pet: Path, labels: Path) -> Study:
    images = {"ct": partial(open_image, ct, "CT"), "pet": partial(open_image, pet, "PET")}
    safe = re.sub(r"[^A-Za-z0-9_.-]+", "_", name)
    return Study(safe, patient, images, partial(open_image, labels, "labels") if labels.exists() else None)


def _require_pet_ct(modalities: Sequence[str], layout: str) -> None:
    if set(modalities) != set(PET_CT):
        raise InputError(f"The layout {layout} has ct and pet; for other modalities use the layout dicom.")
