"""PET/CT from a distributed tree to the paper's Tables 4, 5 and 6: prepared, trained on, judged."""

from __future__ import annotations

import sys

import numpy as np
import pytest
import SimpleITK as sitk

pytest.importorskip("monai", reason="needs the extra 'training'")

from mmhvae_training.script import status_of

import evaluate_personalised
import prepare_pet_ct

from ..data.pet_ct.conftest import Phantom

SIDE = 34
STUDIES = {"a": True, "b": False, "c": True, "d": False}


def write_study(folder, lesion: bool, seed: int) -> None:
    """A body of HU 40 in air and a SUV of 1, with a lesion of SUV 8 in some."""
    folder.mkdir(parents=True)
    index = np.stack(np.meshgrid(*[np.arange(SIDE)] * 3, indexing="ij"), -1)
    inside = np.linalg.norm(index - 17, axis=-1) < 14
    bright = (np.linalg.norm(index - (12 + seed, 17, 17), axis=-1) < 4) & lesion
    volumes = {"CTres": np.where(inside, 40, -1000), "SUV": inside + 7.0 * bright, "SEG": bright}
    for name, array in volumes.items():
        kind = np.float32 if name == "SUV" else np.int16
        image = sitk.GetImageFromArray(array.astype(kind))
        image.SetSpacing((3, 3, 3))
        sitk.WriteImage(image, str(folder / f"{name}.nii.gz"))


def call(script, *arguments: object) -> int:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "argv", [script.__name__, *map(str, arguments)])
        return status_of(script.main)


@pytest.fixture(scope="module")
def world(tmp_path_factory, train_run):
    """Prepared studies, a run of transfer and one of segmentation, a step each."""
    folder = tmp_path_factory.mktemp("pet-ct")
    for seed, (name, lesion) in enumerate(STUDIES.items()):
        write_study(folder / "source" / f"PETCT_{name}" / "study", lesion, seed)
    given = ("--layout", "autopet", "--source", folder / "source", "--output", folder / "prepared", "--judging", 0.75)
    assert call(prepare_pet_ct, *given, "--seed", 1) == 0
    data = {"data__folder": folder / "prepared", "data__split": folder / "prepared" / "split.json"}
    settings = {**data, "data__spacing": 3, "architecture__modalities": "[ct,pet]", "optimisation__steps": 1}
    assert train_run(folder / "images", **settings) == 0
    everyone = {"architecture__classes": 2, "data__part": "judge", "start_from": folder / "images"}
    assert train_run(folder / "lesions", task="segmentation", **everyone, **settings) == 0
    return folder


@pytest.mark.parametrize(
    ("command", "run", "words"),
    [
        ("pet-ct-transfer", "images", ["| pet | ct | 3 |", "*X_h, paper*", "*30.15*"]),
        ("lesions", "lesions", ["| lesions | ", "| *SwinUNETR, paper* | 43.45 |", "| with lesions | Dice- |"]),
    ],
)
def test_the_tables_of_pet_ct_come_from_the_distributed_files(world, tmp_path, command, run, words):
    data = ("--data", world / "prepared", "--split", world / "prepared" / "split.json")
    assert call(evaluate_personalised, command, world / run, *data, "--output", tmp_path / "e") == 0
    text = (tmp_path / "e" / f"{command}.md").read_text()
    assert all(word in text for word in words)


def test_rates_need_patients_with_and_without_lesions(world, tmp_path, capsys):
    data = ("--data", world / "prepared", "--split", world / "prepared" / "split.json", "--part", "train")
    assert call(evaluate_personalised, "lesions", world / "lesions", *data, "--output", tmp_path / "e") == 2
    assert "with and without lesions" in capsys.readouterr().err


def test_table_6_comes_from_a_tree_of_dicom_with_corrected_and_uncorrected_pet(tmp_path, train_run):
    pytest.importorskip("pydicom", reason="needs the extra 'training'")
    from ..data.pet_ct.archive_writing import write_study as write_dicom

    for patient in ("P1", "P2", "P3"):
        write_dicom(Phantom(lesion=False), tmp_path / "hnscc", patient, uncorrected=True)
    given = ("--layout", "dicom", "--source", tmp_path / "hnscc", "--output", tmp_path / "prepared", "--spacing", 3)
    assert call(prepare_pet_ct, *given, "--modalities", "nac", "ac", "ct", "--unlabelled", "--judging", 0.34) == 0
    split = tmp_path / "prepared" / "split.json"
    settings = {"data__folder": tmp_path / "prepared", "data__split": split, "data__spacing": 3}
    assert train_run(tmp_path / "run", **settings, architecture__modalities="[nac,ac,ct]", optimisation__steps=1) == 0
    data = ("--data", tmp_path / "prepared", "--split", split)
    assert call(evaluate_personalised, "pet-ct-transfer", tmp_path / "run", *data, "--output", tmp_path / "e") == 0
    rows = (tmp_path / "e" / "pet-ct-transfer.md").read_text().splitlines()
    for target, published in (("ct", "25.85"), ("ac", "46.47")):
        found = [row for row in rows if row.startswith(f"| nac | {target} | 1 |") and f"*{published}*" in row]
        assert len(found) == 3  # protocols
        assert all(float(row.split("|")[4]) > 0 for row in found)  # PSNR of what was made, beside the paper's
