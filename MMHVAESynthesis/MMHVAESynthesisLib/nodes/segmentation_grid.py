"""The grid on which the label maps of a segmentation lie, and how they are put onto another one.

Slicer gives every segment of a file the grid of the file, and keeps it while somebody draws; only the extent shrinks.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import slicer
from vtk import vtkMatrix4x4

from .geometry import Matrix, to_array, to_vtk

_LABELS, _SURFACE, _REFERENCE = "Binary labelmap", "Closed surface", "Reference image geometry"
#: How far rounding may move a voxel between a file and the scene, mm.
_ROUNDING = 0.01


def lies_on(node: Any, grid: Matrix) -> bool:
    """Whether any label map of a segmentation node lies on a grid: (4, 4), indices to RAS mm, of which NaN is one."""
    return bool(_on(node.GetSegmentation(), grid))


def move_to_grid(node: Any, old: Matrix, new: Matrix) -> None:
    """Put the label maps that lie on one grid onto another; what came from elsewhere stays where it is.

    Args:
        node: the segmentation.
        old, new: (4, 4), indices to RAS mm, without the node's parent transforms.
    """
    segmentation = node.GetSegmentation()
    had_surface = segmentation.ContainsRepresentation(_SURFACE)
    for labels in _on(segmentation, old):
        labels.SetImageToWorldMatrix(to_vtk(new))
        labels.Modified()
    _move_reference(segmentation, old, new)
    if had_surface:
        segmentation.RemoveRepresentation(_SURFACE)
        node.CreateClosedSurfaceRepresentation()


def _on(segmentation: Any, grid: Matrix) -> list[Any]:
    """The label maps on a grid, each once: segments that exclude each other share one."""
    if segmentation.GetSourceRepresentationName() != _LABELS:
        return []
    segments = map(segmentation.GetNthSegment, range(segmentation.GetNumberOfSegments()))
    maps = {labels.GetAddressAsString(""): labels for labels in (s.GetRepresentation(_LABELS) for s in segments)}
    return [labels for labels in maps.values() if _is_same(labels, grid)]


def _is_same(labels: Any, grid: Matrix) -> bool:
    place = vtkMatrix4x4()
    labels.GetImageToWorldMatrix(place)
    ends = np.reshape(labels.GetExtent(), (3, 2))
    corners = np.array([[i, j, k, 1] for i in ends[0] for j in ends[1] for k in ends[2]], float)
    first, second = corners @ to_array(place)[:3].T, corners @ grid[:3].T
    return bool(np.allclose(first, second, rtol=0, atol=_ROUNDING, equal_nan=True))


def _move_reference(segmentation: Any, old: Matrix, new: Matrix) -> None:
    """On what is drawn next, and what is made of surfaces."""
    converter, geometry = slicer.vtkSegmentationConverter, slicer.vtkOrientedImageData()
    if not converter.DeserializeImageGeometry(segmentation.GetConversionParameter(_REFERENCE), geometry, False):
        return
    if _is_same(geometry, old):
        geometry.SetImageToWorldMatrix(to_vtk(new))
        segmentation.SetConversionParameter(_REFERENCE, converter.SerializeImageGeometry(geometry))
