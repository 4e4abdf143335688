"""Segmentations brought onto the ultrasound's exact grid: where they lie, when they are out of date, how it ends."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import rig

rig.require()

import SimpleITK as sitk
import slicer
from MMHVAERegistrationLib.pose.result_transform import create_result, put_under
from MMHVAESynthesisLib.nodes.geometry import ijk_to_ras, parent_to_world, to_vtk
from scipy import ndimage

from ...made_nodes import fan, pose, rotation, transform, volume
from .section import SHAPE, Case, ball, shift, write


@pytest.mark.parametrize("seed", range(4))
def test_the_export_has_the_exact_grid_and_the_registration(case, tmp_path, seed):
    """Everything oblique, under different parents; against where each voxel's centre was in the original."""
    plan, grid = pose(seed, (1.0, 1.2, 0.9), seed % 2 == 1), pose(seed + 20, (0.8, 0.7, 0.9), seed > 1)
    path = write(tmp_path / "plan.nrrd", ball().astype(np.uint8), plan)
    case.mr = volume(np.zeros(SHAPE, np.uint8), plan, "T2")
    case.mr.SetAndObserveTransformNodeID(transform(pose(seed + 40), "navigation").GetID())
    case.us = volume(np.zeros((46, 50, 48), np.uint8) + 1, grid, "iUS")
    wanted = pose(seed + 60)  # the tumour lies in the middle of the ultrasound once it is registered
    result = create_result(case.mr.GetParentTransformNode())
    put_under(result, case.mr)
    node = case.load(path)
    assert node.GetParentTransformNode() is result
    case.us.SetAndObserveTransformNodeID(transform(wanted, "probe").GetID())
    there = (wanted @ grid @ [23.7, 25.1, 22.6, 1])[:3]
    parent = parent_to_world(case.mr.GetParentTransformNode())
    local = np.eye(4)
    local[:3, :3] = rotation(seed + 80)
    local[:3, 3] = (np.linalg.inv(parent) @ [*there, 1])[:3] - local[:3, :3] @ (plan @ [19, 17, 15, 1])[:3]
    result.SetMatrixTransformToParent(to_vtk(local))
    (label,) = case.export()
    assert label.GetParentTransformNode() is case.us.GetParentTransformNode()
    np.testing.assert_array_equal(ijk_to_ras(label), ijk_to_ras(case.us))
    array = slicer.util.arrayFromVolume(label) > 0
    assert array.shape == (46, 50, 48)
    kji = np.moveaxis(np.indices(array.shape), 0, -1)
    world = kji[..., ::-1] @ (wanted @ grid)[:3, :3].T + (wanted @ grid)[:3, 3]
    back = np.linalg.inv(parent @ local @ plan)
    ijk = world @ back[:3, :3].T + back[:3, 3]
    inside = sitk.GetArrayFromImage(sitk.ReadImage(str(path))) > 0
    nearest = np.rint(ijk).astype(int)
    on_it = ((nearest >= 0) & (nearest < SHAPE[::-1])).all(-1)
    expected = np.zeros(array.shape, bool)
    expected[on_it] = inside[tuple(nearest[on_it].T[::-1])]
    assert 2 * (array & expected).sum() / (array.sum() + expected.sum()) > 0.95
    original = inside.sum() * 1.0 * 1.2 * 0.9
    assert array.sum() * 0.8 * 0.7 * 0.9 == pytest.approx(original, rel=0.02)
    assert "All segments lie within it" in case.panel.work.label.text
    assert label.GetDisplayNode().GetColorNode().GetColorName(1) == "Segment_1"


def stale(case: Case, words: str) -> None:
    """The panel says so, or, of no words, nothing is out of date."""

    def is_told() -> bool:
        shown = case.panel.stale_label.isVisible()
        return words in case.panel.stale_label.text and shown == bool(words)

    rig.wait_until(is_told, 5, f"'{words}' in '{case.panel.stale_label.text}'")
    assert case.panel.export_button.text.endswith("again") == bool(words)


