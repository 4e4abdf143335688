"""Sweeps over labelled heads become a data set that nnU-Net accepts, with folds that keep heads whole."""

from __future__ import annotations

import json
import shutil
import sys
from collections import Counter
from pathlib import Path

from mmhvae_training.script import status_of

import make_segmentation_dataset
import numpy as np
import pytest
import SimpleITK as sitk
import torch
from mmhvae import InputError, load_bundle
from mmhvae.bundle import Bundle, Manifest, save_bundle
from mmhvae.images import field_of_view
from mmhvae.network import MMHVAE, MMHVAEConfig
from mmhvae_training.baselines.method import Synthesiser
from mmhvae_training.data import load_case
from mmhvae_training.scoring import RunVolumes
from mmhvae_training.simulation import Label
from mmhvae_training.single_precision import synthesize
from mmhvae_training.ultrasound_tumours import (
    draw_subset,
    folds_by_head,
    read_data_set,
    read_labelled_sweep,
    require_whole_heads,
)
from mmhvae_training.ultrasound_tumours.ultrasound_makers import BundleMaker, RunMaker

TINY = MMHVAEConfig(image_size=32, base_features=4, max_features=8, num_pools=2, decoder_features=4, decoder_blocks=1)


@pytest.fixture
def make(sweeps, monkeypatch, capsys):
    """``make(output, *options)``: the script in this process -> status and complaint."""

    def call(output: Path, *options: object, cases: Path = sweeps) -> tuple[int, str]:
        given = ["--cases", cases, "--output", output, *options]
        monkeypatch.setattr(sys, "argv", ["make_segmentation_dataset.py", *map(str, given)])
        return status_of(make_segmentation_dataset.main), capsys.readouterr().err

    return call


@pytest.fixture(scope="module")
def bundle(tmp_path_factory):
    torch.manual_seed(0)
    manifest = Manifest("tiny", TINY, 1.0, "none", "tests")
    return save_bundle(Bundle(MMHVAE(TINY).eval(), manifest, "card"), tmp_path_factory.mktemp("bundle") / "tiny")


def image(path: Path) -> np.ndarray:
    return sitk.GetArrayFromImage(sitk.ReadImage(str(path)))


def require_as_nnunet_does(folder: Path) -> None:
    """What nnU-Net's own check of a data set asks (its documentation of the format), told in our own words."""
    described = json.loads((folder / "dataset.json").read_text())
    names = [path.name.removesuffix("_0000.nii.gz") for path in (folder / "imagesTr").iterdir()]
    assert described["numTraining"] == len(names)
    assert sorted(names) == sorted(path.name.removesuffix(".nii.gz") for path in (folder / "labelsTr").iterdir())
    assert sorted(described["labels"].values()) == list(range(len(described["labels"])))
    for name in names:
        pair = [folder / "imagesTr" / f"{name}_0000.nii.gz", folder / "labelsTr" / f"{name}.nii.gz"]
        shown, label = (sitk.ReadImage(str(path)) for path in pair)
        assert (shown.GetSize(), shown.GetSpacing()) == (label.GetSize(), label.GetSpacing())
        assert shown.GetOrigin() == label.GetOrigin()
        assert shown.GetDirection() == label.GetDirection()
        assert np.isfinite(image(pair[0])).all()
        assert set(np.unique(image(pair[1]))) <= set(described["labels"].values())


def test_the_simulators_own_ultrasound_comes_with_the_tumour_that_it_sees(make, sweeps, tmp_path):
    folder = tmp_path / "Dataset100_Simulator"
    assert make(folder, "--simulator", "--folds", 3) == (0, "")
    require_as_nnunet_does(folder)
    data = read_data_set(folder)
    assert (data.number, sorted(data.heads)) == (100, [f"case-{number}" for number in range(5)])
    assert data.heads["case-0"] == data.heads["case-1"] == "A"
    assert data.heads["case-4"] == "template"
    np.testing.assert_array_equal(image(data.image("case-1")), image(sweeps / "case-1" / "us.nii.gz"))
    truth = image(sweeps / "case-1" / "labels.nii.gz") == Label.TUMOUR_CORE
    np.testing.assert_array_equal(image(data.label("case-1")) > 0, truth)
    for fold in data.folds:
        assert not {data.heads[name] for name in fold["train"]} & {data.heads[name] for name in fold["val"]}
    assert Counter(name for fold in data.folds for name in fold["val"]) == Counter(list(data.heads))


