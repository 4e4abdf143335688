"""AutoPET's and nnU-Net's trees of phantoms -> cubes that training reads; a study that is wrong is a sentence."""

from __future__ import annotations

import json
import sys

from mmhvae_training.script import status_of

import numpy as np
import prepare_pet_ct
import pytest
import SimpleITK as sitk
from mmhvae_training.data.pet_ct.preparation import body, cubes, is_prepared
from mmhvae_training.data.pet_ct.study import shared_out

STUDIES = {"PETCT_a/1": True, "PETCT_a/2": False, "PETCT_b/1": True, "PETCT_c/1": False}


def write(images, folder, names):
    folder.mkdir(parents=True, exist_ok=True)
    for name, image in zip(names, images, strict=True):
        sitk.WriteImage(image, str(folder / f"{name}.nii.gz"))


@pytest.fixture
def autopet(phantom, tmp_path):
    for name, lesion in STUDIES.items():
        made = phantom(lesion)
        write((made.ct, made.pet, made.labels), tmp_path / "source" / name, ("CTres", "SUV", "SEG"))
    return tmp_path / "source"


@pytest.fixture
def nnunet(phantom, tmp_path):
    for name, lesion in STUDIES.items():
        name, made = f"fdg_{name.replace('/', '_').replace('PETCT_', '')}", phantom(lesion)
        write((made.ct, made.pet), tmp_path / "source" / "imagesTr", (f"{name}_0000", f"{name}_0001"))
        write((made.labels,), tmp_path / "source" / "labelsTr", (name,))
    return tmp_path / "source"


@pytest.fixture
def prepare(tmp_path, monkeypatch, capsys):
    """``prepare(layout, source, ...)`` -> status, what was printed, complaint."""

    def call(layout, source, *options):
        given = ["--layout", layout, "--source", str(source), "--output", str(tmp_path / "out"), *options]
        monkeypatch.setattr(sys, "argv", ["prepare_pet_ct.py", *given])
        return status_of(prepare_pet_ct.main), *capsys.readouterr()

    return call


@pytest.mark.parametrize("layout", ["autopet", "nnunet"])
def test_both_layouts_become_cubes_with_the_same_values(layout, request, prepare, tmp_path, phantom):
    status, _, complaint = prepare(layout, request.getfixturevalue(layout), "--spacing", "2", "--judging", "0.34")
    assert (status, complaint) == (0, "")
    record = json.loads((tmp_path / "out" / "prepared.json").read_text())
    assert sorted(v > 0 for v in record["lesion_voxels"].values()) == [False, False, True, True]
    name = next(name for name, voxels in record["lesion_voxels"].items() if voxels)
    found = {
        key: sitk.ReadImage(str(tmp_path / "out" / name / f"{name}_{key}.nii.gz"))
        for key in ("ct", "pet", "mask", "seg")
    }
    assert {image.GetSpacing() for image in found.values()} == {(2.0, 2.0, 2.0)}
    ct, pet, mask, seg = (sitk.GetArrayFromImage(image) for image in found.values())
    assert ct.min() >= -1024
    assert pet.max() == pytest.approx(8, abs=0.5)
    lesion = seg > 0
    assert lesion.sum() * 8 == pytest.approx(phantom().lesion.sum() * 80, rel=0.05)  # mm^3
    assert pet[lesion].mean() > 5
    assert pet[(mask > 0) & ~lesion].mean() < 1.5
    assert mask[lesion].all()
    lung = (ct < -700) & (mask > 0)
    assert lung.any()  # filled: air within the body belongs to it
    split = json.loads((tmp_path / "out" / "split.json").read_text())
    patients = [{name.rsplit("_", 1)[0] for name in names} for names in split.values()]
    assert not set.intersection(*patients)
    assert sorted(map(len, patients)) == [1, 2]


def test_cubes_fill_the_same_field_of_view_in_the_same_directions():
    image = sitk.Image((20, 30, 10), sitk.sitkUInt8)
    image.SetSpacing((4, 4, 5))
    image.SetOrigin((7, -8, 9))
    image.SetDirection((-1, 0, 0, 0, -1, 0, 0, 0, 1))
    grid = cubes(image, 2)
    assert grid.GetSize() == (40, 60, 25)
    for far in (0, 1):
        here, there = (
            one.TransformContinuousIndexToPhysicalPoint([far * n - 0.5 for n in one.GetSize()]) for one in (grid, image)
        )
        assert here == pytest.approx(there)


def test_the_body_is_the_largest_piece_without_the_table():
    ct = np.full((6, 30, 30), -1000.0)
    ct[:, 5:20, 5:25] = 30
    ct[:, 10:14, 10:14] = -900  # lung
    ct[:, 25:29, :] = 100  # table
    found = body(ct)
    assert found[1:-1, 6:19, 6:24].all()
    assert not found[:, 24:].any()


