"""Register and Preview by mouse, with the real engine: where everything lands, and what moves nothing."""

from __future__ import annotations

import os
import signal
import time

import numpy as np
import pytest
import rig

rig.require()

import SimpleITK as sitk
import slicer
from MMHVAERegistrationLib.pose.result_transform import (
    find_result,
    is_registered,
    local_matrix,
    parts,
    transforms_above,
)
from MMHVAESynthesisLib.nodes.geometry import parent_to_world

from ...made_nodes import pose, transform, volume, vtk_matrix
from ..made_case import make_case, rigid
from ..opened_panel import chosen, point_in, run, seen, settled, tick

FLIP = np.diag([-1.0, -1.0, 1.0, 1.0])


def snapshot():
    """Every node of the scene with what it lies under, and every transform's matrix."""
    scene, found = slicer.mrmlScene, {}
    for index in range(scene.GetNumberOfNodes()):
        node = scene.GetNthNode(index)
        above = node.GetTransformNodeID() if node.IsA("vtkMRMLTransformableNode") else None
        matrix = local_matrix(node).tolist() if node.IsA("vtkMRMLLinearTransformNode") else None
        if not node.IsA("vtkMRMLScriptedModuleNode"):
            found[node.GetID()] = (node.GetName(), above, matrix)
    return found


@pytest.mark.parametrize("left_handed", [False, True], ids=["right-handed", "left-handed"])
def test_a_landmark_lands_where_simpleitk_puts_it(panel, left_handed, tmp_path):
    """Oblique grids, each image under oblique parents of its own; nothing but what is ticked moves."""
    above_mr, above_us = transform(pose(3), "planning", transform(pose(5), "room")), transform(pose(4), "tracker")
    case = make_case(1, ("t2", "flair"), None, above_us, above_mr, left_handed)
    truth = (case.frame @ [12.0, -9.0, 8.0, 1.0])[:3]
    shown = (np.linalg.inv(case.world) @ [*truth, 1.0])[:3]
    landmark, plan = point_in(case.mrs["t2"], shown), point_in(case.mrs["t2"], shown)
    in_us = point_in(case.ultrasound, truth)
    chosen(panel, case)
    tick(panel, landmark.GetName(), 0)
    run(panel, panel.ui.registerButton)
    outcome = panel.logic.outcome
    assert outcome.verdict == "good"
    np.testing.assert_allclose(seen(landmark), truth, atol=0.3)
    np.testing.assert_allclose(seen(in_us), truth, atol=1e-6)
    np.testing.assert_allclose(seen(plan), shown, atol=1e-6)
    # The same by SimpleITK alone, from the transform as ITK has it: fixed points to moving points, LPS.
    to_moving = sitk.AffineTransform(3)
    matrix = FLIP @ np.linalg.inv(outcome.world) @ FLIP
    to_moving.SetMatrix(matrix[:3, :3].ravel().tolist())
    to_moving.SetTranslation(matrix[:3, 3].tolist())
    back = to_moving.GetInverse().TransformPoint((shown * [-1, -1, 1]).tolist())
    np.testing.assert_allclose(seen(landmark), np.array(back) * [-1, -1, 1], atol=1e-6)
    assert [node.GetName() for node in transforms_above(case.mrs["t2"])][1:] == ["planning", "room"]
    assert len(parts(find_result())) == 1
    assert [node.GetName() for node in transforms_above(case.ultrasound)] == ["tracker"]


@pytest.mark.parametrize("how", ["cancelled", "killed", "input removed", "scene closed"])
def test_what_ends_in_the_middle_leaves_the_scene_as_it_was(panel, how):
    case = chosen(panel, make_case(3, ("t2", "cet1", "flair")))
    before, old = snapshot(), panel.logic.engine.readiness
    assert old is None or old.pid
    rig.click(panel.ui.registerButton)
    rig.wait_until(lambda: panel.ui.progressBar.value > 250, 120, "progress")
    started = time.monotonic()
    if how == "cancelled":
        rig.click(panel.ui.cancelButton)
    elif how == "killed":
        os.kill(panel.logic.engine.readiness.pid, signal.SIGKILL)
    elif how == "input removed":
        before = {key: value for key, value in before.items() if key != case.mrs["flair"].GetID()}
        slicer.mrmlScene.RemoveNode(case.mrs["flair"])
    else:
        slicer.mrmlScene.Clear(0)
    rig.wait_until(lambda: not panel.logic.is_running, 20)
    assert time.monotonic() - started < 5  # 2 s are promised, on a computer that does nothing else
    text = settled(panel)
    assert find_result() is None
    if how != "scene closed":
        displays = {key for key in snapshot() if key.startswith(("vtkMRMLVolumeDisplay", "vtkMRMLScalarVolumeDisplay"))}
        assert {k: v for k, v in snapshot().items() if k not in displays}.items() <= before.items()
    assert ("stopped unexpectedly" in text) == (how == "killed")
    assert ("was removed while" in text) == (how == "input removed")
    if how == "killed":
        run(panel, panel.ui.previewButton)
        assert panel.logic.outcome is not None
        assert "stopped unexpectedly" not in panel.ui.stateLabel.text


