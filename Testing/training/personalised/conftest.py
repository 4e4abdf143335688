"""Small patients of two modalities in BraTS' layout, and the scripts of the personalised network in this process."""

from __future__ import annotations

import importlib
import json
import sys
from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk

SMALL = {
    "architecture.crop": "[32,32,32]",
    "architecture.feature_size": "12",
    "architecture.depths": "[1,1,1,1]",
    "architecture.num_heads": "[1,2,4,8]",
    "architecture.window_size": "4",
    "architecture.norm": "group",
    "architecture.modalities": "[t1,flair]",
    "data.batch_size": "1",
    "constraints.contrastive": "false",  # the second view costs a third of the time
    "output.log_every": "1",
    "device.accelerator": "cpu",
    "device.devices": "1",
}
SIDE = 34


def _write_patient(folder: Path, seed: int, tumour: bool = True, modalities=("t1", "flair"), labelled: bool = True):
    """A ball with a lesion of three nested regions, BraTS' labels 2, 1 and 4."""
    folder.mkdir(parents=True)
    rng = np.random.default_rng(seed)
    index = np.stack(np.meshgrid(*[np.arange(SIDE)] * 3, indexing="ij"), -1)
    brain = np.linalg.norm(index - 17, axis=-1) < 15
    away = np.linalg.norm(index - rng.integers(12, 22, 3), axis=-1)
    labels = np.select([away < 2, away < 4, away < 6], [1, 4, 2], 0) * brain * tumour
    for number, name in enumerate(modalities):
        image = (80 + 20 * number + 60 * (labels > 0)) * brain
        sitk.WriteImage(sitk.GetImageFromArray(image.astype(np.uint8)), str(folder / f"{folder.name}_{name}.nii.gz"))
    if labelled:
        path = folder / f"{folder.name}_seg.nii.gz"
        sitk.WriteImage(sitk.GetImageFromArray(labels.astype(np.uint8)), str(path))
    return folder


@pytest.fixture(scope="session")
def write_patient():
    """``write_patient(folder, seed, tumour, modalities, labelled)``."""
    return _write_patient


@pytest.fixture(scope="session")
def patients(tmp_path_factory):
    """A folder of three patients, of whom one has no labels, and the split that shares them out."""
    folder = tmp_path_factory.mktemp("patients")
    for seed, name in enumerate(("a", "b")):
        _write_patient(folder / name, seed)
    _write_patient(folder / "unlabelled", 2, labelled=False)
    split = {"train": ["a", "b"], "judge": ["a", "b"], "unlabelled": ["unlabelled"], "empty": []}
    (folder / "split.json").write_text(json.dumps(split))
    return folder


@pytest.fixture(scope="session")
def train_run(patients):
    """``train_run(folder, **settings)``: train_personalised.py in this process -> its exit status."""
    pytest.importorskip("monai", reason="needs the extra 'training'")
    from mmhvae_training.script import status_of

    module = importlib.import_module("train_personalised")

    def call(run: Path, **settings: object) -> int:
        given = {**SMALL, "data.folder": patients, "data.split": patients / "split.json", "run": run}
        given |= {name.replace("__", "."): value for name, value in settings.items()}
        options = [text for name, value in given.items() for text in (f"--{name}", str(value))]
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(sys, "argv", ["train_personalised.py", *options])
            return status_of(module.main)

    return call