def test_a_bundles_ultrasound_is_made_of_the_subset_that_is_recorded(make, write_sweep, bundle, tmp_path):
    folder, sweeps = tmp_path / "Dataset101_Tiny", tmp_path / "sweeps"
    for number, head in enumerate("AB"):
        write_sweep(sweeps / f"case-{number}", head, number)
    assert make(folder, "--bundle", bundle, "--folds", 2, cases=sweeps)[0] == 0
    require_as_nnunet_does(folder)
    origin = json.loads((folder / "origin.json").read_text())
    assert origin["bundle"] == "tiny"
    for name, case in origin["cases"].items():
        assert tuple(case["inputs"]) == draw_subset(("t2", "cet1", "flair"), name, 0)
        us = image(folder / "imagesTr" / f"{name}_0000.nii.gz")
        inside = image(sweeps / name / "field-of-view.nii.gz") > 0
        assert us[~inside].max() == 0
        assert us[inside].std() > 1
        assert us.max() <= 255
    kept = folder / "imagesTr" / "case-0_0000.nii.gz"
    before = kept.stat().st_mtime_ns
    (folder / "labelsTr" / "case-1.nii.gz").unlink()
    assert make(folder, "--bundle", bundle, "--folds", 2, cases=sweeps)[0] == 0  # goes on with what is missing
    assert kept.stat().st_mtime_ns == before
    require_as_nnunet_does(folder)
    shutil.rmtree(sweeps / "case-1")
    write_sweep(sweeps / "case-1", "B", 5)  # another of its name
    status, said = make(folder, "--bundle", bundle, "--folds", 2, cases=sweeps)
    assert (status, "holds results of another case-1; choose another folder" in said) == (2, True)


def test_a_bundles_ultrasound_is_one_sample_and_no_smooth_mean(sweeps, bundle):
    sweep, maker = read_labelled_sweep(sweeps / "case-0"), BundleMaker(load_bundle(bundle), "cpu")
    made = sitk.GetArrayFromImage(maker.make(sweep, ("t2",), 3))
    inside = sitk.GetArrayViewFromImage(sweep.field_of_view) > 0
    one, four = (
        synthesize(maker.bundle, {"t2": sweep.mr("t2")}, ["us"], samples=n, seed=3, device="cpu", reference=sweep.us)
        for n in (1, 4)
    )
    expected, mean = (255 * sitk.GetArrayFromImage(each.images["us"]).clip(0, 1) for each in (one, four))
    np.testing.assert_allclose(made[inside], expected[inside], atol=1e-3)
    assert np.abs(made - mean)[inside].max() > 0.1


class Copying(Synthesiser):
    """Makes ultrasound that looks like the T2."""

    network = torch.nn.Identity()

    def _images(self, inputs, targets, mask, noise):
        return dict.fromkeys(targets, inputs["t2"])


