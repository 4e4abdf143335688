"""The result: one linear transform node, under which everything pre-operative lies.

It stands between a node and the node's own parent transform, so that a node at local points x under a parent P moves
from P x to D P x, D being the registration in world coordinates: the result, itself under P, holds P^-1 D P. Nodes with
another parent Q get a part of the result of their own, under Q, which holds Q^-1 D Q and always follows. Nothing else
is changed: not the nodes' voxels, not their parents, not what else lies under these parents.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import slicer
from mmhvae import InputError
from MMHVAESynthesisLib.nodes import Matrix, parent_to_world, to_array, to_vtk
from slicer.i18n import tr as _

#: Attribute that tells what a node of ours is.
KIND = "MMHVAE.Kind"
REGISTRATION, PART = "registration", "registration part"
_PARTS = "MMHVAE.Part"


def find_result() -> Any:
    """The result of this scene, or None."""
    return next(iter(_of_kind(REGISTRATION)), None)


def _of_kind(kind: str) -> list[Any]:
    found = slicer.util.getNodesByClass("vtkMRMLLinearTransformNode")
    return [node for node in found if node.GetAttribute(KIND) == kind]


def create_result(parent: Any) -> Any:
    """A new result, the identity, for nodes under ``parent`` (a transform node, or None)."""
    return _new(_("Registration of the pre-operative images"), REGISTRATION, parent)


def _new(name: str, kind: str, parent: Any) -> Any:
    node = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLLinearTransformNode", name)
    node.SetAttribute(KIND, kind)
    node.SetAndObserveTransformNodeID(parent.GetID() if parent is not None else None)
    return node


def parts(result: Any) -> list[Any]:
    """The result and its parts for other parents; the result first."""
    count = result.GetNumberOfNodeReferences(_PARTS)
    others = [result.GetNthNodeReference(_PARTS, index) for index in range(count)]
    return [result, *(node for node in others if node is not None)]


def is_part(node: Any) -> bool:
    """Whether a transform is a result or a part of one, also of one that is gone."""
    return node is not None and node.GetAttribute(KIND) in (REGISTRATION, PART)


def orphans() -> list[Any]:
    """Parts whose result is gone: it was deleted while nobody looked, before the panel was opened."""
    owned = [part for result in _of_kind(REGISTRATION) for part in parts(result)]
    return [part for part in _of_kind(PART) if part not in owned]


def transforms_above(node: Any) -> Iterator[Any]:
    """The transforms that a node lies under, the nearest first."""
    while (node := node.GetParentTransformNode()) is not None:
        yield node


def is_registered(node: Any) -> bool:
    """Whether a node lies under the result, at whatever height; what is left of one that is gone does not count."""
    above = [transform for transform in transforms_above(node) if is_part(transform)]
    return bool(above) and not set(above) <= set(orphans())


def before_to_world(node: Any) -> Matrix:
    """(4, 4) of all transforms above a node but the registration: where the navigation shows it, RAS mm.

    Raises:
        InputError: one of them bends space.
    """
    matrix = np.eye(4)
    for transform in transforms_above(node):
        if is_part(transform):
            continue
        if not transform.IsLinear():
            raise InputError(
                _("{name} is under a transform that bends it ({transform}); harden that transform first.").format(
                    name=node.GetName(), transform=transform.GetName()
                )
            )
        matrix = local_matrix(transform) @ matrix
    return matrix


def is_bent(transform: Any) -> bool:
    """Whether somebody has put a part of the result under a transform that bends: then where it is cannot be told."""
    parent = transform.GetParentTransformNode()
    return parent is not None and not parent.IsTransformToWorldLinear()


def local_matrix(transform: Any) -> Matrix:
    """(4, 4) of a transform node to its parent."""
    matrix = to_vtk(np.eye(4))
    transform.GetMatrixTransformToParent(matrix)
    return to_array(matrix)


def world_matrix(result: Any) -> Matrix:
    """(4, 4), the registration D in world coordinates: from before to after, RAS mm."""
    to_parent = np.asarray(np.linalg.inv(parent_to_world(result)), np.float64)
    return _conjugated(local_matrix(result), to_parent)


def local_to(part: Any, world: Matrix) -> Matrix:
    """What a part holds, for the registration ``world``."""
    return _conjugated(world, parent_to_world(part))


def _conjugated(matrix: Matrix, frame: Matrix) -> Matrix:
    """``frame``^-1 ``matrix`` ``frame``; to the last bit itself where one of them is the identity."""
    if np.array_equal(frame, np.eye(4)) or np.array_equal(matrix, np.eye(4)):
        return matrix
    result: Matrix = np.linalg.inv(frame) @ matrix @ frame
    result[3] = [0, 0, 0, 1]
    return result


def follow_result(result: Any) -> None:
    """Bring the other parts to where the result is, after somebody else has moved it."""
    if is_bent(result):
        return
    world = world_matrix(result)
    for part in [part for part in parts(result)[1:] if not is_bent(part)]:
        wanted = local_to(part, world)
        if not np.allclose(local_matrix(part), wanted, rtol=0, atol=1e-9):
            part.SetMatrixTransformToParent(to_vtk(wanted))


def put_under(result: Any, node: Any) -> None:
    """Put a node under the result, keeping its own parent above; one that is there already stays.

    Raises:
        InputError: the node is under a transform that bends it.
    """
    if is_registered(node):
        return
    remove_orphans()
    before_to_world(node)
    part = _part_under(result, node.GetParentTransformNode())
    node.SetAndObserveTransformNodeID(part.GetID())


def _part_under(result: Any, parent: Any) -> Any:
    for part in parts(result):
        if part.GetParentTransformNode() is parent:
            return part
    name = _("{name} (under {parent})").format(
        name=result.GetName(), parent=parent.GetName() if parent is not None else _("no transform")
    )
    part = _new(name, PART, parent)
    part.SetMatrixTransformToParent(to_vtk(local_to(part, world_matrix(result))))
    result.AddNodeReferenceID(_PARTS, part.GetID())
    return part


def take_out(node: Any) -> None:
    """Put a node back under its own parent, where it was before."""
    part = node.GetParentTransformNode()
    if is_part(part):
        above = part.GetParentTransformNode()
        node.SetAndObserveTransformNodeID(above.GetID() if above is not None else None)


def let_go(result: Any) -> None:
    """Before a result is deleted: everything back under its own parents, and the other parts are deleted."""
    for part in parts(result):
        _empty(part)
    for part in parts(result)[1:]:
        slicer.mrmlScene.RemoveNode(part)


def remove_orphans() -> None:
    """Put what still lies under parts of a deleted result back under its own parents, and delete these parts."""
    for part in orphans():
        _empty(part)
        slicer.mrmlScene.RemoveNode(part)


def _empty(part: Any) -> None:
    for node in slicer.util.getNodesByClass("vtkMRMLTransformableNode"):
        if node.GetParentTransformNode() is part:
            take_out(node)
