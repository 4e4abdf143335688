"""An MR whose registration was hardened into it is not moved a second time, and not registered anew."""

from __future__ import annotations

import rig

rig.require()

import numpy as np
import pytest
from MMHVAERegistrationLib.case import case_from
from MMHVAERegistrationLib.case.outcome_inputs import inputs_of
from MMHVAERegistrationLib.logic import MMHVAERegistrationLogic
from MMHVAERegistrationLib.pose import Outcome, find_result, is_registered
from MMHVAESynthesisLib.nodes import ijk_to_world

from ...made_nodes import fan, pose, transform, volume
from ..made_case import rigid


@pytest.fixture(params=["no parent", "oblique parent"])
def registered(request, scene):
    """A logic and its parameters: T2 and FLAIR, under the same parent or none, after a registration by T2."""
    logic = MMHVAERegistrationLogic()
    parameters = logic.getParameterNode()
    parameters.us, parameters.t2 = volume(fan(), name="iUS"), volume(fan(seed=1), pose(2), "MR T2")
    parameters.flair, parameters.useFlair = volume(fan(seed=2), pose(3), "MR FLAIR"), False
    if request.param != "no parent":
        for node in (parameters.t2, parameters.flair):
            node.SetAndObserveTransformNodeID(transform(pose(6), "planning").GetID())
    inputs = inputs_of(case_from(parameters))
    outcome = Outcome(rigid(1), "good", 1.0, "Because.", 3.0, 2.0, contrasts=("t2",), inputs=inputs)
    logic.go_to(parameters, "registered", rigid(1), outcome)
    return logic, parameters


@pytest.mark.parametrize("then", ["at once", "undone", "moved on"])
def test_it_stays_where_it_is_and_register_says_why(registered, then):
    logic, parameters = registered
    mr = parameters.t2
    shown = ijk_to_world(mr)
    mr.HardenTransform()
    if then == "undone":
        logic.undo()
    elif then == "moved on":
        logic.go_to(parameters, "hand", rigid(2))
    logic.ensure_result(parameters)
    logic.place(parameters)
    np.testing.assert_allclose(ijk_to_world(mr), shown, atol=1e-6)
    assert not is_registered(mr)
    assert is_registered(parameters.flair)
    said = "MR T2 was hardened with the registration in it: undo that, or load the MR anew and choose it here."
    assert logic.problem(parameters) == said
    parameters.t2 = volume(fan(seed=1), pose(2), "MR T2 anew")
    assert said not in logic.problem(parameters)


def test_one_that_was_only_taken_out_goes_back_under_the_result(registered):
    logic, parameters = registered
    shown = ijk_to_world(parameters.t2)
    above = find_result().GetTransformNodeID()
    parameters.t2.SetAndObserveTransformNodeID(above)
    assert "hardened" not in logic.problem(parameters)
    logic.place(parameters)
    np.testing.assert_allclose(ijk_to_world(parameters.t2), shown, atol=1e-6)
