"""The section "Start by hand": the MR is brought near, and the registration goes on from there."""

from __future__ import annotations

import numpy as np
import rig

rig.require()

from MMHVAERegistrationLib.compare.comparison import look_at
from MMHVAERegistrationLib.pose.result_transform import find_result, local_matrix
from MMHVAESynthesisLib.nodes.geometry import parent_to_world

from ...made_nodes import vtk_matrix
from ..made_case import make_case, rigid
from ..opened_panel import chosen, opened, run, settled


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
