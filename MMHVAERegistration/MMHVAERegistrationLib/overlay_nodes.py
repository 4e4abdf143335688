"""A segmentation on the exact grid of the ultrasound, registration applied, as label map nodes beside it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import slicer
from mmhvae.registration.labels import PlacedLabel
from MMHVAESynthesisLib.geometry import Matrix, follow, to_vtk
from MMHVAESynthesisLib.results import KIND
from MMHVAESynthesisLib.volume_files import image_data
from numpy.typing import NDArray
from slicer.i18n import tr as _

from .segment_labels import Layer, Segment


@dataclass(frozen=True)
class Exported:
    """The label map nodes, and each segment with what became of it."""

    nodes: list[Any]
    placed: list[tuple[Segment, PlacedLabel]]


def store_overlays(
    maps: Sequence[NDArray[Any]], layers: Sequence[Layer], segmentation: Any, ultrasound: Any, place: Matrix
) -> list[Any]:
    """Label map nodes of (k, j, i) voxels, beside the ultrasound and under its transform.

    Args:
        maps: on the ultrasound's grid, one a layer.
        layers: of the segmentation.
        segmentation, ultrasound: the nodes that they were made of.
        place: (4, 4) from indices to RAS mm, without parent transforms.
    """
    return [_node(array, layer, segmentation, ultrasound, place) for array, layer in zip(maps, layers, strict=True)]


def _node(array: NDArray[Any], layer: Layer, segmentation: Any, ultrasound: Any, place: Matrix) -> Any:
    name = _("{segmentation} on {ultrasound}").format(
        segmentation=segmentation.GetName(), ultrasound=ultrasound.GetName()
    )
    node = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLLabelMapVolumeNode", slicer.mrmlScene.GenerateUniqueName(name))
    node.SetAttribute(KIND, "overlay")  # it lies in the ultrasound: it is not offered among what moves with the MRs
    node.SetIJKToRASMatrix(to_vtk(place))
    node.SetAndObserveImageData(image_data(array))
    follow(node, ultrasound)
    node.CreateDefaultDisplayNodes()
    node.GetDisplayNode().SetAndObserveColorNodeID(_colours(layer, node.GetName()).GetID())
    _put_beside(node, ultrasound)
    return node


def _colours(layer: Layer, name: str) -> Any:
    """The segments' names and colours as a colour table."""
    table = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLColorTableNode", _("Colours of {name}").format(name=name))
    table.SetTypeToUser()
    table.SetNumberOfColors(max(layer.segments) + 1)
    table.SetHideFromEditors(False)
    table.SetColor(0, _("background"), 0.0, 0.0, 0.0, 0.0)
    for value, segment in layer.segments.items():
        table.SetColor(value, segment.name, *segment.colour, 1.0)
    return table


def _put_beside(node: Any, ultrasound: Any) -> None:
    hierarchy = slicer.mrmlScene.GetSubjectHierarchyNode()
    item, beside = hierarchy.GetItemByDataNode(node), hierarchy.GetItemByDataNode(ultrasound)
    if item and beside:
        hierarchy.SetItemParent(item, hierarchy.GetItemParent(beside))
