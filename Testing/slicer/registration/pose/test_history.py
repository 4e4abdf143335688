"""Undo and redo: every earlier pose comes back to the last bit, also after the scene was saved and loaded."""

from __future__ import annotations

import json

import rig

rig.require()

import numpy as np
import pytest
import slicer
from MMHVAERegistrationLib.pose import history as module
from MMHVAERegistrationLib.pose.history import BY_HAND, NAVIGATION, REGISTERED, History
from MMHVAERegistrationLib.pose.outcome import Outcome
from MMHVAERegistrationLib.pose.result_transform import (
    create_result,
    find_result,
    follow_result,
    local_matrix,
    parts,
    put_under,
    take_out,
)

from ...made_nodes import pose, transform, volume, vtk_matrix
from ..made_case import rigid


def outcome(world, verdict="good"):
    return Outcome(world, verdict, 1.2345678901234567, "Because.", 3.0, 2.0, evidence={"similarity": 0.1 + 0.2})


@pytest.fixture
def result(scene):
    """A result under an oblique parent, with a part for nodes that have none."""
    result = create_result(transform(pose(4)))
    put_under(result, volume(np.zeros((2, 2, 2), np.uint8)))
    return result


def held(result):
    return [local_matrix(part) for part in parts(result)]


def same(a, b):
    return all(np.array_equal(x, y) for x, y in zip(a, b, strict=True))


def test_every_pose_comes_back_to_the_last_bit_in_any_order(result):
    history, poses = History(result), [held(result)]
    assert not history.can_undo
    for seed in range(6):
        history.go_to(REGISTERED, rigid(seed), outcome(rigid(seed)))
        poses.append(held(result))
    at, rng = 6, np.random.default_rng(0)
    for step in [-1] * 6 + [1] * 6 + list(rng.choice([-1, 1], 40)):
        if 0 <= at + step <= 6:
            at += step
            (history.undo if step < 0 else history.redo)()
            assert same(held(result), poses[at])
            assert (history.can_undo, history.can_redo) == (at > 0, at < 6)
    history.undo()
    history.go_to(REGISTERED, rigid(77))
    assert not history.can_redo


def test_the_first_step_is_the_navigation_and_exactly_so(result):
    before = held(result)
    history = History(result)
    history.go_to(REGISTERED, rigid(1))
    history.undo()
    assert history.current.what == NAVIGATION
    assert same(held(result), before)
    assert same(held(result), [np.eye(4)] * 2)


def test_what_the_handle_does_becomes_a_step(result):
    history = History(result)
    history.go_to(REGISTERED, rigid(1), outcome(rigid(1)))
    registered = held(result)
    result.SetMatrixTransformToParent(vtk_matrix(rigid(2)))
    assert history.can_undo
    history.settle()
    by_hand = held(result)
    assert history.current.what == BY_HAND
    assert history.current.outcome is None
    history.settle()
    assert len(history.steps) == 3
    history.undo()
    assert same(held(result), registered)
    assert history.current.outcome.expected_error_mm == 1.2345678901234567
    history.redo()
    assert same(held(result), by_hand)


def test_poses_and_outcomes_survive_a_saved_scene_to_the_last_bit(result, tmp_path):
    history, poses = History(result), [held(result)]
    for seed in range(3):
        history.go_to(REGISTERED, rigid(seed), outcome(rigid(seed)))
        poses.append(held(result))
    history.undo()
    file = str(tmp_path / "scene.mrb")
    assert slicer.util.saveScene(file)
    slicer.mrmlScene.Clear(0)
    slicer.util.loadScene(file)
    loaded = History(find_result())
    assert len(parts(loaded.result)) == 2
    loaded.settle()  # the transform's file has lost some digits
    assert same(held(loaded.result), poses[2])
    assert len(loaded.steps) == 4
    for go, index in ((loaded.redo, 3), (loaded.undo, 2), (loaded.undo, 1), (loaded.undo, 0), (loaded.redo, 1)):
        go()
        assert same(held(loaded.result), poses[index])
    assert loaded.current.outcome.to_json() == outcome(rigid(0)).to_json()


