"""A segmentation on the exact grid of the ultrasound, registration applied, as label map nodes beside it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import slicer
from mmhvae.overlays import PlacedLabel
from MMHVAESynthesisLib.nodes import Layer, Matrix, Segment, follow, image_data, to_vtk
from MMHVAESynthesisLib.synthesis import KIND
from numpy.typing import NDArray
from slicer.i18n import tr as _

from .overlay_inputs import overlays_of, remember


@dataclass(frozen=True)
class Exported:
    """The label map nodes, and each segment with what became of it."""

    nodes: list[Any]
    placed: list[tuple[Segment, PlacedLabel]]


def store_overlays(
    maps: Sequence[NDArray[Any]], layers: Sequence[Layer], segmentation: Any, ultrasound: Any, place: Matrix, made: str
) -> list[Any]:
    """Label map nodes of (k, j, i) voxels, beside the ultrasound and under its transform.

    Those of an earlier export are brought up to date; what is shown of them stays as the user has set it.

    Args:
        maps: on the ultrasound's grid, one a layer.
        layers: of the segmentation.
        segmentation, ultrasound: the nodes that they were made of.
        place: (4, 4) from indices to RAS mm, without parent transforms.
        made: what they were made of, see :mod:`.overlay_inputs`.
    """
    before = overlays_of(segmentation, ultrasound)
    for node in before[len(maps) :]:  # of layers that are no more
        slicer.mrmlScene.RemoveNode(_colours_of(node))
        slicer.mrmlScene.RemoveNode(node)
    nodes = []
    for number, (array, layer) in enumerate(zip(maps, layers, strict=True)):
        node = before[number] if number < len(before) else _new_node(segmentation, ultrasound)
        node.SetIJKToRASMatrix(to_vtk(place))
        node.SetAndObserveImageData(image_data(array))
        follow(node, ultrasound)
        _colour(node, layer)
        remember(node, made, segmentation, ultrasound)
        nodes.append(node)
    return nodes


def _new_node(segmentation: Any, ultrasound: Any) -> Any:
    name = _("{segmentation} on {ultrasound}").format(
        segmentation=segmentation.GetName(), ultrasound=ultrasound.GetName()
    )
    node = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLLabelMapVolumeNode", slicer.mrmlScene.GenerateUniqueName(name))
    node.SetAttribute(KIND, "overlay")  # it lies in the ultrasound: it is not offered among what moves with the MRs
    node.CreateDefaultDisplayNodes()
    _put_beside(node, ultrasound)
    return node


def _colour(node: Any, layer: Layer) -> None:
    """The segments' names and colours as the node's colour table."""
    table = _colours_of(node)
    if table is None:
        name = _("Colours of {name}").format(name=node.GetName())
        table = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLColorTableNode", name)
        table.SetAttribute(KIND, "overlay colours")
        table.SetTypeToUser()
        table.SetHideFromEditors(False)
    table.SetNumberOfColors(max(layer.segments) + 1)
    table.SetColor(0, _("background"), 0.0, 0.0, 0.0, 0.0)
    for value, segment in layer.segments.items():
        table.SetColor(value, segment.name, *segment.colour, 1.0)
    node.GetDisplayNode().SetAndObserveColorNodeID(table.GetID())


def _colours_of(node: Any) -> Any:
    """The colour table that we made for a node, or None."""
    display = node.GetDisplayNode()
    table = display.GetColorNode() if display is not None else None
    return table if table is not None and table.GetAttribute(KIND) == "overlay colours" else None


def _put_beside(node: Any, ultrasound: Any) -> None:
    hierarchy = slicer.mrmlScene.GetSubjectHierarchyNode()
    item, beside = hierarchy.GetItemByDataNode(node), hierarchy.GetItemByDataNode(ultrasound)
    if item and beside:
        hierarchy.SetItemParent(item, hierarchy.GetItemParent(beside))
