"""Other layouts of data sets: BIDS derivatives, raw nnU-Net data, BraTS file names."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np
import prepare_dataset
import pytest
import SimpleITK as sitk
from mmhvae import InputError
from mmhvae_training.data.bids import bids_cases
from mmhvae_training.data.brats import brats_cases
from mmhvae_training.data.cases import case_folders
from mmhvae_training.data.nnunet import nnunet_cases
from mmhvae_training.data.slices import load_case
from mmhvae_training.data.source import SourceCase, SourceImage, require_same_grid


def write(path: Path, values=None, spacing: float = 1.0) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    array = np.arange(60, dtype=np.uint8).reshape(3, 4, 5) if values is None else values
    image = sitk.GetImageFromArray(array)
    image.SetSpacing([spacing] * 3)
    sitk.WriteImage(image, str(path))
    return path


def names(case: SourceCase) -> dict[str, str]:
    return {modality: image.path.name for modality, image in case.images.items()}


def test_bids_names_tell_contrast_agent_session_and_space(tmp_path):
    sub = "sub-01_ses-preop_space-us_desc-preproc"
    for name in (f"{sub}_T2w", f"{sub}_FLAIR", f"{sub}_T1w", "sub-01_ses-preop_ce-gd_space-us_T1w", f"{sub}_us"):
        write(tmp_path / "sub-01" / "ses-preop" / "anat" / f"{name}.nii.gz")
    write(tmp_path / "sub-01" / "ses-preop" / "anat" / "sub-01_ses-preop_space-us_res-fine_T2w.nii.gz", spacing=0.5)
    write(tmp_path / "sub-01" / "ses-preop" / "anat" / "sub-01_ses-preop_space-us_label-tumor_mask.nii.gz")
    write(tmp_path / "sub-01" / "ses-preop" / "anat" / "sub-01_ses-preop_space-us_desc-synthseg_dseg.nii.gz")
    write(tmp_path / "sub-02" / "anat" / "sub-02_ce-none_T1w.nii")
    write(tmp_path / "sub-02" / "anat" / "sub-02_T2w.nii")
    (tmp_path / "sub-02" / "anat" / "notes_T2w.nii.txt").touch()
    first, second = bids_cases(tmp_path)
    assert first.name == "sub-01_ses-preop"
    assert names(first) == {
        "t2": "sub-01_ses-preop_space-us_res-fine_T2w.nii.gz",
        "flair": f"{sub}_FLAIR.nii.gz",
        "cet1": "sub-01_ses-preop_ce-gd_space-us_T1w.nii.gz",
        "us": f"{sub}_us.nii.gz",
    }
    assert first.tumour.path.name.endswith("label-tumor_mask.nii.gz")
    assert {image.labels.name for image in first.images.values()} == {
        "sub-01_ses-preop_space-us_desc-synthseg_dseg.nii.gz"
    }
    assert names(second) == {"t2": "sub-02_T2w.nii"}


def test_bids_images_in_several_spaces_need_a_choice(tmp_path):
    for space in ("us", "MNI"):
        write(tmp_path / "sub-01" / "anat" / f"sub-01_space-{space}_T2w.nii.gz")
    (case,) = bids_cases(tmp_path)
    assert names(case) == {}
    assert "in the spaces MNI, us; name one with --space" in case.problems[0]
    (case,) = bids_cases(tmp_path, "us")
    assert names(case) == {"t2": "sub-01_space-us_T2w.nii.gz"}


@pytest.mark.parametrize("key", ["channel_names", "modality"])
def test_nnunet_channels_are_named_in_the_description(tmp_path, key):
    described = {key: {"0": "T2", "1": "T1 post contrast", "2": "T1", "3": "iUS"}, "file_ending": ".nii.gz"}
    (tmp_path / "dataset.json").write_text(json.dumps(described))
    for name in ("a_b_0000", "a_b_0001", "a_b_0002", "a_b_0003", "c_0001"):
        write(tmp_path / "imagesTr" / f"{name}.nii.gz")
    write(tmp_path / "labelsTr" / "a_b.nii.gz")
    write(tmp_path / "imagesTs" / "d_0000.nii.gz")
    cases = {case.name: case for case in nnunet_cases(tmp_path)}
    assert names(cases["a_b"]) == {"t2": "a_b_0000.nii.gz", "cet1": "a_b_0001.nii.gz", "us": "a_b_0003.nii.gz"}
    assert cases["a_b"].tumour.path.name == "a_b.nii.gz"
    assert (names(cases["c"]), cases["c"].tumour) == ({"cet1": "c_0001.nii.gz"}, None)
    assert names(cases["d"]) == {"t2": "d_0000.nii.gz"}


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        (
            ["BraTS20_Training_001_t1ce", "BraTS20_Training_001_t1", "BraTS20_Training_001_seg"],
            {"cet1": "BraTS20_Training_001_t1ce.nii.gz"},
        ),
        (
            [f"BraTS-GLI-00005-000-{kind}" for kind in ("t2f", "t2w", "t1n", "seg")],
            {"flair": "BraTS-GLI-00005-000-t2f.nii.gz", "t2": "BraTS-GLI-00005-000-t2w.nii.gz"},
        ),
        (["Brats17_X_1_FLAIR", "Brats17_X_1_seg"], {"flair": "Brats17_X_1_FLAIR.nii.gz"}),
        (
            ["UPENN-GBM-00001_11_T1GD", "UPENN-GBM-00001_11_T2", "UPENN-GBM-00001_11_seg"],
            {"cet1": "UPENN-GBM-00001_11_T1GD.nii.gz", "t2": "UPENN-GBM-00001_11_T2.nii.gz"},
        ),
    ],
)  # fmt: skip
def test_brats_names_of_all_years(tmp_path, files, expected):
    for name in files:
        (tmp_path / "deep").mkdir(exist_ok=True)
        (tmp_path / "deep" / f"{name}.nii.gz").touch()
    (tmp_path / "deep" / "other.nii.gz").touch()
    (case,) = brats_cases(tmp_path)
    assert names(case) == expected
    assert case.tumour.path.name.endswith("_seg.nii.gz" if "_seg" in files[-1] else "-seg.nii.gz")


@pytest.mark.parametrize(
    ("reader", "files", "sentence"),
    [
        (bids_cases, {}, "is empty; give a BIDS derivative"),
        (brats_cases, {}, "is empty; give a folder with files such as"),
        (nnunet_cases, {}, r"dataset\.json is missing or damaged"),
        (nnunet_cases, {"dataset.json": "[1"}, r"dataset\.json is missing or damaged"),
        (nnunet_cases, {"dataset.json": '{"channel_names": ["T2"]}'}, r"channel_names is no object"),
        (nnunet_cases, {"dataset.json": '{"channel_names": {"first": "T2"}}'}, r"must name iUS, T2, ceT1 or FLAIR"),
        (nnunet_cases, {"dataset.json": '{"channel_names": {"0": "CT"}}'}, r"\(CT\) must name iUS, T2"),
        (nnunet_cases, {"dataset.json": '{"channel_names": {"0": "T2", "1": "T2"}}'}, "each once"),
        (nnunet_cases, {"dataset.json": '{"channel_names": {"0": "T2"}}'}, "is empty; give nnU-Net's folder"),
    ],
)
def test_a_data_set_of_another_kind_is_refused(tmp_path, reader, files, sentence):
    for name, text in files.items():
        (tmp_path / name).write_text(text)
    with pytest.raises(InputError, match=sentence):
        reader(tmp_path)


def test_images_of_different_grids_are_refused(tmp_path):
    paths = {"t2": write(tmp_path / "a.nii.gz"), "flair": write(tmp_path / "b.nii.gz", spacing=1.5)}
    case = SourceCase("a", {name: SourceImage(path) for name, path in paths.items()})
    with pytest.raises(InputError, match="flair and the t2 of a have different grids"):
        require_same_grid(case)
    (tmp_path / "b.nii.gz").write_bytes(b"broken")
    with pytest.raises(InputError, match=r"b\.nii\.gz cannot be read"):
        require_same_grid(case)
    assert require_same_grid(SourceCase("b", {"t2": case.images["t2"]})).name == "b"


def test_bids_cases_become_prepared_ones(tmp_path, monkeypatch, capsys):
    axes = np.meshgrid(*[np.linspace(-1, 1, 40)] * 3, indexing="ij")
    inside = np.linalg.norm(axes, axis=0) < 0.9
    labels = np.where(inside, np.where(axes[2] > 0, 41, 42), 0).astype(np.uint8)
    anat = tmp_path / "source" / "sub-01" / "anat"
    write(anat / "sub-01_T2w.nii.gz", np.where(inside, np.where(labels == 41, 100, 150), 0).astype(np.uint8))
    write(anat / "sub-01_desc-synthseg_dseg.nii.gz", labels)
    write(anat / "sub-01_FLAIR.nii.gz", np.zeros_like(labels))
    write(tmp_path / "source" / "sub-02" / "anat" / "sub-02_ce-gd_T1w.nii.gz", np.zeros_like(labels))
    options = ["--layout", "bids", "--source", str(tmp_path / "source"), "--spacing", "1"]
    monkeypatch.setattr(sys, "argv", ["x", *options, "--output", str(tmp_path / "prepared")])
    prepare_dataset.main()
    said = capsys.readouterr().out
    assert "sub-01: t2\n  The flair (sub-01_FLAIR.nii.gz) is zero everywhere" in said
    assert "sub-02: FAILED. sub-02 has no modality that can be used" in said
    assert list(case_folders(tmp_path / "prepared", ("us", "t2"))) == ["sub-01"]
    case = load_case(tmp_path / "prepared" / "sub-01", ("us", "t2"), spacing=1.0)
    assert list(case.targets) == ["t2"]
    levels = np.unique(np.round((case.targets["t2"][case.mask].astype(float) + 1) / 2, 2))
    assert set(levels) >= {0.14, 0.21}  # 1/7, and grey matter half as bright again
    monkeypatch.setattr(sys, "argv", ["x", *options[:3], str(tmp_path / "nowhere"), "--output", "y"])
    with pytest.raises(InputError, match="There is no folder"):
        prepare_dataset.main()
