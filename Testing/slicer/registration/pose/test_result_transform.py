"""The result transform: what lies under it moves by exactly the registration, and nothing else does."""

from __future__ import annotations

import rig

rig.require()

import numpy as np
import pytest
import slicer
from mmhvae import InputError
from MMHVAERegistrationLib.pose.result_transform import (
    before_to_world,
    create_result,
    find_result,
    follow_result,
    is_registered,
    let_go,
    orphans,
    parts,
    put_under,
    remove_orphans,
    take_out,
    world_matrix,
)
from MMHVAESynthesisLib.nodes.geometry import parent_to_world

from ...made_nodes import pose, transform, volume, vtk_matrix
from ..made_case import rigid, set_world

CHAINS = {"no parent": (), "one parent": (1,), "oblique chain": (1, 2, 3)}


def chain(seeds):
    """Transforms, each under the next; the nearest to the node, or None where there are none."""
    above = None
    for seed in reversed(seeds):
        above = transform(pose(seed), f"T{seed}", above)
    return above


def under(above, name="node", kind="vtkMRMLMarkupsFiducialNode"):
    node = slicer.mrmlScene.AddNewNodeByClass(kind, name)
    if kind == "vtkMRMLMarkupsFiducialNode":
        node.AddControlPoint(10.0, -20.0, 30.0)
    node.SetAndObserveTransformNodeID(above.GetID() if above is not None else None)
    return node


def place_of(node):
    point = [0.0] * 3
    node.GetNthControlPointPositionWorld(0, point)
    return np.array([*point, 1.0])


@pytest.mark.parametrize("seeds", CHAINS.values(), ids=CHAINS)
@pytest.mark.parametrize("first", CHAINS.values(), ids=CHAINS)
def test_a_node_moves_by_the_registration_whatever_it_and_the_result_lie_under(scene, seeds, first):
    node, sibling = under(chain(seeds)), under(None, "sibling")
    sibling.SetAndObserveTransformNodeID(node.GetTransformNodeID())
    own, before, world = node.GetParentTransformNode(), place_of(node), rigid(5)
    result = create_result(chain(first))
    put_under(result, node)
    np.testing.assert_allclose(place_of(node), before, atol=1e-9)
    set_world(result, world)
    np.testing.assert_allclose(place_of(node), world @ before, atol=1e-9)
    np.testing.assert_allclose(world_matrix(result), world, atol=1e-9)
    np.testing.assert_allclose(place_of(sibling), before, atol=1e-9)
    assert node.GetParentTransformNode().GetParentTransformNode() is own
    take_out(node)
    assert node.GetParentTransformNode() is own
    np.testing.assert_array_equal(place_of(node), before)


def test_nodes_with_one_parent_share_one_transform_and_others_get_a_part(scene):
    above = transform(pose(1))
    result = create_result(above)
    nodes = [under(above), under(above), under(None), under(None)]
    for node in nodes:
        put_under(result, node)
    assert len(parts(result)) == 2
    assert find_result() is result
    assert [node.GetParentTransformNode() for node in nodes[:2]] == [result] * 2
    assert nodes[2].GetParentTransformNode() is nodes[3].GetParentTransformNode() is parts(result)[1]


def test_what_is_under_the_result_is_not_put_there_twice(scene):
    result = create_result(None)
    between = transform(pose(2), "between")
    between.SetAndObserveTransformNodeID(result.GetID())
    node = under(between)
    before = place_of(node)
    put_under(result, node)
    assert node.GetParentTransformNode() is between
    set_world(result, rigid(1))
    np.testing.assert_allclose(place_of(node), rigid(1) @ before, atol=1e-9)
    np.testing.assert_allclose(before_to_world(node), pose(2), atol=1e-12)


