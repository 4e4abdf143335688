"""Surfaces in the 3-D views beside the slices: what moves along, and the field of view of the ultrasound."""

from __future__ import annotations

from typing import Any

import slicer
import vtk
from MMHVAESynthesisLib.nodes import find_helper, follow, ijk_to_ras, new_helper, remove_shown, to_vtk
from MMHVAESynthesisLib.synthesis import KIND
from slicer.i18n import tr as _

_CLASS = "vtkMRMLModelNode"
_FIELD, _SHOWN, _OF = "field of view", "MMHVAE.Shown3D", "MMHVAE.FieldOf"
#: Voxels along an axis that the surface of the field of view is made of, about.
_STEPS = 64
_OPACITY, _COLOUR = 0.15, (0.9, 0.9, 0.6)


def show_in_3d(ultrasound: Any, nodes: list[Any]) -> None:
    """Show the surfaces of these segmentations and models, the field of view, and the slices as they are faded."""
    for node in nodes:
        display = node.GetDisplayNode()
        if display is not None and not (display.GetVisibility() and display.GetVisibility3D()):
            if node.IsA("vtkMRMLSegmentationNode"):
                node.CreateClosedSurfaceRepresentation()
            display.SetAttribute(_SHOWN, "1")
            display.SetVisibility3D(True)
    for view in slicer.util.getNodesByClass("vtkMRMLSliceNode"):
        if not view.GetSliceVisible():
            view.SetAttribute(_SHOWN, "1")
            view.SetSliceVisible(True)
    _show_field(ultrasound)


def hide_in_3d() -> None:
    """Give everything back as it was."""
    for display in slicer.util.getNodesByClass("vtkMRMLDisplayNode"):
        if display.GetAttribute(_SHOWN):
            display.RemoveAttribute(_SHOWN)
            display.SetVisibility3D(False)
    for view in slicer.util.getNodesByClass("vtkMRMLSliceNode"):
        if view.GetAttribute(_SHOWN):
            view.RemoveAttribute(_SHOWN)
            view.SetSliceVisible(False)
    field = _find()
    if field is not None:
        remove_shown(field)


def _find() -> Any:
    return find_helper(_CLASS, KIND, _FIELD)


def _show_field(ultrasound: Any) -> None:
    node = _find()
    if node is None:
        node = new_helper(_CLASS, _("Field of view of the ultrasound"), KIND, _FIELD, is_listed=True)
        display = node.GetDisplayNode()
        display.SetOpacity(_OPACITY)
        display.SetColor(*_COLOUR)
        display.SetVisibility2D(False)
    follow(node, ultrasound)
    state = f"{ultrasound.GetID()} {ultrasound.GetImageData().GetMTime()}"
    if node.GetAttribute(_OF) != state:
        node.SetAndObservePolyData(_surface_of_field(ultrasound))
        node.SetAttribute(_OF, state)


def _surface_of_field(ultrasound: Any) -> Any:
    """Around the voxels that show something, in the volume's own coordinates (RAS mm), coarse."""
    image = ultrasound.GetImageData()
    step = max(1, max(image.GetDimensions()) // _STEPS)
    shrunk = vtk.vtkImageShrink3D()
    shrunk.SetInputData(image)
    shrunk.SetShrinkFactors(step, step, step)
    shrunk.MaximumOn()
    padded = vtk.vtkImageConstantPad()
    padded.SetInputConnection(shrunk.GetOutputPort())
    shrunk.Update()
    extent = shrunk.GetOutput().GetExtent()
    padded.SetOutputWholeExtent(*(value + (1 if index % 2 else -1) for index, value in enumerate(extent)))
    edges = vtk.vtkFlyingEdges3D()
    edges.SetInputConnection(padded.GetOutputPort())
    edges.SetValue(0, 1e-3)
    place = vtk.vtkTransform()
    place.SetMatrix(to_vtk(ijk_to_ras(ultrasound)))
    moved = vtk.vtkTransformPolyDataFilter()
    moved.SetInputConnection(edges.GetOutputPort())
    moved.SetTransform(place)
    moved.Update()
    return moved.GetOutput()
