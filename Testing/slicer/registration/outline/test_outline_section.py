"""The tumour outlined from the panel by mouse: equal to the core's, beside its MR, marked, never in a person's way."""

from __future__ import annotations

import json
import re
import shutil

import rig

rig.require()

import numpy as np
import pytest
import qt
import SimpleITK as sitk
import slicer
import vtk
from mmhvae.bundle import ModelKind, WeightsStore
from mmhvae.segmentation import SEGMENTS, segment_tumour, terminology
from MMHVAERegistrationLib.outline import OutlineSection, outlines
from MMHVAERegistrationLib.outline.outline_inputs import looks_of
from MMHVAERegistrationLib.pose import before_to_world
from MMHVAESynthesisLib.nodes import ijk_to_ras, image_at, label_layers, parent_to_world, to_array, voxels
from MMHVAESynthesisLib.synthesis import STALE
from MMHVAESynthesisLib.views import COMPUTED, annotate_slice_views, slice_views
from scipy.spatial.transform import Rotation

from ....core.segmentation.bright_network import save_bright_network
from ....core.segmentation.phantom import save_random_segmenter
from ...made_nodes import pose, transform, vtk_matrix
from ..made_case import make_case, rigid
from ..opened_panel import chosen, settled
from .outlined_section import outlined


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    """Small networks with random weights, which outline half of anything: what counts is that all doors agree."""
    folder = tmp_path_factory.mktemp("weights")
    for seed, name in ((3, "random"), (8, "other")):
        save_random_segmenter(folder / name, seed)
    save_bright_network(folder / "in-ultrasound")
    return WeightsStore(folder)


@pytest.fixture
def bundle(store):
    """The one that is chosen."""
    return store.path("random", ModelKind.MR_SEGMENTER)


@pytest.fixture
def section(panel, store):
    section = panel.part(OutlineSection)
    section.choice.store = store
    panel.parameters.segmenter = "random"
    panel.refresh()
    return section


def labels_of(node):
    """By value, whatever margins the node has: (image LPS, segments)."""
    (layer,) = label_layers(node)
    return layer.image, layer.segments


def test_it_is_the_cores_outline_beside_its_mr_ticked_named_and_marked(panel, section, bundle):
    above = transform(pose(5), "Head holder")
    case = chosen(panel, make_case(20, ("cet1", "flair"), above_mr=above, left_handed=True))
    said = outlined(panel, section)
    (node,) = outlines()
    images = {name: image_at(voxels(mr), before_to_world(mr) @ ijk_to_ras(mr)) for name, mr in case.mrs.items()}
    expected = segment_tumour(images, bundle, device="cpu")
    found, segments = labels_of(node)
    inside = sitk.Resample(found, image_at(voxels(case.mrs["cet1"]), ijk_to_ras(case.mrs["cet1"])), sitk.Transform(),
                           sitk.sitkNearestNeighbor)  # fmt: skip
    by_value = np.zeros(inside.GetSize()[::-1], np.uint8)
    names = {kind.name: kind.value for kind in SEGMENTS}
    for label, segment in segments.items():
        by_value[sitk.GetArrayFromImage(inside) == label] = names[segment.name]
    different = by_value != sitk.GetArrayFromImage(expected.labels)
    assert different.mean() < 1e-3  # another number of threads rounds otherwise where a probability is one half
    assert by_value.any()
    told = float(re.search(r"tumour ([0-9.]+) ml", said)[1])
    assert told == pytest.approx(expected.volumes_ml["whole tumour"], rel=1e-3, abs=0.1)
    assert "Not drawn by a person" in said
    assert node.GetParentTransformNode() is above
    assert "not drawn by a person" in node.GetName()
    rows = [panel.ui.movesList.item(row) for row in range(panel.ui.movesList.count)]
    assert [row.checkState() for row in rows if row.text().startswith(node.GetName())] == [qt.Qt.Checked]
    tag = {kind.name: terminology(kind.code) for kind in SEGMENTS}
    for index in range(node.GetSegmentation().GetNumberOfSegments()):
        segment = node.GetSegmentation().GetNthSegment(index)
        assert segment.GetTag("TerminologyEntry", found_tag := vtk.reference(""))
        assert found_tag == tag[segment.GetName()]
    rig.process_events(50)
    assert "COMPUTED OUTLINE, not drawn by a person" in annotate_slice_views().texts("Red")[0]
    node.GetDisplayNode().SetVisibility(False)
    rig.process_events(50)
    assert not any("COMPUTED" in text for text in annotate_slice_views().texts("Red"))


