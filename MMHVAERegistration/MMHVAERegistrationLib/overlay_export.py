"""A segmentation on the exact grid of the ultrasound, registration applied, as label map nodes beside it."""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass
from typing import Any

import numpy as np
import SimpleITK as sitk
import slicer
from mmhvae import InputError
from mmhvae.registration.labels import PlacedLabel, label_steps
from MMHVAESynthesisLib.geometry import FLIP, Matrix, follow, ijk_to_ras, parent_to_world, to_vtk
from MMHVAESynthesisLib.results import KIND
from MMHVAESynthesisLib.volume_files import image_data, require_volume
from slicer.i18n import tr as _

from .segment_labels import Layer, Segment, image_at, label_layers


@dataclass(frozen=True)
class Exported:
    """The label map nodes, and each segment with what became of it."""

    nodes: list[Any]
    placed: list[tuple[Segment, PlacedLabel]]


def export_steps(segmentation: Any, ultrasound: Any) -> Generator[float, None, Exported]:
    """Make the label maps, piece by piece; yields the share that is done. Nothing is in the scene before the end.

    Args:
        segmentation: the node, where it lies now: under the registration, or not.
        ultrasound: the volume node whose grid and parent transform the label maps get.

    Raises:
        InputError: the segmentation is empty, or a transform bends one of the two.
    """
    require_volume(ultrasound)
    layers = label_layers(segmentation)
    if not layers:
        raise InputError(_("{name} holds no segments; choose another one.").format(name=segmentation.GetName()))
    place = np.linalg.inv(parent_to_world(segmentation)) @ parent_to_world(ultrasound)
    grid = image_at(np.zeros(ultrasound.GetImageData().GetDimensions()[::-1], np.uint8), ijk_to_ras(ultrasound))
    maps, placed = [], []
    for number, layer in enumerate(layers):
        steps = label_steps(layer.image, _lps(place), grid)
        image, told = yield from _shares(steps, number, len(layers))
        maps.append(sitk.GetArrayFromImage(image))
        placed += [(layer.segments[label.value], label) for label in told]
    nodes = [_node(array, layer, segmentation, ultrasound) for array, layer in zip(maps, layers, strict=True)]
    return Exported(nodes, placed)


def _shares(steps: Generator[float, None, Any], number: int, count: int) -> Generator[float, None, Any]:
    """The steps of one layer of several, as shares of all."""
    while True:
        try:
            share = next(steps)
        except StopIteration as end:
            return end.value
        yield (number + share) / count


def _lps(matrix: Matrix) -> sitk.AffineTransform:
    lps = FLIP @ matrix @ FLIP
    return sitk.AffineTransform(lps[:3, :3].ravel().tolist(), lps[:3, 3].tolist())


def _node(array: Any, layer: Layer, segmentation: Any, ultrasound: Any) -> Any:
    name = _("{segmentation} on {ultrasound}").format(
        segmentation=segmentation.GetName(), ultrasound=ultrasound.GetName()
    )
    node = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLLabelMapVolumeNode", slicer.mrmlScene.GenerateUniqueName(name))
    node.SetAttribute(KIND, "overlay")  # it lies in the ultrasound: it is not offered among what moves with the MRs
    node.SetIJKToRASMatrix(to_vtk(ijk_to_ras(ultrasound)))
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