@pytest.mark.parametrize("side", [32, 10])
def test_a_runs_slices_are_put_back_where_they_were_cut(sweeps, side):
    sweep = read_labelled_sweep(sweeps / "case-0")
    maker = RunMaker(RunVolumes(Copying(), ("us", "t2"), side, 1.0, {}, batch_size=7))
    made = sitk.GetArrayFromImage(maker.make(sweep, ("t2",), 0))
    case = load_case(sweeps / "case-0", ("us", "t2"), 1.0)
    visible = sitk.GetArrayFromImage(field_of_view(sweep.us)) > 0
    k, j, i = (slice(hit.min(), hit.max() + 1) for hit in np.nonzero(visible))
    expected = np.zeros(visible.shape)
    box = 255 * (np.float32(case.inputs["t2"]) + 1) / 2
    cut = [slice(max(0, (n - side) // 2), max(0, (n - side) // 2) + min(n, side)) for n in box.shape[1:]]
    part = np.zeros(box.shape)
    part[:, cut[0], cut[1]] = box[:, cut[0], cut[1]]
    expected[k, j, i] = part[: k.stop - k.start, : j.stop - j.start, : i.stop - i.start]
    inside = sitk.GetArrayFromImage(sweep.field_of_view) > 0
    np.testing.assert_allclose(made, np.where(inside, expected, 0), atol=0.2)
    assert (made > 0).any()


def test_real_ultrasound_and_its_tumour_become_a_data_set_on_the_ultrasounds_grid(make, oblique, tmp_path):
    for number in range(2):
        us, labels = oblique(number, (24, 22, 20)), oblique(number, (48, 44, 40))
        labels.SetSpacing([spacing / 2 for spacing in us.GetSpacing()])
        for grid, name, radius in ((us, "US-before", 9), (labels, "US-before-tumor", 8)):
            places = np.moveaxis(np.indices(grid.GetSize()[::-1]), 0, -1) - np.array(grid.GetSize()[::-1]) / 2
            array = (np.linalg.norm(places, axis=-1) < radius).astype(np.uint8 if grid is labels else np.float32)
            written = sitk.GetImageFromArray(array)
            written.CopyInformation(grid)
            (tmp_path / "R").mkdir(exist_ok=True)
            sitk.WriteImage(written, str(tmp_path / "R" / f"Case{number}-{name}.nii.gz"))
    folder = tmp_path / "Dataset110_RESECT"
    options = ["--labelled", "resect-seg", "--folds", 2]
    assert make(folder, *options, cases=tmp_path / "R")[0] == 0
    require_as_nnunet_does(folder)
    data = read_data_set(folder)
    assert data.heads == {"Case0": "Case0", "Case1": "Case1"}
    voxels = image(data.label("Case0")).sum()
    assert voxels == pytest.approx(image(tmp_path / "R" / "Case0-US-before-tumor.nii.gz").sum() / 8, rel=0.05)
    assert "check the layout" in make(tmp_path / "Dataset111_X", "--labelled", "remind", cases=_remind(tmp_path))[1]


def _remind(folder: Path) -> Path:
    """A tree of one case without annotation in its ultrasound."""
    place = folder / "M" / "Case001" / "Intraop-US"
    place.mkdir(parents=True)
    (place / "Case001-intraop-US-pre_dura.nrrd").touch()
    return folder / "M"


def test_every_subset_is_drawn_about_alike():
    drawn = Counter(draw_subset(("t2", "cet1", "flair"), f"case-{number}", 1) for number in range(1400))
    assert len(drawn) == 7
    assert min(drawn.values()) > 150
    assert draw_subset((), "case-0", 0) == ()


@pytest.mark.parametrize(("radius", "enough"), [(0.0, False), (2.0, False), (4.0, True)])
def test_a_sweep_sees_a_tumour_where_there_is_as_much_as_outlines_keep(write_sweep, tmp_path, radius, enough):
    sweep = read_labelled_sweep(write_sweep(tmp_path / "case-0", "A", radius=radius))
    voxels = int(sitk.GetArrayFromImage(sweep.tumour).sum())
    assert (voxels * np.prod(sweep.us.GetSpacing()) >= 200) == enough
    assert sweep.has_tumour() == enough


def test_fluid_counts_where_it_is_an_invented_tumours(write_sweep, tmp_path):
    for name, tumour in (("own", None), ("invented", {"centre": 1})):
        folder = write_sweep(tmp_path / name, "A", tumour=tumour)
        labels = sitk.ReadImage(str(folder / "labels.nii.gz"))
        labels[12, 11, 10] = int(Label.CYST)
        labels[13, 11, 10] = int(Label.OEDEMA)
        sitk.WriteImage(labels, str(folder / "labels.nii.gz"))
        found = read_labelled_sweep(folder).tumour
        assert (found[12, 11, 10], found[13, 11, 10], found[11, 11, 10]) == (int(name == "invented"), 0, 1)


def test_folds_are_even_and_keep_heads_whole():
    heads = {f"{head}{number}": head for head, count in zip("ABCDEF", (4, 1, 1, 2, 2, 2), strict=True)
             for number in range(count)}  # fmt: skip
    folds = folds_by_head(heads, 3)
    assert sorted(len(fold["val"]) for fold in folds) == [4, 4, 4]
    require_whole_heads(folds, heads)
    folds[0]["train"].append(folds[0]["val"][0])
    with pytest.raises(InputError, match="learns from the head"):
        require_whole_heads(folds, heads)


def spoil(name: str):
    def change(folder: Path) -> None:
        (folder / name).unlink()

    return change


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (spoil("labels.nii.gz"), "has no labels.nii.gz"),
        (spoil("parameters.json"), "has no parameters.json"),
        (lambda folder: (folder / "parameters.json").write_text("{"), "is missing or damaged"),
        (lambda folder: (folder / "parameters.json").write_text('{"head": {}}'), "head.name is missing"),
        (lambda folder: (folder / "field-of-view.nii.gz").write_bytes(b"x"), "field-of-view"),
    ],
)
def test_cases_without_labels_are_refused(make, write_sweep, tmp_path, spoil, said):
    spoil(write_sweep(tmp_path / "cases" / "case-0", "A"))
    status, complaint = make(tmp_path / "Dataset100_X", "--simulator", cases=tmp_path / "cases")
    assert status == 2
    assert said in complaint
    assert complaint.count("\n") == 1


@pytest.mark.parametrize(
    ("name", "options", "said"),
    [
        ("Starter", ["--simulator"], "is no name for nnU-Net"),
        ("Dataset100_X", ["--simulator", "--folds", 4], "3 heads cannot make 4 folds"),
        ("Dataset100_X", ["--run", "nowhere"], "holds no run.json"),
        ("Dataset100_X", ["--simulator", "--folds", "shared.json"], "Fold 0 learns from the head A and is judged"),
        ("Dataset100_X", ["--simulator", "--folds", "unknown.json"], "names case-9, which is not in the data set"),
        ("Dataset100_X", ["--simulator", "--folds", "none.json"], "holds no folds"),
    ],
)
def test_bad_requests_are_one_sentence(make, tmp_path, monkeypatch, name, options, said):
    monkeypatch.chdir(tmp_path)
    shared = [{"train": ["case-0", "case-2"], "val": ["case-1"]}]
    (tmp_path / "shared.json").write_text(json.dumps(shared))
    (tmp_path / "unknown.json").write_text(json.dumps([{"train": ["case-9"], "val": ["case-1"]}]))
    status, complaint = make(tmp_path / name, *options)
    assert (status, complaint.count("\n")) == (2, 1), complaint
    assert said in complaint
    assert not (tmp_path / name / "dataset.json").exists()


def test_a_data_set_mixes_no_methods_and_one_that_was_spoilt_is_refused(make, bundle, tmp_path):
    folder = tmp_path / "Dataset100_X"
    assert make(folder, "--simulator", "--folds", 3)[0] == 0
    assert "was begun with other bundle, method, weights_sha256; choose another" in make(folder, "--bundle", bundle)[1]
    wrong = sitk.Image((20, 22, 24), sitk.sitkUInt8)
    sitk.WriteImage(wrong, str(folder / "labelsTr" / "case-0.nii.gz"))
    with pytest.raises(InputError, match="different grids"):
        read_data_set(folder)
    (folder / "imagesTr" / "case-0_0000.nii.gz").unlink()
    with pytest.raises(InputError, match="is missing"):
        read_data_set(folder)
