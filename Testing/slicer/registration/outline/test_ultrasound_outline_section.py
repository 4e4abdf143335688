"""The tumour outlined in the ultrasound from the panel: hidden without a model, the core's numbers, never a verdict."""

from __future__ import annotations

import re
import shutil

import rig

rig.require()

import numpy as np
import pytest
import SimpleITK as sitk
import slicer
from mmhvae.bundle import ModelKind, WeightsStore
from mmhvae.overlays import compare_outlines
from mmhvae.segmentation import outline_ultrasound
from MMHVAERegistrationLib.outline import UltrasoundOutlineSection, ultrasound_outlines
from MMHVAESynthesisLib.nodes import ijk_to_world, image_at, label_layers, parent_to_world, voxels
from MMHVAESynthesisLib.synthesis import STALE
from MMHVAESynthesisLib.views import annotate_slice_views

from ....core.segmentation.bright_network import save_bright_network
from ....core.segmentation.phantom import save_random_segmenter
from ...made_nodes import pose, transform
from ..made_case import make_case, rigid
from ..opened_panel import chosen, settled
from .outlined_section import outlined


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    folder = tmp_path_factory.mktemp("weights")
    save_bright_network(folder / "bright")
    save_random_segmenter(folder / "another-kind")
    return WeightsStore(folder)


@pytest.fixture
def section(panel, store):
    section = panel.part(UltrasoundOutlineSection)
    section.choice.store = store
    section.refresh()
    return section


def plan_beside(case, seed=3):
    """A person's outline in the MR: a ball about the ultrasound's middle as the MR has it, some mm off."""
    node = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLSegmentationNode", "Plan")
    mr = case.mrs["t2"]
    node.SetReferenceImageGeometryParameterFromVolumeNode(mr)
    node.SetAndObserveTransformNodeID(mr.GetTransformNodeID())
    size = np.array(mr.GetImageData().GetDimensions())[::-1]
    places = np.moveaxis(np.indices(size), 0, -1) - size / 2
    labels = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLLabelMapVolumeNode", "labels")
    labels.CopyOrientation(mr)
    slicer.util.updateVolumeFromArray(labels, (np.linalg.norm(places, axis=-1) < 9).astype(np.uint8))
    slicer.modules.segmentations.logic().ImportLabelmapToSegmentationNode(labels, node)
    slicer.mrmlScene.RemoveNode(labels)
    return node


def test_without_a_model_there_is_nothing_to_be_seen_of_it(panel, section, tmp_path):
    chosen(panel, make_case(30))
    assert section.button.isVisibleTo(panel.parent)
    assert not section.choice.widget.isVisibleTo(panel.parent)  # there is one
    section.choice.store = WeightsStore(tmp_path / "none")
    panel.refresh()
    assert not section.button.isVisibleTo(panel.parent)


def test_it_is_the_cores_outline_and_its_distance_is_the_cores_too(panel, section, store):
    case = chosen(panel, make_case(31, above_ultrasound=transform(pose(4), "Tracker"), left_handed=True))
    plan = plan_beside(case)
    settled(panel)
    said = outlined(panel, section)
    (node,) = ultrasound_outlines()
    image = image_at(voxels(case.ultrasound), ijk_to_world(case.ultrasound))
    expected = outline_ultrasound(image, store.path("bright", ModelKind.ULTRASOUND_SEGMENTER), device="cpu")
    (layer,) = label_layers(node)
    found = sitk.Resample(image_at(layer.array, parent_to_world(node) @ layer.ijk_to_ras), image, sitk.Transform(),
                          sitk.sitkNearestNeighbor)  # fmt: skip
    assert (sitk.GetArrayFromImage(found) != sitk.GetArrayFromImage(expected.labels)).mean() < 1e-3
    assert float(re.search(r"([0-9.]+) ml", said)[1]) == pytest.approx(expected.volume_ml, abs=0.06)
    assert "Not drawn by a person" in said
    (drawn,) = label_layers(plan)
    other = image_at((drawn.array != 0).astype(np.uint8), parent_to_world(plan) @ drawn.ijk_to_ras)
    agreement = compare_outlines(expected.labels, other, expected.field_of_view)
    told = section.witness_label.text
    assert "One more witness, no verdict: Plan lies" in told
    numbers = re.search(r"lies ([0-9.]+) mm .* within ([0-9.]+) mm; Dice ([0-9.]+)", told).groups()
    expected_numbers = (agreement.mean_mm, agreement.percentile_95_mm, agreement.dice)
    np.testing.assert_allclose([float(number) for number in numbers], expected_numbers, atol=0.06)
    assert node.GetTransformNodeID() == case.ultrasound.GetTransformNodeID()
    rig.process_events(50)
    assert "COMPUTED OUTLINE, not drawn by a person" in annotate_slice_views().texts("Red")[0]


def test_another_pose_and_another_ultrasound_are_told(panel, section):
    case = chosen(panel, make_case(32))
    plan_beside(case)
    settled(panel)
    outlined(panel, section)
    (node,) = ultrasound_outlines()
    assert "no verdict" in section.witness_label.text
    panel.logic.go_to(panel.parameters, "test", rigid(3))
    panel.refresh()
    assert "another one now" in section.witness_label.text
    rig.process_events(400)
    assert not node.GetAttribute(STALE)  # the ultrasound is as it was
    array = slicer.util.arrayFromVolume(case.ultrasound)
    array[10:20] *= 0.7
    slicer.util.arrayFromVolumeModified(case.ultrasound)
    rig.wait_until(lambda: node.GetAttribute(STALE), 5, "the mark")
    assert "again" in section.button.text
    outlined(panel, section)
    assert ultrasound_outlines() == [node]
    assert not node.GetAttribute(STALE)
    assert "no verdict" in section.witness_label.text


def test_another_model_makes_it_out_of_date(panel, section, tmp_path):
    section.choice.store = store = WeightsStore(tmp_path)
    shutil.copytree(save_bright_network(tmp_path / "a"), tmp_path / "b")
    chosen(panel, make_case(34))
    assert section.choice.widget.isVisibleTo(panel.parent)
    assert "by a (a): " in outlined(panel, section)
    (node,) = ultrasound_outlines()
    rig.choose(section.choice.selector, "a (b)")
    assert panel.parameters.usSegmenter == "b"
    rig.process_events(400)
    assert not node.GetAttribute(STALE)  # the same weights
    replaced = tmp_path / "b" / "bundle.json"
    replaced.write_text(replaced.read_text().replace(store.find("b").weights_sha256, "0" * 64))
    panel.refresh()
    rig.wait_until(lambda: node.GetAttribute(STALE), 5, "the mark")
    assert node.GetAttribute(STALE) == "It was made with another model (a); outline the tumour again."


def test_it_works_without_an_outline_to_compare_with_and_says_why_it_cannot_without_an_ultrasound(panel, section):
    settled(panel)
    assert not section.button.isEnabled()
    assert "Choose an ultrasound" in section.button.toolTip
    chosen(panel, make_case(33))
    outlined(panel, section)
    assert len(ultrasound_outlines()) == 1
    assert section.witness_label.text == ""
    rows = [panel.ui.movesList.item(row) for row in range(panel.ui.movesList.count)]
    ours = [row for row in rows if row.text().startswith("Tumour in the ultrasound")]
    assert all(row.checkState() != 2 for row in ours)
