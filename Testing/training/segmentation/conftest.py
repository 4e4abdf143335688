"""Small patients of BraTS' layout, made of balls."""

from __future__ import annotations

import json

import numpy as np
import pytest
import SimpleITK as sitk

SIDE = 36
LESION = np.array([16, 20, 13])


def write_patient(folder, labels=(1, 2, 4), shift=0):
    """A brain of three ellipsoid axes with a tumour: core within enhancement within oedema."""
    folder.mkdir(parents=True)
    k, j, i = np.meshgrid(*[np.arange(SIDE)] * 3, indexing="ij")
    brain = ((k - 18) / 15) ** 2 + ((j - 18) / 17) ** 2 + ((i - 18) / 14) ** 2 < 1
    away = np.sqrt((k - LESION[0]) ** 2 + (j - LESION[1]) ** 2 + (i - LESION[2] - shift) ** 2)
    core, oedema, enhancing = labels
    seg = np.select([away < 3, away < 5, away < 8], [core, enhancing, oedema], 0) * brain
    for number, name in enumerate(("t1", "t1ce", "t2", "flair")):
        image = (100 + 10 * number + 25 * (seg > 0) + 40 * (seg == enhancing)) * brain
        sitk.WriteImage(sitk.GetImageFromArray(image.astype(np.uint8)), str(folder / f"{folder.name}_{name}.nii.gz"))
    path = folder / f"{folder.name}_seg.nii.gz"
    sitk.WriteImage(sitk.GetImageFromArray(seg.astype(np.uint8)), str(path))
    return folder


@pytest.fixture(scope="session")
def brats(tmp_path_factory):
    """A folder with two patients and a split that names them."""
    folder = tmp_path_factory.mktemp("brats")
    for number, name in enumerate(("a", "b")):
        write_patient(folder / name, shift=4 * number)
    (folder / "split.json").write_text(json.dumps({"train": ["a", "b"], "judge": ["b"], "nobody": [], "gone": ["c"]}))
    return folder