def test_an_overlay_says_when_it_is_out_of_date_and_is_brought_up_to_date(case, tmp_path):
    case.us = volume(fan(), np.eye(4), "iUS")
    probe, above = transform(shift(5), "probe"), transform(shift(5), "registration")
    case.us.SetAndObserveTransformNodeID(probe.GetID())
    node = case.load(write(tmp_path / "plan.nrrd", ball().astype(np.uint8), np.eye(4)))
    node.SetAndObserveTransformNodeID(above.GetID())
    (label,) = case.export()
    rig.process_events(500)
    stale(case, "")
    probe.SetMatrixTransformToParent(to_vtk(shift(5) @ pose(1)))
    above.SetMatrixTransformToParent(to_vtk(shift(5) @ pose(1)))
    rig.process_events(500)
    stale(case, "")  # both were moved together
    above.SetMatrixTransformToParent(to_vtk(shift(8) @ pose(1)))
    stale(case, f"Out of date: {label.GetName()}. plan was moved since (by registration, undo or a transform)")
    above.SetMatrixTransformToParent(to_vtk(shift(5) @ pose(1)))  # as an undo does
    stale(case, "")
    array = slicer.util.arrayFromSegmentBinaryLabelmap(node, node.GetSegmentation().GetNthSegmentID(0), case.us)
    array[15, 17, 19:40] = 1  # a stroke of the brush
    slicer.util.updateSegmentBinaryLabelmapFromArray(array, node, node.GetSegmentation().GetNthSegmentID(0), case.us)
    stale(case, "plan has changed since; bring it onto the grid again.")
    before = slicer.util.arrayFromVolume(label).copy()
    label.GetDisplayNode().SetOpacity(0.3)
    assert case.export() == []  # the same node, as it is shown
    stale(case, "")
    assert (slicer.util.arrayFromVolume(label) != before).any()
    assert label.GetDisplayNode().GetOpacity() == 0.3
    case.us.SetOrigin(1, 0, 0)
    stale(case, "The iUS was moved since; bring it onto the grid again.")
    case.us.SetOrigin(0, 0, 0)
    case.us.SetAndObserveTransformNodeID(above.GetID())
    stale(case, "The iUS was moved since")
    case.export()
    stale(case, "")
    slicer.util.arrayFromVolume(case.us)[20, 20, 20] ^= 1
    slicer.util.arrayFromVolumeModified(case.us)
    stale(case, "The iUS has changed since; bring it onto the grid again.")
    slicer.mrmlScene.RemoveNode(node)
    rig.wait_until(lambda: "The segmentation that it was made of is gone." in case.panel.stale_label.text, 5)


def test_what_is_out_of_date_is_known_after_the_scene_was_saved_and_loaded(case, tmp_path):
    array = np.stack([ball(radius=5) * 4, ball(radius=9) * 2], -1).astype(np.uint8)
    described = {"Segment0_ID": "a", "Segment0_LabelValue": "4", "Segment0_Layer": "0"}
    described |= {"Segment1_ID": "b", "Segment1_LabelValue": "2", "Segment1_Layer": "1"}
    place = pose(2, (1.0, 1.2, 0.9))
    case.us = volume(fan(), place, "iUS")
    case.load(write(tmp_path / "plan.seg.nrrd", array, place, **described))
    assert len(case.export()) == 2
    rig.process_events(500)
    stale(case, "")
    file = str(tmp_path / "scene.mrb")
    assert slicer.util.saveScene(file)
    slicer.mrmlScene.Clear(0)
    rig.process_events(100)
    slicer.util.loadScene(file)
    case.us, node = slicer.util.getNode("iUS"), slicer.util.getNode("plan")
    case.panel.selector.setCurrentNode(node)
    rig.process_events(500)
    stale(case, "")
    node.SetAndObserveTransformNodeID(transform(shift(4)).GetID())
    stale(case, "plan was moved since")
    segments = node.GetSegmentation()
    segments.RemoveSegment(segments.GetNthSegmentID(1))
    stale(case, "plan has changed since")
    assert case.export() == []
    assert len(slicer.util.getNodesByClass("vtkMRMLLabelMapVolumeNode")) == 1  # that of the other layer has gone


def test_overlapping_segments_become_label_maps_of_their_own(case, tmp_path):
    array = np.stack([ball(radius=5), ball(radius=9)], -1).astype(np.uint8)
    path = write(
        tmp_path / "plan.seg.nrrd", array, np.eye(4),
        Segment0_Name="core", Segment0_ID="a", Segment0_LabelValue="1", Segment0_Layer="0",
        Segment1_Name="oedema", Segment1_ID="b", Segment1_LabelValue="1", Segment1_Layer="1",
    )  # fmt: skip
    case.us = volume(fan(), np.diag([1.0, 1.0, 1.0, 1.0]), "iUS")
    case.load(path)
    nodes = case.export()
    counts = sorted(int((slicer.util.arrayFromVolume(node) > 0).sum()) for node in nodes)
    assert counts == sorted([ball(radius=5).sum(), ball(radius=9).sum()])
    names = {node.GetDisplayNode().GetColorNode().GetColorName(1) for node in nodes}
    assert names == {"core", "oedema"}
    assert len({node.GetName() for node in nodes}) == 2