def test_a_part_that_came_later_finds_its_place_at_every_step(result):
    history = History(result)
    history.go_to(REGISTERED, rigid(1))
    late = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLMarkupsFiducialNode")
    late.AddControlPoint(1.0, 2.0, 3.0)
    late.SetAndObserveTransformNodeID(transform(pose(9)).GetID())
    before = point(late)
    put_under(result, late)
    np.testing.assert_allclose(point(late), rigid(1) @ before, atol=1e-9)
    history.undo()
    np.testing.assert_allclose(point(late), before, atol=1e-9)
    history.redo()
    np.testing.assert_allclose(point(late), rigid(1) @ before, atol=1e-9)


@pytest.mark.parametrize("version", ["now", "earlier"])
def test_parts_are_told_apart_also_after_one_was_deleted_and_made_again(scene, version):
    """Deleted and made again it stands last, and each of the two would get what the other one held."""
    result, nodes = create_result(None), []
    for seed in (3, 7):
        node = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLMarkupsFiducialNode")
        node.AddControlPoint(5.0, -6.0, 7.0)
        node.SetAndObserveTransformNodeID(transform(pose(seed)).GetID())
        nodes.append(node)
    before = [point(node) for node in nodes]
    for node in nodes:
        put_under(result, node)
    history = History(result)
    for seed in (1, 2):
        history.go_to(REGISTERED, rigid(seed))
    if version == "earlier":
        forget_parents(result)
    deleted = parts(result)[1]
    take_out(nodes[0])
    scene.RemoveNode(deleted)
    put_under(result, nodes[0])
    assert parts(result)[1] is nodes[1].GetParentTransformNode()
    for go, seed in ((history.undo, 1), (history.redo, 2), (history.undo, 1)):
        go()
        for node, place in zip(nodes, before, strict=True):
            np.testing.assert_allclose(point(node), rigid(seed) @ place, atol=1e-9)
    history.undo()
    assert [point(node).tolist() for node in nodes] == [place.tolist() for place in before]


def test_a_result_that_was_put_elsewhere_is_a_step_of_its_own(result):
    history = History(result)
    history.go_to(REGISTERED, rigid(1))
    result.SetAndObserveTransformNodeID(transform(pose(8)).GetID())
    history.settle()
    assert history.current.what == BY_HAND
    history.undo()
    np.testing.assert_allclose(history.world, rigid(1), atol=1e-9)
    assert history.position == 1
    history.settle()
    assert history.position == 1


def test_a_result_under_a_transform_that_bends_can_still_be_looked_at(result):
    """The panel says elsewhere what is wrong, and has to be able to."""
    history = History(result)
    history.go_to(REGISTERED, rigid(1))
    bend = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLBSplineTransformNode", "bend")
    result.SetAndObserveTransformNodeID(bend.GetID())
    for matrix in (local_matrix(result), rigid(2)):
        result.SetMatrixTransformToParent(vtk_matrix(matrix))
        follow_result(result)
        history.settle()
        np.testing.assert_array_equal(history.world, rigid(1))
        assert len(history.steps) == 2
        assert history.can_undo


def test_a_scene_of_an_earlier_version_still_has_its_poses_to_the_last_bit(result):
    history, poses = History(result), [held(result)]
    for seed in range(3):
        history.go_to(REGISTERED, rigid(seed), outcome(rigid(seed)))
        poses.append(held(result))
    forget_parents(result)
    for index in (2, 1, 0):
        history.undo()
        assert same(held(result), poses[index])


def forget_parents(result):
    """As earlier versions have written the history."""
    stored = json.loads(result.GetAttribute("MMHVAE.History"))
    for step in stored["steps"]:
        del step["parents"]
    result.SetAttribute("MMHVAE.History", json.dumps(stored))


def point(node):
    place = [0.0] * 3
    node.GetNthControlPointPositionWorld(0, place)
    return np.array([*place, 1.0])


def test_old_steps_go_but_never_the_first(result, monkeypatch):
    monkeypatch.setattr(module, "MOST_STEPS", 5)
    history = History(result)
    for seed in range(9):
        history.go_to(REGISTERED, rigid(seed))
    assert len(history.steps) == 6
    assert history.steps[0].what == NAVIGATION
