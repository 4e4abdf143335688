"""TRE of landmark pairs: lists of points and tag files, wherever their images lie, before and after."""

from __future__ import annotations

from types import SimpleNamespace

import rig

rig.require()

import numpy as np
import pytest
import SimpleITK as sitk
import slicer
from mmhvae import InputError
from mmhvae.registration.landmarks import target_registration_error
from MMHVAERegistrationLib.panel.landmarks_panel import rows_of
from MMHVAERegistrationLib.pose.landmarks import pairs_from
from MMHVAERegistrationLib.pose.result_transform import create_result, put_under

from ...made_nodes import fan, pose, transform, volume
from ..made_case import rigid, set_world

LPS = np.array([-1.0, -1.0, 1.0])


def markups(points, name, above=None):
    node = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLMarkupsFiducialNode", name)
    for index, point in enumerate(points):
        node.AddControlPoint(*map(float, point), f"{name} {index}")
    if above is not None:
        node.SetAndObserveTransformNodeID(above.GetID())
    return node


def parameters(**given):
    empty = dict.fromkeys(("us", "t2", "cet1", "flair", "sweepBrowser", "usLandmarks", "mrLandmarks"))
    return SimpleNamespace(**{**empty, "sweepPath": "", "tagPath": "", **given})


def moved(points, matrix):
    return points @ matrix[:3, :3].T + matrix[:3, 3]


def test_the_error_is_that_of_simpleitk_wherever_the_points_lie(scene):
    rng = np.random.default_rng(0)
    fixed, moving, world = rng.normal(0, 30, (5, 3)), rng.normal(0, 30, (5, 3)), rigid(4)
    us, mr = markups(fixed, "us", transform(pose(1))), markups(moving, "mr", transform(pose(2)))
    result = create_result(None)
    put_under(result, mr)
    set_world(result, world)
    pairs = pairs_from(parameters(usLandmarks=us, mrLandmarks=mr), world)
    to_moving = sitk.AffineTransform(3)  # ITK's way: fixed points to moving points, LPS
    inverse = np.diag([*LPS, 1]) @ np.linalg.inv(world) @ np.diag([*LPS, 1])
    to_moving.SetMatrix(inverse[:3, :3].ravel().tolist())
    to_moving.SetTranslation(inverse[:3, 3].tolist())
    expected = target_registration_error(to_moving, moved(fixed, pose(1)) * LPS, moved(moving, pose(2)) * LPS)
    np.testing.assert_allclose(pairs.errors(world), expected, atol=1e-6)
    rows = rows_of(pairs, world)
    assert [row[0] for row in rows] == [f"us {index}" for index in range(5)] + ["mean"]
    assert rows[-1][2] == f"{expected.mean():.1f}"


def test_points_that_did_not_move_with_the_mr_are_no_landmarks_of_it(scene):
    """They may lie where the MR was, or where it is: nobody can tell which."""
    points = np.random.default_rng(3).normal(0, 30, (4, 3))
    given = parameters(usLandmarks=markups(points, "P"), mrLandmarks=markups(points, "P"))
    result = create_result(None)
    assert pairs_from(given, np.eye(4)).errors(np.eye(4)).max() < 1e-6
    set_world(result, rigid(2))
    with pytest.raises(InputError, match="P does not move along with the MR: tick it under Moves along"):
        pairs_from(given, rigid(2))
    put_under(result, given.mrLandmarks)
    np.testing.assert_allclose(pairs_from(given, rigid(2)).moving, points, atol=1e-6)


def test_a_tag_file_lies_where_its_images_lie(scene, tmp_path):
    rng = np.random.default_rng(1)
    mr_points, us_points = rng.normal(0, 30, (4, 3)), rng.normal(0, 30, (4, 3))
    lines = "\n".join(" ".join(f"{v:.9f}" for v in [*m, *u]) + ' ""' for m, u in zip(mr_points, us_points, strict=True))
    file = tmp_path / "case.tag"
    file.write_text(f"MNI Tag Point File\nVolumes = 2;\nPoints =\n{lines};\n")
    us, mr = volume(fan(8), name="us"), volume(fan(8), name="mr")
    for node, seed in ((us, 3), (mr, 4)):
        node.SetAndObserveTransformNodeID(transform(pose(seed)).GetID())
    result = create_result(None)
    put_under(result, mr)
    set_world(result, rigid(1))
    pairs = pairs_from(parameters(us=us, t2=mr, tagPath=str(file)), rigid(1))
    np.testing.assert_allclose(pairs.fixed, moved(us_points, pose(3)), atol=1e-6)
    np.testing.assert_allclose(pairs.moving, moved(mr_points, pose(4)), atol=1e-6)


def test_published_landmarks_give_the_published_errors(scene, shared_data):
    """RESECT's mean distances before registration, REGISTRATION.md."""
    for name, expected in {"Case1": 1.82, "Case2": 5.68, "Case12": 19.68}.items():
        (file,) = (shared_data / "resect" / "landmarks").rglob(f"{name}-MRI-beforeUS.tag")
        pairs = pairs_from(parameters(tagPath=str(file)), np.eye(4))
        assert pairs.errors(np.eye(4)).mean() == pytest.approx(expected, abs=0.01)


def test_lists_in_another_order_are_paired_by_their_labels(scene):
    points = np.random.default_rng(2).normal(0, 30, (4, 3))
    us, mr = markups(points, "P"), markups(points[[2, 0, 3, 1]], "P")
    for index, number in enumerate([2, 0, 3, 1]):
        mr.SetNthControlPointLabel(index, f"P {number}")
    pairs = pairs_from(parameters(usLandmarks=us, mrLandmarks=mr), np.eye(4))
    assert pairs.errors(np.eye(4)).max() < 1e-6
    mr.SetNthControlPointLabel(0, "other")
    with pytest.raises(InputError, match="another place"):
        pairs_from(parameters(usLandmarks=us, mrLandmarks=mr), np.eye(4))


def test_lists_that_do_not_match_are_refused_in_a_sentence(scene):
    three, two = markups(np.eye(3), "three"), markups(np.eye(3)[:2], "two")
    with pytest.raises(InputError, match="three has 3 points and two has 2"):
        pairs_from(parameters(usLandmarks=three, mrLandmarks=two), np.eye(4))
    with pytest.raises(InputError, match="two lists of points"):
        pairs_from(parameters(usLandmarks=three, mrLandmarks=three), np.eye(4))
    unplaced = markups(np.eye(3), "unplaced")
    unplaced.SetNthControlPointPositionMissing(1)
    with pytest.raises(InputError, match="not placed"):
        pairs_from(parameters(usLandmarks=three, mrLandmarks=unplaced), np.eye(4))
    assert pairs_from(parameters(usLandmarks=three), np.eye(4)) is None
