"""Undo and redo: every earlier pose comes back to the last bit, also after the scene was saved and loaded."""

from __future__ import annotations

import rig

rig.require()

import numpy as np
import pytest
import slicer
from MMHVAERegistrationLib.pose import history as module
from MMHVAERegistrationLib.pose.history import BY_HAND, NAVIGATION, REGISTERED, History
from MMHVAERegistrationLib.pose.outcome import Outcome
from MMHVAERegistrationLib.pose.result_transform import create_result, find_result, local_matrix, parts, put_under

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
