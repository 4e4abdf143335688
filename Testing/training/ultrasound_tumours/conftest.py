"""Small sweeps over labelled heads: balls of tissue with a bright ball of tumour in them."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk
from mmhvae_training.simulation import Label

SIZE = (20, 22, 24)


def add_tumour(folder: Path, head: str | None, centre=(10, 11, 12), radius=4.0, **parameters) -> Path:
    """Give a case of ``write_case`` a tumour, brighter in every image, a field of view, and its head's name."""
    labels = sitk.ReadImage(str(folder / "labels.nii.gz"))
    array = sitk.GetArrayFromImage(labels)
    away = np.linalg.norm(np.moveaxis(np.indices(array.shape), 0, -1) - np.array(centre), axis=-1)
    seen = array > 0
    array[(away < radius) & seen] = Label.TUMOUR_CORE
    for name in ("us", "t2", "cet1", "flair"):
        image = sitk.GetArrayFromImage(sitk.ReadImage(str(folder / f"{name}.nii.gz")))
        image[(away < radius) & seen] += 150
        sitk.WriteImage(sitk.GetImageFromArray(image), str(folder / f"{name}.nii.gz"))
    sitk.WriteImage(sitk.GetImageFromArray(array), str(folder / "labels.nii.gz"))
    sitk.WriteImage(sitk.GetImageFromArray(seen.astype(np.uint8)), str(folder / "field-of-view.nii.gz"))
    drawn = {"head": {"name": head, "lesion": "own"} if head else None, "tumour": None} | parameters
    (folder / "parameters.json").write_text(json.dumps(drawn))
    return folder


@pytest.fixture(scope="session")
def write_sweep(write_case):
    """``write_sweep(folder, head, seed, **how)`` writes one case of a head and returns its folder."""

    def write(folder: Path, head: str | None, seed: int = 0, **how) -> Path:
        return add_tumour(write_case(folder, seed=seed, size=SIZE), head, **how)

    return write


@pytest.fixture(scope="session")
def sweeps(tmp_path_factory, write_sweep):
    """Five sweeps of three heads, one of them of the template, and one that sees no tumour."""
    folder = tmp_path_factory.mktemp("sweeps")
    for number, head in enumerate(("A", "A", "B", "B", None)):
        write_sweep(folder / f"case-{number}", head, number, centre=(8 + number, 11, 12))
    write_sweep(folder / "case-5", "C", 5, radius=0.0)
    return folder
