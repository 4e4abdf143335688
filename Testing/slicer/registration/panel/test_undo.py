"""The way back: undo, redo, a look at before by the space bar, a result that somebody deletes."""

from __future__ import annotations

import numpy as np
import rig

rig.require()

import qt
import slicer
from MMHVAERegistrationLib.pose.result_transform import find_result, is_registered, local_matrix
from MMHVAESynthesisLib.nodes.geometry import parent_to_world
from PySide6 import QtTest

from ...made_nodes import pose, transform, vtk_matrix
from ..made_case import make_case, rigid
from ..opened_panel import chosen, run, settled


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


def test_a_deleted_result_lets_go_of_images_with_other_parents_too(panel, tmp_path):
    """Also where it was deleted before the panel looked: the scene is loaded with what was left of it."""
    above = transform(pose(2), "planning")
    case = chosen(panel, make_case(14, ("t2", "flair"), above_mr=above))
    case.mrs["flair"].SetAndObserveTransformNodeID(None)
    panel.logic.go_to(panel._parameters, "hand", rigid(1))
    settled(panel)
    assert all(map(is_registered, case.mrs.values()))
    slicer.mrmlScene.RemoveNode(find_result())
    settled(panel)
    assert [node.GetTransformNodeID() for node in case.mrs.values()] == [above.GetID(), None]
    assert list(slicer.util.getNodes("Registration of*")) == []
    panel.logic.go_to(panel._parameters, "hand", rigid(1))
    find_result().RemoveNodeReferenceIDs("MMHVAE.Part")  # as if nobody had looked
    slicer.mrmlScene.RemoveNode(find_result())
    assert not np.array_equal(parent_to_world(case.mrs["flair"]), np.eye(4))
    file = str(tmp_path / "scene.mrb")
    assert slicer.util.saveScene(file)
    slicer.mrmlScene.Clear(0)
    slicer.util.loadScene(file)
    settled(panel)
    assert np.array_equal(parent_to_world(slicer.util.getNode("MR flair")), np.eye(4))
    assert list(slicer.util.getNodes("Registration of*")) == []
    assert panel.logic.history is None
