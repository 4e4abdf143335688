"""What becomes of an outcome: MRs that cannot move do not keep it from the others, and none is lost."""

from __future__ import annotations

import numpy as np
import rig

rig.require()

import pytest
import slicer
from MMHVAERegistrationLib.case.registration_run import WRITTEN
from MMHVAERegistrationLib.logic import MMHVAERegistrationLogic
from MMHVAERegistrationLib.pose import find_result, is_registered
from MMHVAESynthesisLib.nodes.geometry import parent_to_world

from .made_case import make_case, rigid
from .opened_panel import chosen, settled


def bend(node):
    """Put a node under a transform that bends it."""
    above = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLBSplineTransformNode", "bend")
    node.SetAndObserveTransformNodeID(above.GetID())
    return above


@pytest.fixture
def logic(scene):
    logic = MMHVAERegistrationLogic()
    yield logic
    logic.cancel()
    rig.wait_until(lambda: not logic.is_running, 10)


@pytest.mark.parametrize("bent", ["t2", "flair"], ids=["first row", "last row"])
def test_an_mr_that_is_bent_stays_and_the_others_move(panel, bent):
    case = chosen(panel, make_case(11, ("t2", "flair")))
    above, other = bend(case.mrs[bent]), case.mrs["flair" if bent == "t2" else "t2"]
    assert "bends it" in settled(panel)
    rig.click(getattr(panel.ui, f"use{bent.capitalize()}CheckBox"))
    assert f"MR {bent} is under a transform that bends it" in settled(panel)
    assert panel.ui.registerButton.isEnabled()
    panel.logic.go_to(panel.parameters, "registered", rigid(1))
    settled(panel)
    assert find_result().GetParentTransformNode() is None
    np.testing.assert_allclose(parent_to_world(other), rigid(1), atol=1e-9)
    assert case.mrs[bent].GetParentTransformNode() is above
    np.testing.assert_allclose(panel.logic.world, rigid(1), atol=1e-9)
    case.mrs[bent].SetAndObserveTransformNodeID(None)
    settled(panel)
    assert is_registered(case.mrs[bent])


def test_an_outcome_that_cannot_be_used_is_told_and_kept(logic):
    case = make_case(9)
    parameters = logic.getParameterNode()
    parameters.us, parameters.t2 = case.ultrasound, case.mrs["t2"]
    result = logic.ensure_result(parameters)
    done, failures, progress = [], [], []
    logic.register(parameters, True, lambda fraction, _: progress.append(fraction), done.append, failures.append)
    rig.wait_until(lambda: progress and progress[-1] > WRITTEN, 60, "the engine's work")
    above = bend(result)  # by somebody else, meanwhile
    rig.wait_until(lambda: done or failures, 120, "the end of the preview")
    assert done == []
    (failure,) = failures
    assert failure.kind == "input"
    assert "bends it" in failure.message
    assert logic.pending is not None
    slicer.mrmlScene.RemoveNode(above)
    logic.use_pending(parameters)
    assert logic.pending is None
    assert logic.outcome is not None
