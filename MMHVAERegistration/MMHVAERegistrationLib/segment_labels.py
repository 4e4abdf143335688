"""A segmentation node's segments as label maps, in the coordinates of its file; nothing is changed in the node."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import SimpleITK as sitk
import slicer
from MMHVAESynthesisLib.geometry import FLIP, Matrix, to_array, to_vtk
from numpy.typing import NDArray
from vtk.util import numpy_support

_LABELS = "Binary labelmap"


@dataclass(frozen=True)
class Segment:
    """What a segment is called, and its colour."""

    name: str
    colour: tuple[float, float, float]


@dataclass(frozen=True)
class Layer:
    """Segments that exclude each other: a label map (LPS mm, without the node's parent transforms), by label."""

    image: sitk.Image
    segments: Mapping[int, Segment] = field(default_factory=dict)


def label_layers(node: Any, only_visible: bool = False) -> list[Layer]:
    """The label maps of a segmentation node: one, or more where segments overlap; none where it is empty.

    Args:
        node: the segmentation node.
        only_visible: leave out segments that the user has hidden.
    """
    segmentation = _with_labels(node.GetSegmentation())
    maps: dict[str, Any] = {}
    segments: dict[str, dict[int, Segment]] = {}
    for index in range(segmentation.GetNumberOfSegments()):
        segment, name = segmentation.GetNthSegment(index), segmentation.GetNthSegmentID(index)
        labels = segment.GetRepresentation(_LABELS)
        if _is_empty(labels) or (only_visible and not _is_visible(node, name)):
            continue
        key = labels.GetAddressAsString("vtkObject")
        maps[key] = labels
        described = Segment(segment.GetName(), tuple(segment.GetColor()))
        segments.setdefault(key, {})[segment.GetLabelValue()] = described
    layers = [_layer(maps[key], segments[key]) for key in maps]
    return [layer for layer in layers if layer is not None]


def _is_empty(labels: Any) -> bool:
    return labels is None or labels.GetPointData().GetScalars() is None or min(labels.GetDimensions()) < 1


def _is_visible(node: Any, name: str) -> bool:
    display = node.GetDisplayNode()
    return display is None or bool(display.GetSegmentVisibility(name))


def _with_labels(segmentation: Any) -> Any:
    """The segmentation, or a copy that has label maps where it has only surfaces."""
    if segmentation.ContainsRepresentation(_LABELS) or not segmentation.GetNumberOfSegments():
        return segmentation
    copy = slicer.vtkSegmentation()
    copy.DeepCopy(segmentation)
    copy.CreateRepresentation(_LABELS)
    return copy


def _layer(labels: Any, segments: Mapping[int, Segment]) -> Layer | None:
    array = numpy_support.vtk_to_numpy(labels.GetPointData().GetScalars()).reshape(labels.GetDimensions()[::-1])
    known = np.where(np.isin(array, list(segments)), array, 0)
    if not known.any():
        return None
    place = to_vtk(np.eye(4))
    labels.GetImageToWorldMatrix(place)
    start = np.eye(4)
    start[:3, 3] = labels.GetExtent()[::2]
    return Layer(image_at(known.astype(np.int32), to_array(place) @ start), segments)


def image_at(array: NDArray[Any], ijk_to_ras: Matrix) -> sitk.Image:
    """(k, j, i) voxels as an image whose indices ``ijk_to_ras`` takes to RAS mm."""
    matrix = FLIP @ ijk_to_ras
    spacing = np.linalg.norm(matrix[:3, :3], axis=0)
    image = sitk.GetImageFromArray(array)
    image.SetSpacing(spacing.tolist())
    image.SetDirection((matrix[:3, :3] / spacing).ravel().tolist())
    image.SetOrigin(matrix[:3, 3].tolist())
    return image