def test_a_bending_parent_is_refused_and_nothing_is_hardened(scene):
    bend = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLBSplineTransformNode", "bend")
    node, result = under(bend), create_result(None)
    with pytest.raises(InputError, match="harden that transform"):
        put_under(result, node)
    assert node.GetParentTransformNode() is bend
    point = [0.0] * 3
    node.GetNthControlPointPosition(0, point)
    assert point == [10.0, -20.0, 30.0]


def test_parts_follow_when_somebody_else_moves_the_result(scene):
    result = create_result(transform(pose(1)))
    node = under(transform(pose(2)))
    put_under(result, node)
    before = place_of(node)
    result.SetMatrixTransformToParent(vtk_matrix(rigid(9)))  # as the handle does
    follow_result(result)
    np.testing.assert_allclose(place_of(node), world_matrix(result) @ before, atol=1e-8)
    tag_count = [0]
    tag = parts(result)[1].AddObserver("ModifiedEvent", lambda *_: tag_count.__setitem__(0, tag_count[0] + 1))
    follow_result(result)
    parts(result)[1].RemoveObserver(tag)
    assert tag_count == [0]


def test_volumes_keep_their_voxels_and_their_own_matrix(scene):
    node = volume(np.arange(27, dtype=np.int16).reshape(3, 3, 3), pose(3, (1, 2, 3), left_handed=True))
    matrix = vtk_matrix(np.eye(4))
    node.GetIJKToRASMatrix(matrix)
    times = node.GetImageData().GetMTime()
    result = create_result(None)
    put_under(result, node)
    set_world(result, rigid(2))
    after = vtk_matrix(np.eye(4))
    node.GetIJKToRASMatrix(after)
    assert np.array_equal(slicer.util.arrayFromVTKMatrix(after), slicer.util.arrayFromVTKMatrix(matrix))
    assert node.GetImageData().GetMTime() == times
    assert is_registered(node)
    np.testing.assert_allclose(parent_to_world(node), rigid(2), atol=1e-12)


def registered_nodes():
    """Three nodes under parents of their own, one of them under a transform of the user's below the result."""
    result = create_result(transform(pose(1)))
    between = transform(pose(2), "between")
    nodes = [under(result.GetParentTransformNode()), under(transform(pose(3))), under(between)]
    before = [(node.GetParentTransformNode(), place_of(node)) for node in nodes]
    for node in (*nodes[:2], between):
        put_under(result, node)
    set_world(result, rigid(4))
    assert len(parts(result)) == 3
    return result, nodes, before


def assert_back(nodes, before):
    for node, (above, place) in zip(nodes, before, strict=True):
        assert node.GetParentTransformNode() is above
        np.testing.assert_allclose(place_of(node), place, atol=1e-9)
        assert not is_registered(node)


def test_a_result_that_is_let_go_leaves_nothing_of_itself(scene):
    result, nodes, before = registered_nodes()
    let_go(result)
    scene.RemoveNode(result)
    assert_back(nodes, before)
    kinds = slicer.util.getNodesByClass("vtkMRMLLinearTransformNode")
    assert [node.GetName() for node in kinds if "Registration" in node.GetName()] == []


@pytest.mark.parametrize("how", ["removed", "put under the next"])
def test_parts_whose_result_is_gone_count_for_nothing(scene, how):
    """As in a scene whose result was deleted while the panel was closed."""
    result, nodes, before = registered_nodes()
    result.RemoveNodeReferenceIDs("MMHVAE.Part")  # so that a panel that is open lets nothing of them go
    scene.RemoveNode(result)
    nodes[0].SetAndObserveTransformNodeID(before[0][0].GetID())  # Slicer puts it into the world
    assert len(orphans()) == 2
    assert not any(map(is_registered, nodes))
    if how == "removed":
        remove_orphans()
        assert_back(nodes, before)
    else:
        fresh = create_result(None)
        for node in nodes:
            put_under(fresh, node)
        set_world(fresh, rigid(5))
        for node, (_, place) in zip(nodes, before, strict=True):
            np.testing.assert_allclose(place_of(node), rigid(5) @ place, atol=1e-9)
    assert orphans() == []
