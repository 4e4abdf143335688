"""Incomplete cases cut out of real images: here a ball for a sweep, and a simulated head for a real one."""

from __future__ import annotations

import json
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import prepare_real
import pytest
import SimpleITK as sitk
from mmhvae import load_bundle
from mmhvae.bundle.shipped import starter_bundle
from mmhvae.exceptions import InputError
from mmhvae_training.data.slices import load_case
from mmhvae_training.single_precision import synthesize

MODALITIES = ("us", "t2", "cet1", "flair")


def ball(size: int, spacing: float, value: float) -> sitk.Image:
    axes = np.meshgrid(*[np.linspace(-1, 1, size)] * 3, indexing="ij")
    image = sitk.GetImageFromArray(np.where(np.linalg.norm(axes, axis=0) < 0.9, value, 0).astype(np.float32))
    image.SetSpacing([spacing] * 3)
    return image


def test_an_ultrasound_volume_becomes_a_case_of_its_own(tmp_path):
    sitk.WriteImage(ball(60, 0.5, 120), str(tmp_path / "us.nii.gz"))
    prepare_real.write_ultrasound(tmp_path / "us.nii.gz", tmp_path / "case")
    case = load_case(tmp_path / "case", MODALITIES)
    assert set(case.inputs) == {"us"}
    assert 27**3 * np.pi / 6 < case.mask.sum() < 30**3 * np.pi / 6  # voxels that hold a part of the ball count


def test_a_teacher_adds_what_it_makes_in_harmonised_grey(tmp_path):
    speckle = np.random.default_rng(1).uniform(40, 200, (40, 40, 40)).astype(np.float32)
    us = sitk.GetImageFromArray(np.where(sitk.GetArrayFromImage(ball(40, 1.0, 1)) > 0, speckle, 0))
    sitk.WriteImage(us, str(tmp_path / "us.nii.gz"))
    teacher = load_bundle(starter_bundle())
    prepare_real.write_ultrasound(tmp_path / "us.nii.gz", tmp_path / "case", teacher)
    case = load_case(tmp_path / "case", MODALITIES)
    assert set(case.inputs) == set(MODALITIES)
    made = synthesize(teacher, {"us": us}, MODALITIES[1:], 0.0, slice_axis="all").images
    for name, image in made.items():
        learnt = (case.targets[name][case.mask].astype(np.float32) + 1) / 2
        assert np.sort(learnt) == pytest.approx(_seen(image, us), abs=0.03), name


def test_a_teacher_that_knows_no_ultrasound_is_refused_before_anything_is_written(tmp_path, monkeypatch):
    blind = replace(load_bundle(starter_bundle()).manifest.architecture, modalities=("t2", "cet1", "flair"))
    bundle = SimpleNamespace(manifest=SimpleNamespace(architecture=blind))
    monkeypatch.setattr(prepare_real, "load_bundle", lambda path: bundle)
    sitk.WriteImage(ball(20, 0.5, 120), str(tmp_path / "us.nii.gz"))
    given = ["--ultrasound", tmp_path / "us.nii.gz", "--teacher", "blind", "--output", tmp_path / "out"]
    monkeypatch.setattr("sys.argv", ["prepare_real.py", *map(str, given)])
    with pytest.raises(InputError, match="makes no MR of ultrasound"):
        prepare_real.main()
    assert not (tmp_path / "out").exists()


def test_two_heads_of_one_name_are_refused_before_anything_is_written(tmp_path, monkeypatch):
    heads = [tmp_path / patient / "mr" for patient in ("a", "b")]
    given = ["--mr", *heads, "--views", tmp_path, "--output", tmp_path / "out"]
    monkeypatch.setattr("sys.argv", ["prepare_real.py", *map(str, given)])
    with pytest.raises(InputError, match="Two folders of --mr have the same name"):
        prepare_real.main()
    assert not (tmp_path / "out").exists()


def _seen(image: sitk.Image, us: sitk.Image) -> np.ndarray:
    return np.sort(sitk.GetArrayFromImage(image)[sitk.GetArrayFromImage(us) > 0])


