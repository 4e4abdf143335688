"""Outlines before and after: where they lie, dashed and solid, and that they follow what moves."""

from __future__ import annotations

import time

import rig

rig.require()

import numpy as np
import pytest
import slicer
import vtk
from MMHVAERegistrationLib.compare.outlines import Outlines
from MMHVAERegistrationLib.pose.result_transform import create_result, put_under
from MMHVAESynthesisLib.nodes.geometry import to_array
from MMHVAESynthesisLib.views.dashes import DASH, GAP, dashes_of
from MMHVAESynthesisLib.views.surfaces import surfaces_of

from ...made_nodes import pose, transform, volume
from ..made_case import rigid, set_world

RADIUS = 18.0
MIDDLE = np.array([4.0, -7.0, 5.0])


@pytest.fixture
def outlines(scene):
    """The lines, in views that look at the middle of the ball."""
    for name in ("Red", "Yellow", "Green"):
        node = slicer.app.layoutManager().sliceWidget(name).mrmlSliceNode()
        node.SetFieldOfView(120, 120 * node.GetDimensions()[1] / node.GetDimensions()[0], 1)
        node.JumpSliceByCentering(*MIDDLE)
    lines = Outlines()
    yield lines
    lines.close()


def ball(kind, above=None):
    """A ball about ``MIDDLE`` in the world, as a segmentation or a model that lies under a transform."""
    matrix = np.eye(4) if above is None else to_array(above.GetMatrixTransformToParent())
    inside = np.linalg.inv(matrix)
    if kind == "model":
        sphere = vtk.vtkSphereSource()
        sphere.SetRadius(RADIUS)
        sphere.SetCenter(*(inside @ [*MIDDLE, 1])[:3])
        sphere.SetThetaResolution(60)
        sphere.SetPhiResolution(60)
        sphere.Update()
        node = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLModelNode", "Ball")
        node.SetAndObservePolyData(sphere.GetOutput())
        node.CreateDefaultDisplayNodes()
    else:
        node = segmentation(inside)
    if above is not None:
        node.SetAndObserveTransformNodeID(above.GetID())
    return node


def segmentation(inside):
    spacing, left_handed = 1.1, pose(8, (1.1, 1.1, 1.1), left_handed=True)
    k, j, i = np.meshgrid(*[np.arange(44)] * 3, indexing="ij")
    labels = (np.hypot(np.hypot(k - 21.5, j - 21.5), i - 21.5) * spacing < RADIUS).astype(np.uint8)
    place = left_handed.copy()
    place[:3, 3] = MIDDLE - place[:3, :3] @ np.full(3, 21.5)
    source = volume(labels, inside @ place, "labels")
    map_ = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLLabelMapVolumeNode", "labels")
    slicer.modules.volumes.logic().CreateLabelVolumeFromVolume(slicer.mrmlScene, map_, source)
    node = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLSegmentationNode", "Ball")
    node.CreateDefaultDisplayNodes()
    slicer.modules.segmentations.logic().ImportLabelmapToSegmentationNode(map_, node)
    for used in (source, map_):
        slicer.mrmlScene.RemoveNode(used)
    return node


def radii(points, centre, name="Red"):
    """Distances of drawn points (pixels) from where a centre is seen, in mm."""
    node = slicer.app.layoutManager().sliceWidget(name).mrmlSliceNode()
    to_ras = to_array(node.GetXYToRAS())
    world = np.column_stack([points, np.zeros(len(points)), np.ones(len(points))]) @ to_ras.T
    return np.linalg.norm(world[:, :3] - centre, axis=1)


@pytest.mark.parametrize("kind", ["segmentation", "model"])
def test_lines_lie_where_navigation_and_registration_put_the_outline(outlines, kind):
    node, world = ball(kind, transform(pose(2))), rigid(3, mm=9.0)
    result = create_result(None)
    put_under(result, node)
    outlines.show([node])
    assert [is_dashed for _, is_dashed, _ in outlines.lines("Red")] == [True]  # nothing was registered yet
    set_world(result, world)
    rig.wait_until(lambda: len(outlines.lines("Red")) == 2, 10, "the solid line")  # a panel that is open is busy, too
    for name in ("Red", "Yellow", "Green"):
        drawn = {is_dashed: points for _, is_dashed, points in outlines.lines(name)}
        assert radii(drawn[True], MIDDLE, name) == pytest.approx(RADIUS, abs=1.2)
        assert radii(drawn[False], (world @ [*MIDDLE, 1])[:3], name) == pytest.approx(RADIUS, abs=1.2)


def test_they_follow_the_slice_and_go_when_they_are_not_wanted(outlines):
    node = ball("model")
    red = slicer.app.layoutManager().sliceWidget("Red")
    empty = rig.grab_slice("Red")
    outlines.show([node])
    with_line = rig.grab_slice("Red")
    assert (with_line != empty).any()
    red.mrmlSliceNode().SetSliceOffset(MIDDLE[2] + RADIUS + 5)
    assert outlines.lines("Red") == []
    red.mrmlSliceNode().SetSliceOffset(MIDDLE[2])
    assert outlines.lines("Red") != []
    outlines.show([])
    assert outlines.lines("Red") == []
    np.testing.assert_array_equal(rig.grab_slice("Red"), empty)


def test_a_closed_scene_takes_them_along(outlines):
    outlines.show([ball("segmentation")])
    slicer.mrmlScene.Clear(0)
    rig.process_events(50)
    outlines.show([])
    assert outlines.lines("Red") == []


def test_hidden_segments_are_not_drawn_and_nothing_changes_in_the_node(scene):
    node = ball("segmentation")
    times = node.GetSegmentation().GetMTime()
    assert len(surfaces_of(node)) == 1
    assert surfaces_of(node)[0].polygons is surfaces_of(node)[0].polygons
    assert node.GetSegmentation().GetMTime() == times
    assert not node.GetSegmentation().ContainsRepresentation("Closed surface")
    node.GetDisplayNode().SetSegmentVisibility(node.GetSegmentation().GetNthSegmentID(0), False)
    assert surfaces_of(node) == []


def test_dashes_have_their_length_along_any_line_and_keep_its_corners():
    line = np.array([[0.0, 0, 0], [10, 0, 0], [10, 23, 0]])
    dashes = dashes_of(line)
    lengths = [np.linalg.norm(np.diff(dash, axis=0), axis=1).sum() for dash in dashes]
    assert lengths == pytest.approx([DASH, DASH, 33 - 2 * (DASH + GAP)])
    assert np.array_equal(dashes[0][0], line[0])
    corner = dashes_of(np.array([[0.0, 0, 0], [3, 0, 0], [3, 3, 0]]))
    assert [list(point) for point in corner[0]] == [[0, 0, 0], [3, 0, 0], [3, 3, 0]]


def test_a_dragged_slice_costs_milliseconds(outlines):
    outlines.show([ball("segmentation")])
    node, started = slicer.app.layoutManager().sliceWidget("Red").mrmlSliceNode(), time.thread_time()
    for offset in range(20):
        node.SetSliceOffset(MIDDLE[2] + offset / 4)
    assert (time.thread_time() - started) / 20 < 0.05