def test_a_failed_result_moves_nothing_unless_it_is_confirmed(panel):
    """The MR of another patient."""
    case, other = make_case(6), make_case(16)
    chosen(panel, case)
    rig.choose(panel.ui.t2Selector, "none")
    slicer.mrmlScene.RemoveNode(case.mrs["t2"])
    mr = other.mrs["t2"]
    place = case.frame @ np.linalg.inv(other.frame) @ slicer_matrix(mr)
    mr.SetIJKToRASMatrix(vtk_matrix(place))
    mr.SetName("Another patient")
    rig.choose(panel.ui.t2Selector, "Another patient")
    before = snapshot()
    run(panel, panel.ui.registerButton)
    assert "FAILED" in panel.ui.verdictLabel.text
    assert panel.ui.verdictLabel.text.startswith("\N{HEAVY MULTIPLICATION X}")
    assert "nothing was moved" in panel.ui.movedLabel.text
    assert snapshot().items() <= before.items()
    rig.answer(False)
    rig.click(panel.ui.useButton)
    assert find_result() is None
    rig.answer(True)
    rig.click(panel.ui.useButton)
    assert is_registered(mr)
    assert "In use" in panel.ui.movedLabel.text
    rig.click(panel.ui.discardButton)
    assert np.array_equal(parent_to_world(mr), np.eye(4))


def slicer_matrix(node):
    matrix = vtk_matrix(np.eye(4))
    node.GetIJKToRASMatrix(matrix)
    return slicer.util.arrayFromVTKMatrix(matrix)


def test_a_constant_image_is_refused_or_fails_but_moves_nothing(panel):
    case = chosen(panel, make_case(7))
    slicer.util.arrayFromVolume(case.mrs["t2"])[:] = 500.0
    slicer.util.arrayFromVolumeModified(case.mrs["t2"])
    text = run(panel, panel.ui.registerButton)
    failed = panel.logic.pending is not None and panel.logic.pending.verdict == "failed"
    assert failed or "\N{MULTIPLICATION X}" in text
    assert find_result() is None


def test_without_a_model_the_ultrasound_is_registered_directly(panel):
    case = chosen(panel, make_case(8, moved=rigid(8, mm=2.0, degrees=1.5)))
    panel._parameters.bundle = "no-such-model"
    assert "registered directly" in settled(panel)
    run(panel, panel.ui.registerButton)
    outcome = panel.logic.outcome or panel.logic.pending
    assert outcome.is_direct
    assert outcome.weights_sha256 == ""
    np.testing.assert_allclose(outcome.world @ np.linalg.inv(case.world), np.eye(4), atol=2.0)


def test_two_modules_share_one_engine(panel):
    other = rig.load_module("MMHVAESynthesis").self()
    rig.load_module("MMHVAERegistration")
    assert panel.logic.engine is other.logic.engine
    case = chosen(panel, make_case(9))
    parameters = other.logic.getParameterNode()
    small = np.zeros((12, 24, 24), np.float32)
    small[2:10, 4:20, 4:20] = np.random.default_rng(0).uniform(1, 200, (8, 16, 16))
    parameters.us = volume(small, name="another iUS")
    parameters.synthesizeCet1 = parameters.synthesizeFlair = parameters.uncertainty = False
    heard = []
    other.logic.apply(parameters, lambda *_: None, heard.append, heard.append)
    run(panel, panel.ui.previewButton)
    rig.wait_until(lambda: heard, 120, "the other module's results")
    assert set(heard[0].images) == {"t2"}
    assert panel.logic.outcome is not None
    assert is_registered(case.mrs["t2"])