def test_what_lies_outside_is_said(case, tmp_path):
    case.us = volume(fan(), np.eye(4), "iUS")
    node = case.load(write(tmp_path / "plan.nrrd", ball().astype(np.uint8), np.eye(4)))
    node.SetAndObserveTransformNodeID(transform(shift(-19)).GetID())
    case.export()
    assert "Segment_1: 46 %" in case.panel.work.label.text
    assert "% of it lies outside the ultrasound" in case.panel.work.label.text


def test_a_segment_that_voxels_are_too_coarse_for_is_told(case, tmp_path):
    case.us = volume(np.ones((8, 8, 9), np.uint8), np.diag([6.0, 6.0, 6.0, 1.0]), "iUS")
    case.load(write(tmp_path / "plan.nrrd", ball(radius=1.2).astype(np.uint8), np.eye(4)))
    (label,) = case.export()
    assert (slicer.util.arrayFromVolume(label) > 0).sum() == 1
    assert "Segment_1: 216 of 7 mm3, since the voxels are coarse beside it." in case.panel.work.label.text


def test_buttons_say_why_they_do_nothing(case, tmp_path):
    assert not case.panel.export_button.isEnabled()
    assert "Choose or load a segmentation" in case.panel.export_button.toolTip
    rig.choose_files()
    rig.click(case.panel.load_button)  # cancelled
    case.load(write(tmp_path / "plan.nrrd", ball().astype(np.uint8), np.eye(4)))
    assert not case.panel.export_button.isEnabled()
    assert "The ultrasound has no volume yet" in case.panel.export_button.toolTip


def lumps(case: Case, tmp_path: Any) -> None:
    """An uneven tumour with a core in an oblique grid of 4 million voxels: seconds of work."""
    noise = ndimage.gaussian_filter(np.random.default_rng(0).standard_normal((80,) * 3), 4)
    distance = np.linalg.norm(np.indices((80,) * 3) - 40, axis=0) + 6 * noise / noise.std()
    grid = pose(3, (0.5, 0.5, 0.5))
    grid[:3, 3] = 40 - grid[:3, :3] @ [80, 80, 80]
    case.us = volume(np.ones((160,) * 3, np.uint8), grid, "iUS")
    array = (distance < 28).astype(np.uint8) + (distance < 14)
    case.load(write(tmp_path / "plan.nrrd", array, np.eye(4)))


def test_the_main_thread_is_never_held_up(case, tmp_path):
    """No turn of the event loop takes 100 ms of this thread's own time; the work, done here, would take seconds."""
    lumps(case, tmp_path)
    with rig.event_loop_turns() as turns:
        (label,) = case.export()
    assert np.bincount(slicer.util.arrayFromVolume(label).ravel())[1:].min() > 50_000
    assert len(turns) > 20
    assert max(turns) < 0.1


@pytest.mark.parametrize("how", ["cancelled", "segmentation removed", "scene closed"])
def test_an_export_that_ends_in_the_engine_leaves_nothing(case, tmp_path, how):
    lumps(case, tmp_path)
    rig.click(case.panel.export_button)
    rig.wait_until(lambda: case.panel.work.bar.value > 100, 60, "the engine's work")
    if how == "cancelled":
        rig.click(case.panel.work.cancel_button)
    elif how == "segmentation removed":
        slicer.mrmlScene.RemoveNode(case.panel.selector.currentNode())
    else:
        slicer.mrmlScene.Clear(0)
    rig.wait_until(lambda: not case.panel.work.bar.isVisible(), 10, "the end of the export")
    words = "plan was removed while it was worked on" if how == "segmentation removed" else "Cancelled"
    assert words in case.panel.work.label.text
    assert slicer.util.getNodesByClass("vtkMRMLLabelMapVolumeNode") == []
    assert case.panel.export_button.isEnabled() == (how == "cancelled")


def test_a_cancelled_export_leaves_nothing(case, tmp_path):
    specks = np.zeros(SHAPE, np.uint8)
    specks[::3, ::3, ::3] = 1  # many pieces: many steps
    case.us = volume(fan(), np.eye(4), "iUS")
    case.load(write(tmp_path / "plan.nrrd", specks, np.eye(4)))
    rig.click(case.panel.export_button)
    assert not case.panel.load_button.isEnabled()
    rig.click(case.panel.work.cancel_button)
    assert "Cancelled" in case.panel.work.label.text
    rig.process_events(50)
    assert slicer.util.getNodesByClass("vtkMRMLLabelMapVolumeNode") == []
    assert case.panel.export_button.isEnabled()
