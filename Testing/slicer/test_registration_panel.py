"""The registration panel as a surgeon meets it: by mouse and keyboard, with the real engine."""

from __future__ import annotations

import os
import signal
import time

import numpy as np
import pytest
import rig

rig.require()

import qt
import SimpleITK as sitk
import slicer
from mmhvae.registration.prior import NAVIGATION
from MMHVAERegistrationLib.compare import look_at
from MMHVAERegistrationLib.result_transform import find_result, is_registered, local_matrix, parts, transforms_above
from MMHVAESynthesisLib.geometry import parent_to_world
from PySide6 import QtTest

from .nodes import pose, transform, volume, vtk_matrix
from .registration_case import make_case, rigid
from .registration_panel import chosen, opened, point_in, run, seen, settled, tick

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


def test_navigation_is_trusted_as_far_as_trust_was_calibrated_with(panel):
    ui = panel.ui
    assert ui.priorCheckBox.checked
    assert (ui.priorTranslationSpinBox.value, ui.priorRotationSpinBox.value) == (
        NAVIGATION.translation_mm,
        NAVIGATION.rotation_deg,
    )


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


def test_undo_redo_and_the_space_bar_give_back_every_pose_exactly(panel, tmp_path):
    case = chosen(panel, make_case(2))
    before = parent_to_world(case.mrs["t2"])
    run(panel, panel.ui.previewButton)
    preview = local_matrix(find_result())
    find_result().SetMatrixTransformToParent(vtk_matrix(rigid(1, mm=0.5, degrees=0.5) @ preview))  # by the handle
    settled(panel)
    by_hand = local_matrix(find_result())
    run(panel, panel.ui.registerButton)
    full = local_matrix(find_result())
    assert len({matrix.tobytes() for matrix in (preview, by_hand, full)}) == 3
    view = slicer.app.layoutManager().sliceWidget("Red").sliceView()
    view.setFocus()
    QtTest.QTest.keyPress(view, qt.Qt.Key_Space)
    assert np.array_equal(parent_to_world(case.mrs["t2"]), before)
    rig.process_events(100)
    QtTest.QTest.keyRelease(view, qt.Qt.Key_Space)
    assert np.array_equal(local_matrix(find_result()), full)
    rig.click(panel.ui.undoButton)
    assert np.array_equal(local_matrix(find_result()), by_hand)
    rig.click(panel.ui.undoButton)
    assert np.array_equal(local_matrix(find_result()), preview)
    assert "Preview." in panel.ui.movedLabel.text
    rig.click(panel.ui.undoButton)
    assert np.array_equal(parent_to_world(case.mrs["t2"]), before)
    assert "navigation" in panel.ui.reasonLabel.text
    assert not panel.ui.undoButton.isEnabled()
    for _step in range(3):
        rig.click(panel.ui.redoButton)
    assert np.array_equal(local_matrix(find_result()), full)
    assert not panel.ui.redoButton.isEnabled()
    file = str(tmp_path / "scene.mrb")
    assert slicer.util.saveScene(file)
    slicer.mrmlScene.Clear(0)
    rig.process_events(100)
    slicer.util.loadScene(file)
    settled(panel)
    assert "GOOD" in panel.ui.verdictLabel.text
    assert np.array_equal(local_matrix(find_result()), full)
    rig.click(panel.ui.undoButton)
    assert np.array_equal(local_matrix(find_result()), by_hand)
    rig.click(panel.ui.undoButton)
    assert np.array_equal(local_matrix(find_result()), preview)
    rig.click(panel.ui.discardButton)
    assert np.array_equal(local_matrix(find_result()), np.eye(4))


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


def composites():
    views = map(slicer.app.layoutManager().sliceWidget, ("Red", "Yellow", "Green"))
    return [view.sliceLogic().GetSliceCompositeNode() for view in views]


