"""Incomplete cases cut out of real images: here a ball for a sweep, and a simulated head for a real one."""

from __future__ import annotations

import json

import numpy as np
import prepare_real
import pytest
import SimpleITK as sitk
from mmhvae_training.data.slices import load_case

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


@pytest.fixture(scope="module")
def head(tmp_path_factory):
    """A simulated head, cut by its own simulated sweep."""
    simulation = pytest.importorskip("mmhvae_training.simulation")
    folder = tmp_path_factory.mktemp("head")
    case = simulation.simulate_case(3, 2.0, tumour=False)
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