def test_a_pair_becomes_a_case_on_the_ultrasounds_grid(tmp_path):
    us, mr = ball(60, 0.5, 120), ball(25, 1.2, 400)
    place = np.indices((25, 25, 25))[0] < 5  # a darker part, as cortex is
    mr = sitk.GetImageFromArray(np.where(place, 0.7, 1.0).astype(np.float32) * sitk.GetArrayFromImage(mr))
    mr.SetSpacing([1.2] * 3)
    pair = prepare_real.RealPair("P", "cet1", us, mr, sitk.Transform(3, sitk.sitkIdentity))
    prepare_real.write_pair(pair, tmp_path / "P-cet1")
    measured = json.loads((tmp_path / "P-cet1" / "white-matter.json").read_text())
    assert measured["cet1"]["median"] == pytest.approx(400)
    case = load_case(tmp_path / "P-cet1", MODALITIES)
    assert set(case.inputs) == {"us", "cet1"}
    bright = case.targets["cet1"][case.mask].astype(np.float32)
    assert np.median(bright) == pytest.approx(2 * 0.2 - 1, abs=0.05)  # white matter of ceT1 is harmonised to 1/5


@pytest.fixture(scope="module")
def head(tmp_path_factory):
    """A simulated head, of every second voxel, cut by its own simulated sweep."""
    simulation = pytest.importorskip("mmhvae_training.simulation")
    folder = tmp_path_factory.mktemp("head")
    whole = simulation.simulate_case(3, 2.0, tumour=False)
    case = replace(whole, preop={name: sitk.BinShrink(image, [2] * 3) for name, image in whole.preop.items()})
    view = folder / "views" / "case-3"
    view.mkdir(parents=True)
    (folder / "head").mkdir()
    sitk.WriteImage(case.field_of_view, str(view / "field-of-view.nii.gz"))
    sitk.WriteImage(case.preop["t2"], str(view / "preop-t2.nii.gz"))
    for name, image in case.preop.items():
        sitk.WriteImage(image, str(folder / "head" / f"{name}.nii.gz"))
    return folder, case


def test_a_head_is_cut_by_a_view_and_measured_whole(head, tmp_path):
    folder, case = head
    assert prepare_real.write_views(folder / "head", [folder / "views" / "case-3"], tmp_path) == 1
    written = load_case(tmp_path / "head-case-3", MODALITIES)
    assert set(written.inputs) == {"t2", "cet1", "flair"}
    recorded = json.loads((tmp_path / "head-case-3" / "white-matter.json").read_text())
    assert recorded["flair"]["method"] == "estimated"
    # Laid on its own view, the head lies where it lay: the cut shows what the simulation put there.
    cut = sitk.GetArrayFromImage(sitk.ReadImage(str(tmp_path / "head-case-3" / "flair.nii.gz")))
    true = sitk.GetArrayFromImage(sitk.Resample(case.preop["flair"], case.field_of_view))
    assert np.corrcoef(cut[cut > 0], true[cut > 0])[0, 1] > 0.9


def test_a_label_map_says_where_white_matter_is(head, tmp_path):
    folder, case = head
    labelled = tmp_path / "head"
    labelled.mkdir()
    for name, image in case.preop.items():
        sitk.WriteImage(image, str(labelled / f"{name}.nii.gz"))
    # A box that is not all white matter, on another grid, so that no estimate could give its median.
    labels = sitk.Image([40] * 3, sitk.sitkUInt8)
    labels.SetSpacing([1.5] * 3)
    labels.SetOrigin(_around(case.preop["t2"], 30.0))
    labels[10:30, 10:30, 10:30] = 41
    sitk.WriteImage(labels, str(labelled / "labels.nii.gz"))
    prepare_real.write_views(labelled, [folder / "views" / "case-3"], tmp_path)
    recorded = json.loads((tmp_path / "head-case-3" / "white-matter.json").read_text())
    on_grid = sitk.Resample(labels, case.preop["t2"], sitk.Transform(), sitk.sitkNearestNeighbor, 0)
    inside = sitk.GetArrayFromImage(on_grid) == 41
    for name, image in case.preop.items():
        assert recorded[name]["method"] == "labels"
        assert recorded[name]["median"] == pytest.approx(np.median(sitk.GetArrayFromImage(image)[inside]))


def _around(image, half):
    middle = [(size - 1) / 2 for size in image.GetSize()]
    return [x - half for x in image.TransformContinuousIndexToPhysicalPoint(middle)]