def test_ultrasound_and_mr_are_compared_by_fade_and_checkerboard(panel):
    case = chosen(panel, make_case(11, ("t2", "flair")))
    faded = rig.move_slider(panel.ui.fadeSlider, 0.8)
    for composite in composites():
        assert composite.GetBackgroundVolumeID() == case.ultrasound.GetID()
        assert composite.GetForegroundVolumeID() == case.mrs["t2"].GetID()
        assert composite.GetForegroundOpacity() == pytest.approx(faded)
    rig.choose(panel.ui.shownSelector, "FLAIR")
    assert composites()[0].GetForegroundVolumeID() == case.mrs["flair"].GetID()
    before = rig.grab_slice("Red")
    rig.click(panel.ui.checkerboardCheckBox)
    settled(panel)
    board = slicer.mrmlScene.GetNodeByID(composites()[0].GetForegroundVolumeID())
    assert "Checkerboard" in board.GetName()
    assert composites()[0].GetForegroundOpacity() == 1.0
    assert (rig.grab_slice("Red") != before).any()
    squares = slicer.util.arrayFromVolume(board).copy()
    panel.logic.go_to(panel._parameters, "hand", case.world)
    settled(panel)
    assert not np.array_equal(slicer.util.arrayFromVolume(board), squares)
    rig.click(panel.ui.checkerboardCheckBox)
    assert composites()[0].GetForegroundVolumeID() == case.mrs["flair"].GetID()


def test_space_presses_the_button_that_a_keyboard_user_is_on(panel):
    chosen(panel, make_case(12))
    panel.logic.go_to(panel._parameters, "hand", rigid(1))
    settled(panel)
    moved = local_matrix(find_result())
    panel.ui.undoButton.setFocus(qt.Qt.TabFocusReason)
    QtTest.QTest.keyClick(panel.ui.undoButton, qt.Qt.Key_Space)
    settled(panel)
    assert np.array_equal(local_matrix(find_result()), np.eye(4))
    rig.click(panel.ui.redoButton)
    assert np.array_equal(local_matrix(find_result()), moved)
    assert not panel.ui.redoButton.hasFocus()  # a mouse click leaves the space bar free


def test_an_mr_elsewhere_is_a_sentence_and_align_centres_brings_it_near(panel):
    far = rigid(4, mm=260.0, degrees=3.0)
    case = chosen(panel, make_case(4, moved=far))
    before = parent_to_world(case.mrs["t2"])
    assert "hardly overlaps" in run(panel, panel.ui.registerButton)
    assert find_result() is None
    assert np.array_equal(parent_to_world(case.mrs["t2"]), before)
    opened(panel.ui.startSection)
    rig.click(panel.ui.alignButton)
    settled(panel)
    assert "centre on centre" in panel.ui.reasonLabel.text
    run(panel, panel.ui.registerButton)
    assert "from centre on centre" in panel.ui.movedLabel.text
    np.testing.assert_allclose(panel.logic.world, case.world, atol=0.3)
    rig.click(panel.ui.resetButton)
    assert np.array_equal(parent_to_world(case.mrs["t2"]), before)
    rig.click(panel.ui.undoButton)
    np.testing.assert_allclose(panel.logic.world, case.world, atol=0.3)


def test_the_handle_moves_everything_and_registration_starts_there(panel):
    case = chosen(panel, make_case(5, moved=rigid(5, mm=24.0, degrees=8.0)))
    opened(panel.ui.startSection)
    look_at(case.ultrasound)
    without = rig.grab_slice("Red")
    rig.click(panel.ui.handleCheckBox)
    settled(panel)
    assert (rig.grab_slice("Red") != without).any(-1).mean() > 0.01
    result = find_result()
    assert result.GetDisplayNode().GetEditorVisibility()
    assert not result.GetDisplayNode().GetEditorScalingEnabled()
    turns_about = parent_to_world(case.mrs["t2"]) @ [*result.GetCenterOfTransformation(), 1]
    np.testing.assert_allclose(turns_about, case.frame @ [0, 0, 0, 1], atol=1e-6)
    wanted = case.world @ rigid(6, mm=1.0, degrees=1.0)
    result.SetMatrixTransformToParent(vtk_matrix(wanted))  # what a drag of the handle does
    settled(panel)
    assert "put by hand" in panel.ui.reasonLabel.text
    run(panel, panel.ui.registerButton)
    np.testing.assert_allclose(panel.logic.world @ np.linalg.inv(case.world), np.eye(4), atol=0.5)
    assert "from where it was put by hand" in panel.ui.movedLabel.text
    rig.click(panel.ui.undoButton)
    assert np.array_equal(local_matrix(result), wanted)
    rig.click(panel.ui.handleCheckBox)
    settled(panel)
    assert not result.GetDisplayNode().GetEditorVisibility()


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
    assert outcome.method == "direct"
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


