"""The surfaces of segmentations and models, in their node's own coordinates; nothing is changed in the nodes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from weakref import WeakKeyDictionary

import slicer
import vtk

from ..nodes import Matrix, to_array, to_vtk

Colour = tuple[float, float, float]
_SMOOTHING_STEPS, _PASS_BAND = 15, 0.1
#: Of each segmentation its state then, and what was made of it; nothing in it may hold the node, or it would stay.
_known: WeakKeyDictionary[Any, tuple[Any, list[tuple[Any, Colour]]]] = WeakKeyDictionary()


@dataclass(frozen=True)
class Surface:
    """One surface: the node that it belongs to, its polygons in the node's coordinates (RAS mm), its colour."""

    node: Any
    polygons: Any  # vtkPolyData
    colour: Colour


def surfaces_of(node: Any) -> list[Surface]:
    """Every visible surface of a segmentation or a model; looked at again only after it changed."""
    if node.IsA("vtkMRMLModelNode"):
        polygons, display = node.GetPolyData(), node.GetDisplayNode()
        colour = tuple(display.GetColor()) if display is not None else (1.0, 1.0, 1.0)
        return [Surface(node, polygons, colour)] if polygons is not None and polygons.GetNumberOfPolys() else []
    state = _state_of(node)
    if node not in _known or _known[node][0] != state:
        _known[node] = (state, [surface for name in _shown(node) for surface in _of_segment(node, name)])
    return [Surface(node, polygons, colour) for polygons, colour in _known[node][1]]


def _shown(node: Any) -> list[str]:
    segmentation, display = node.GetSegmentation(), node.GetDisplayNode()
    names = [segmentation.GetNthSegmentID(index) for index in range(segmentation.GetNumberOfSegments())]
    return [name for name in names if display is None or display.GetSegmentVisibility(name)]


def _state_of(node: Any) -> Any:
    segmentation = node.GetSegmentation()
    return (segmentation.GetMTime(), *(
        (name, segmentation.GetSegment(name).GetMTime(), tuple(segmentation.GetSegment(name).GetColor()))
        for name in _shown(node)
    ))  # fmt: skip


def _of_segment(node: Any, name: str) -> list[tuple[Any, Colour]]:
    segment = node.GetSegmentation().GetSegment(name)
    closed = segment.GetRepresentation("Closed surface")
    if closed is None or not closed.GetNumberOfPoints():
        closed = _from_labels(node, name)
    return [(closed, tuple(segment.GetColor()))] if closed is not None else []


def _from_labels(node: Any, name: str) -> Any:
    """The surface of a segment's voxels, smoothed a little; None where there are none."""
    labels = slicer.vtkOrientedImageData()
    if not node.GetBinaryLabelmapRepresentation(name, labels) or min(labels.GetDimensions()) < 1:
        return None
    to_world = vtk.vtkMatrix4x4()
    labels.GetImageToWorldMatrix(to_world)
    plain = vtk.vtkImageData()
    plain.ShallowCopy(labels)
    plain.SetDirectionMatrix(1, 0, 0, 0, 1, 0, 0, 0, 1)
    plain.SetSpacing(1, 1, 1)
    plain.SetOrigin(0, 0, 0)
    return _smooth(_padded(plain), to_array(to_world))


def _padded(labels: Any) -> Any:
    """With a border of nothing, so that surfaces close."""
    low = labels.GetExtent()
    pad = vtk.vtkImageConstantPad()
    pad.SetInputData(labels)
    pad.SetOutputWholeExtent(*(value + (1 if index % 2 else -1) for index, value in enumerate(low)))
    pad.SetConstant(0)
    return pad


def _smooth(labels: Any, place: Matrix) -> Any:
    edges = vtk.vtkFlyingEdges3D()
    edges.SetInputConnection(labels.GetOutputPort())
    edges.SetValue(0, 0.5)
    smooth = vtk.vtkWindowedSincPolyDataFilter()
    smooth.SetInputConnection(edges.GetOutputPort())
    smooth.SetNumberOfIterations(_SMOOTHING_STEPS)
    smooth.SetPassBand(_PASS_BAND)
    smooth.NormalizeCoordinatesOn()
    transform = vtk.vtkTransform()
    transform.SetMatrix(to_vtk(place))
    moved = vtk.vtkTransformPolyDataFilter()
    moved.SetInputConnection(smooth.GetOutputPort())
    moved.SetTransform(transform)
    moved.Update()
    return moved.GetOutput() if moved.GetOutput().GetNumberOfPoints() else None