def test_every_slice_lies_through_its_middle_at_the_end(panel, section):
    """Wherever the views were, and however they were turned; its middle is looked for here in the segmentation."""
    case = chosen(panel, make_case(27, above_mr=transform(pose(6), "Head holder")))
    views = list(slice_views())
    views[1].slice_node.GetSliceToRAS().DeepCopy(vtk_matrix(pose(8)))
    views[1].slice_node.UpdateMatrices()
    for view in views:
        view.slice_node.JumpSliceByCentering(400, -300, 200)
    outlined(panel, section)
    (node,) = outlines()
    found, _segments = labels_of(node)
    inside = np.argwhere(sitk.GetArrayFromImage(found))[:, ::-1]
    nearest = min(inside.tolist(), key=lambda voxel: np.square(voxel - inside.mean(axis=0)).sum())
    in_mr = np.array(found.TransformIndexToPhysicalPoint(nearest)) * [-1, -1, 1]
    place = parent_to_world(case.mrs["t2"]) @ [*in_mr, 1]
    for view in views:
        x, y, depth, _one = np.linalg.solve(to_array(view.slice_node.GetXYToRAS()), place)
        assert abs(depth) < 0.01
        assert 0 <= x < view.slice_node.GetDimensions()[0]
        assert 0 <= y < view.slice_node.GetDimensions()[1]
    views[1].slice_node.SetOrientationToSagittal()


def test_an_outline_that_ends_while_the_user_is_in_the_other_module_is_shown_on_the_way_back(panel, section):
    chosen(panel, make_case(27))
    (view, *_others) = slice_views()

    def depth() -> float:
        """Millimetres between the slice and where it was when the user left."""
        return abs(view.slice_node.GetSliceOffset() - 200)

    settled(panel)
    rig.click(section.button)
    rig.load_module("MMHVAESynthesis")
    view.slice_node.SetSliceOffset(200)
    rig.wait_until(lambda: not section._current.is_running, 60, "the outline")
    assert len(outlines()) == 1
    assert depth() == 0
    rig.load_module("MMHVAERegistration")
    assert depth() > 50
    view.slice_node.SetSliceOffset(200)
    rig.load_module("MMHVAESynthesis")
    rig.load_module("MMHVAERegistration")
    assert depth() == 0, "it is shown once"


def test_it_moves_along_and_is_out_of_date_once_an_mr_has_changed(panel, section):
    case = chosen(panel, make_case(21))
    outlined(panel, section)
    (node,) = outlines()
    panel.logic.go_to(panel.parameters, "test", rigid(3))
    np.testing.assert_allclose(parent_to_world(node), parent_to_world(case.mrs["t2"]), atol=1e-9)
    rig.process_events(400)
    assert not node.GetAttribute(STALE)
    array = slicer.util.arrayFromVolume(case.mrs["t2"])
    array[20:40] *= 0.7
    slicer.util.arrayFromVolumeModified(case.mrs["t2"])
    rig.wait_until(lambda: node.GetAttribute(STALE), 5, "the mark")
    assert "Out of date" in section.stale_label.text
    assert "again" in section.button.text
    outlined(panel, section)
    assert outlines() == [node]
    assert not node.GetAttribute(STALE)


def test_what_a_person_has_drawn_or_corrected_is_never_touched(panel, section):
    chosen(panel, make_case(22))
    outlined(panel, section)
    (node,) = outlines()
    segment = node.GetSegmentation().GetNthSegment(0)
    labels = segment.GetRepresentation("Binary labelmap")
    labels.GetPointData().GetScalars().SetTuple1(0, 1 - labels.GetPointData().GetScalars().GetTuple1(0))
    labels.Modified()
    segment.Modified()
    before = sitk.GetArrayFromImage(labels_of(node)[0])
    outlined(panel, section)
    kept, second = outlines()
    assert kept is node
    np.testing.assert_array_equal(sitk.GetArrayFromImage(labels_of(node)[0]), before)
    assert second.GetName() != node.GetName()


def renamed(node):
    node.GetSegmentation().GetNthSegment(0).SetName("Resected")


def recoloured(node):
    node.GetSegmentation().GetNthSegment(0).SetColor(0.9, 0.1, 0.1)


def with_a_segment_to_be_drawn(node):
    node.GetSegmentation().AddEmptySegment("vessel", "Vessel")


def of_before_looks_were_kept(node):
    made = json.loads(node.GetAttribute(COMPUTED))
    del made["looks"]
    node.SetAttribute(COMPUTED, json.dumps(made))


@pytest.mark.parametrize("change", [renamed, recoloured, with_a_segment_to_be_drawn, of_before_looks_were_kept])
def test_what_a_person_has_renamed_or_recoloured_is_theirs_too(panel, section, change):
    chosen(panel, make_case(22))
    outlined(panel, section)
    (node,) = outlines()
    change(node)
    before = looks_of(node)
    outlined(panel, section)
    kept, second = outlines()
    assert kept is node
    assert looks_of(node) == before
    outlined(panel, section)
    assert outlines() == [node, second]  # the second is nobody's, and replaced