def test_patients_are_shared_out_with_all_their_studies():
    studies = [(f"{patient}{number}", patient) for patient in "abcdefghij" for number in range(3)]
    split = shared_out(studies, 0.3, 1)
    assert (len(split["train"]), len(split["judge"])) == (21, 9)
    assert split != shared_out(studies, 0.3, 2)
    assert {name[0] for name in split["judge"]}.isdisjoint(name[0] for name in split["train"])


def no_labels(folder):
    (folder / "SEG.nii.gz").unlink()


def no_ct(folder):
    (folder / "CTres.nii.gz").unlink()


def elsewhere(folder):
    image = sitk.ReadImage(str(folder / "CTres.nii.gz"))
    image.SetOrigin((500, 0, 0))
    sitk.WriteImage(image, str(folder / "CTres.nii.gz"))


def all_air(folder):
    image = sitk.ReadImage(str(folder / "CTres.nii.gz"))
    sitk.WriteImage(image * 0 - 1000, str(folder / "CTres.nii.gz"))


def labels_elsewhere(folder):
    image = sitk.ReadImage(str(folder / "SEG.nii.gz"))
    image.SetOrigin((0, 900, 0))
    sitk.WriteImage(image, str(folder / "SEG.nii.gz"))


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (no_labels, "PETCT_a_1 has no labels"),
        (no_ct, "check the path of the CT"),
        (elsewhere, "The CT of PETCT_a_1 covers 0% of the PET's field of view"),
        (all_air, "nothing but air"),
        (labels_elsewhere, "The segmentation of PETCT_a_1 covers 0%"),
    ],
)
def test_a_study_that_cannot_be_used_is_a_sentence_and_stops_no_other(autopet, prepare, tmp_path, spoil, words):
    spoil(autopet / "PETCT_a" / "1")
    status, printed, _ = prepare("autopet", autopet)
    assert status == 0
    assert "3 studies prepared, 1 failed" in printed
    record = json.loads((tmp_path / "out" / "prepared.json").read_text())
    assert words in record["failed"]["PETCT_a_1"]
    assert not (tmp_path / "out" / "PETCT_a_1").exists()


@pytest.mark.parametrize(
    ("layout", "options", "words"),
    [
        ("nnunet", [], "no study in the layout nnunet"),
        ("autopet", ["--modalities", "nac", "ac", "ct"], "use the layout dicom"),
        ("autopet", ["--modalities", "pet"], "should name ct"),
        ("autopet", ["--judging", "1.5"], "a share from 0 to 1"),
    ],
)
def test_what_cannot_be_prepared_is_one_sentence(autopet, prepare, layout, options, words):
    status, _, complaint = prepare(layout, autopet, *options)
    assert status == 2
    assert words in complaint


def test_where_nothing_can_be_prepared_nothing_is_written(autopet, prepare, tmp_path):
    for name in STUDIES:
        no_labels(autopet / name)
    status, _, complaint = prepare("autopet", autopet)
    assert status == 2
    assert "No study could be prepared" in complaint
    assert not (tmp_path / "out").exists()
    status, printed, _ = prepare("autopet", autopet, "--unlabelled")
    assert "4 studies prepared, 0 failed" in printed


def test_a_study_of_other_images_is_made_anew(tmp_path):
    folder = tmp_path / "P_1"
    folder.mkdir()
    for ending in ("ct", "pet", "mask"):
        sitk.WriteImage(sitk.Image(2, 2, 2, sitk.sitkFloat32), str(folder / f"P_1_{ending}.nii.gz"))
    assert is_prepared(folder, ("pet", "ct"), 1.0, labelled=False)
    assert not is_prepared(folder, ("nac", "ac", "ct"), 1.0, labelled=False)
    assert not is_prepared(folder, ("pet", "ct"), 1.0, labelled=True)


def test_what_is_there_stays_until_it_is_asked_for_again(autopet, prepare, tmp_path):
    assert prepare("autopet", autopet)[0] == 0
    seg = tmp_path / "out" / "PETCT_a_1" / "PETCT_a_1_seg.nii.gz"
    sitk.WriteImage(sitk.ReadImage(str(seg)) * 0, str(seg))
    assert "PETCT_a_1: 0 voxels of lesion" in prepare("autopet", autopet)[1]
    status, _, complaint = prepare("autopet", autopet, "--spacing", "4")
    assert status == 2
    assert "prepared with cubes of 3 mm" in complaint
    assert "PETCT_a_1: 0 voxels of lesion" not in prepare("autopet", autopet, "--spacing", "4", "--again")[1]
    split = json.loads((tmp_path / "out" / "split.json").read_text())
    assert sorted(split["train"] + split["judge"]) == ["PETCT_a_1", "PETCT_a_2", "PETCT_b_1", "PETCT_c_1"]