def test_register_says_why_it_cannot_work(panel):
    assert "Choose the ultrasound" in settled(panel)
    case = make_case(10)
    rig.choose(panel.ui.usSelector, case.ultrasound.GetName())
    assert "at least one pre-operative MR" in settled(panel)
    rig.choose(panel.ui.t2Selector, case.ultrasound.GetName())
    assert "choose each image once" in settled(panel)
    assert not panel.ui.registerButton.isEnabled()
    assert "choose each image once" in panel.ui.registerButton.toolTip
    rig.choose(panel.ui.t2Selector, case.mrs["t2"].GetName())
    assert "Ready" in settled(panel)
    assert panel.ui.registerButton.isEnabled()
    rig.click(panel.ui.useT2CheckBox)
    assert "tick it" in settled(panel)


def test_names_tell_which_image_is_which_and_a_choice_is_kept(panel):
    sweep, t2 = volume(np.ones((4, 4, 4), np.uint8), name="iUS before"), volume(np.ones((4, 4, 4)), name="MR_T2_SPACE")
    volume(np.ones((4, 4, 4)), name="FLAIR 1")
    volume(np.ones((4, 4, 4)), name="FLAIR 2")
    panel.enter()
    settled(panel)
    assert panel.ui.usSelector.currentNode() is sweep
    assert panel.ui.t2Selector.currentNode() is t2
    assert panel.ui.flairSelector.currentNode() is None
    rig.choose(panel.ui.flairSelector, "FLAIR 2")
    panel.exit()
    panel.enter()
    assert panel.ui.flairSelector.currentNode().GetName() == "FLAIR 2"


def test_a_look_at_before_is_no_step_and_a_changed_image_is_told(panel):
    case = chosen(panel, make_case(13))
    run(panel, panel.ui.previewButton)
    steps, full = len(panel.logic.history.steps), local_matrix(find_result())
    view = slicer.app.layoutManager().sliceWidget("Red").sliceView()
    view.setFocus()
    QtTest.QTest.keyPress(view, qt.Qt.Key_Space)
    settled(panel)
    assert np.array_equal(local_matrix(find_result()), np.eye(4))
    QtTest.QTest.keyRelease(view, qt.Qt.Key_Space)
    settled(panel)
    assert len(panel.logic.history.steps) == steps
    assert np.array_equal(local_matrix(find_result()), full)
    assert "Out of date" not in panel.ui.stateLabel.text
    case.ultrasound.SetAndObserveTransformNodeID(transform(pose(1)).GetID())
    rig.wait_until(lambda: "The iUS was moved since" in panel.ui.stateLabel.text, 10)
    case.ultrasound.SetAndObserveTransformNodeID(None)
    rig.wait_until(lambda: "Out of date" not in panel.ui.stateLabel.text, 10)


def test_a_deleted_result_lets_everything_go_back_under_its_own_parent(panel):
    above = transform(pose(2), "planning")
    case = chosen(panel, make_case(14, above_mr=above))
    panel.logic.go_to(panel._parameters, "hand", rigid(1))
    settled(panel)
    assert is_registered(case.mrs["t2"])
    slicer.mrmlScene.RemoveNode(find_result())
    settled(panel)
    assert case.mrs["t2"].GetParentTransformNode() is above
    assert panel.logic.history is None


def test_every_control_says_what_it_does(panel):
    kinds = (qt.QAbstractButton, qt.QComboBox, qt.QAbstractSpinBox, qt.QLineEdit, qt.QListWidget, qt.QTableWidget)
    named = [getattr(panel.ui, name) for name in dir(panel.ui) if not name.startswith(("_", "qt_"))]
    controls = [widget for widget in named if isinstance(widget, kinds) or widget.inherits("qMRMLNodeComboBox")]
    assert len(controls) > 30
    assert [widget.objectName for widget in controls if not widget.toolTip] == []


def test_its_images_stay_chosen_while_a_registration_runs(panel):
    chosen(panel, make_case(15))
    rig.click(panel.ui.previewButton)
    settled(panel)
    assert panel.logic.is_running
    assert not panel.ui.t2Selector.isEnabled()
    assert not panel.ui.movesList.isEnabled()
    rig.click(panel.ui.cancelButton)
    rig.wait_until(lambda: not panel.logic.is_running, 20)
    settled(panel)
    assert panel.ui.t2Selector.isEnabled()