def test_what_ends_early_leaves_the_scene_as_it_was(panel, section):
    case = chosen(panel, make_case(23, ("t2", "flair")))
    settled(panel)
    rig.click(section.button)
    rig.click(section.work.cancel_button)
    rig.wait_until(lambda: not section._current.is_running, 20)
    assert "Cancelled" in section.work.label.text
    rig.click(section.button)
    slicer.mrmlScene.RemoveNode(case.mrs["flair"])
    rig.wait_until(lambda: not section._current.is_running, 20)
    assert "was removed while it was worked on" in section.work.label.text
    assert outlines() == []


def test_it_says_why_it_cannot_work(panel, section):
    settled(panel)
    assert not section.button.isEnabled()
    assert "Choose a pre-operative MR" in section.button.toolTip
    chosen(panel, make_case(24))
    assert section.button.isEnabled()


def test_an_image_that_is_chosen_in_another_row_too_is_refused(panel, section):
    """An ultrasound is no MR, whoever says so; and no MR is two contrasts."""
    case = chosen(panel, make_case(24, ("t2", "flair")))
    for name in (case.ultrasound.GetName(), case.mrs["t2"].GetName()):
        rig.choose(panel.ui.flairSelector, name)
        settled(panel)
        assert not section.button.isEnabled()
        assert section.button.toolTip == f"{name} is chosen as FLAIR and in another row, too; choose each image once."
    rig.choose(panel.ui.flairSelector, case.mrs["flair"].GetName())
    settled(panel)
    assert section.button.isEnabled()


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("nothing", "The model nothing is not installed; open Models"),
        ("in-ultrasound", "in-ultrasound is a model that outlines tumours in ultrasound; choose one that outlines"),
        ("starter", "starter is a model that synthesises images; choose one that outlines tumours in MR"),
    ],
)
def test_a_scene_that_names_the_wrong_model_says_so(panel, section, name, words):
    chosen(panel, make_case(28))
    panel.parameters.segmenter = name
    settled(panel)
    assert not section.button.isEnabled()
    assert words in section.button.toolTip
    assert section.choice.selector.currentText == f"{name} (not here)"


def test_a_damaged_model_is_one_sentence_and_the_scene_as_it_was(panel, section, bundle, tmp_path):
    section.choice.store = WeightsStore(tmp_path)
    shutil.copytree(bundle, tmp_path / "random")
    (tmp_path / "random" / "model.safetensors").write_bytes(b"x")
    chosen(panel, make_case(29))
    assert "do not match their checksum; get the bundle again" in outlined(panel, section)
    assert outlines() == []


def test_another_model_is_chosen_where_there_is_one_told_of_and_makes_outlines_out_of_date(panel, section, tmp_path):
    chosen(panel, make_case(26))
    choice = section.choice
    texts = ["shipped segmenter (segmenter)", "other (other)", "random (random)"]
    assert [choice.selector.itemText(row) for row in range(choice.selector.count)] == texts
    assert "by random (random): tumour" in outlined(panel, section)
    (node,) = outlines()
    rig.process_events(400)
    assert not node.GetAttribute(STALE)
    rig.choose(choice.selector, texts[1])
    assert panel.parameters.segmenter == "other"
    rig.wait_until(lambda: node.GetAttribute(STALE), 5, "the mark")
    assert node.GetAttribute(STALE) == "It was made with another model (random); outline the tumour again."
    rig.choose(choice.selector, texts[2])
    rig.wait_until(lambda: not node.GetAttribute(STALE), 5, "the mark's end")
    rig.choose(choice.selector, texts[1])
    assert "by other (other): tumour" in outlined(panel, section)
    assert outlines() == [node]
    rig.process_events(400)
    assert not node.GetAttribute(STALE)
    choice.store, panel.parameters.segmenter = WeightsStore(tmp_path / "none"), ""
    settled(panel)
    assert not choice.widget.isVisibleTo(panel.parent)  # what ships is no choice
    assert section.button.isEnabled()
    rig.wait_until(lambda: "another model (other)" in (node.GetAttribute(STALE) or ""), 5, "the mark")


def test_the_outline_of_a_saved_scene_is_still_known_and_replaced(panel, section, tmp_path):
    chosen(panel, make_case(25))
    outlined(panel, section)
    file = str(tmp_path / "scene.mrb")
    assert slicer.util.saveScene(file)
    slicer.mrmlScene.Clear()
    slicer.util.loadScene(file)
    settled(panel)
    (node,) = outlines()
    rig.process_events(400)
    assert not node.GetAttribute(STALE)
    turn = np.eye(4)
    turn[:3, :3] = Rotation.from_euler("x", 3, degrees=True).as_matrix()
    panel.parameters.t2.SetAndObserveTransformNodeID(transform(turn, "moved by hand").GetID())
    rig.wait_until(lambda: node.GetAttribute(STALE), 5, "the mark")
    assert "was moved since" in node.GetAttribute(STALE)
    outlined(panel, section)
    assert outlines() == [node]
    assert not node.GetAttribute(STALE)
