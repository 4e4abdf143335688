"""What moves along: sensible to begin with, then what the user ticked, also in a loaded scene."""

from __future__ import annotations

import rig

rig.require()

import numpy as np
import pytest
import slicer
from MMHVAERegistrationLib.case.moving_along import candidates, moving_nodes, tick
from MMHVAERegistrationLib.logic import MMHVAERegistrationLogic
from MMHVAERegistrationLib.pose.result_transform import find_result, is_registered

from ...made_nodes import fan, pose, transform, volume


@pytest.fixture
def case(scene):
    """Parameters with an ultrasound and a T2, and nodes of every kind beside them."""
    logic = MMHVAERegistrationLogic()
    parameters = logic.getParameterNode()
    parameters.us, parameters.t2 = volume(fan(), name="iUS"), volume(fan(seed=1), name="MR_T2")
    nodes = {
        "tumour": ("vtkMRMLSegmentationNode", "Tumour"),
        "tract": ("vtkMRMLModelNode", "Tract"),
        "trajectory": ("vtkMRMLMarkupsLineNode", "Trajectory"),
        "us points": ("vtkMRMLMarkupsFiducialNode", "us points"),
        "mr points": ("vtkMRMLMarkupsFiducialNode", "mr points"),
    }
    made = {key: slicer.mrmlScene.AddNewNodeByClass(*value) for key, value in nodes.items()}
    parameters.usLandmarks, parameters.mrLandmarks = made["us points"], made["mr points"]
    made |= {"flair": volume(fan(), name="FLAIR preop"), "other": volume(fan(), name="CT bone")}
    return logic, parameters, made


def ticks(parameters):
    return {candidate.node.GetName(): candidate.is_ticked for candidate in candidates(parameters)}


def test_outlines_tracts_and_mr_are_ticked_and_the_ultrasound_is_not_offered(case):
    _, parameters, _ = case
    assert ticks(parameters) == {
        "Tumour": True, "Tract": True, "Trajectory": False, "mr points": True, "FLAIR preop": True, "CT bone": False,
    }  # fmt: skip
    assert moving_nodes(parameters)[0] is parameters.t2


def test_a_segmentation_of_the_ultrasound_stays(case):
    _, parameters, made = case
    made["tumour"].SetReferenceImageGeometryParameterFromVolumeNode(parameters.us)
    assert not ticks(parameters)["Tumour"]


def test_the_users_ticks_count_and_survive_a_saved_scene(case, tmp_path):
    logic, parameters, made = case
    for key, is_on in (("tumour", False), ("trajectory", True), ("tract", False), ("tract", True)):
        tick(parameters, made[key], is_on)
    expected = ticks(parameters)
    assert (expected["Tumour"], expected["Trajectory"], expected["Tract"]) == (False, True, True)
    file = str(tmp_path / "scene.mrb")
    assert slicer.util.saveScene(file)
    slicer.mrmlScene.Clear(0)
    slicer.util.loadScene(file)
    assert ticks(logic.getParameterNode()) == expected


def test_ticking_moves_at_once_and_unticking_puts_back(case):
    logic, parameters, made = case
    logic.go_to(parameters, "registered", np.diag([1.0, 1, 1, 1]))
    assert is_registered(made["tumour"])
    assert not is_registered(made["trajectory"])
    own = transform(pose(3))
    made["trajectory"].SetAndObserveTransformNodeID(own.GetID())
    tick(parameters, made["trajectory"], True)
    tick(parameters, made["tumour"], False)
    assert logic.place(parameters) == []
    assert is_registered(made["trajectory"])
    assert made["tumour"].GetParentTransformNode() is None
    tick(parameters, made["trajectory"], False)
    logic.place(parameters)
    assert made["trajectory"].GetParentTransformNode() is own


def test_what_comes_after_the_registration_has_to_be_ticked(case):
    logic, parameters, _ = case
    logic.go_to(parameters, "registered", np.eye(4))
    late = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLSegmentationNode", "Residual")
    assert not ticks(parameters)["Residual"]
    logic.place(parameters)
    assert late.GetParentTransformNode() is None


def test_a_node_that_is_bent_is_shown_with_the_reason_and_left_alone(case):
    logic, parameters, made = case
    bend = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLBSplineTransformNode", "bend")
    made["tumour"].SetAndObserveTransformNodeID(bend.GetID())
    (found,) = [c for c in candidates(parameters) if c.node is made["tumour"]]
    assert "bends it" in found.why_not
    logic.go_to(parameters, "registered", np.eye(4))
    assert made["tumour"].GetParentTransformNode() is bend
    assert find_result() is not None
