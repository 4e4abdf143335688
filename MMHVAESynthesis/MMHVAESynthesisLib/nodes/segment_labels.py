"""A segmentation node's segments as label maps, in the coordinates of its file; nothing is changed in the node."""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import SimpleITK as sitk
import slicer
from numpy.typing import NDArray
from vtk.util import numpy_support

from ..engine import CHUNK, completed
from .geometry import FLIP, Matrix, to_array, to_vtk

_LABELS = "Binary labelmap"


@dataclass(frozen=True)
class Segment:
    """What a segment is called, and its colour."""

    name: str
    colour: tuple[float, float, float]


@dataclass(frozen=True)
class Layer:
    """Segments that exclude each other, by label.

    Attributes:
        array: (k, j, i), the labels; uint8 where they allow, else int32.
        ijk_to_ras: (4, 4), from the array's indices to RAS mm, without the node's parent transforms.
        segments: by label.
    """

    array: NDArray[Any]
    ijk_to_ras: Matrix
    segments: Mapping[int, Segment] = field(default_factory=dict)

    @property
    def image(self) -> sitk.Image:
        """The label map, LPS mm."""
        return image_at(self.array, self.ijk_to_ras)


def label_layers(node: Any, is_wanted: Callable[[str], bool] = lambda name: True) -> list[Layer]:
    """The label maps of a segmentation node: one, or more where segments overlap; none where it is empty.

    Args:
        node: the segmentation node.
        is_wanted: tells by a segment's ID.
    """
    return completed(layer_steps(node, is_wanted))


def layer_steps(node: Any, is_wanted: Callable[[str], bool] = lambda name: True) -> Generator[None, None, list[Layer]]:
    """:func:`label_layers` piece by piece, so that the screen stays alive."""
    found = []
    for labels, segments in label_maps(node.GetSegmentation(), is_wanted):
        layer = yield from _layer_steps(labels, segments)
        if layer is not None:
            found.append(layer)
    return found


def label_maps(
    segmentation: Any, is_wanted: Callable[[str], bool] = lambda name: True
) -> list[tuple[Any, dict[int, Segment]]]:
    """The vtkOrientedImageData of a vtkSegmentation, each with its segments; one that has none is converted in a copy.

    Args:
        segmentation: it is not changed.
        is_wanted: tells by a segment's ID.
    """
    segmentation = _with_labels(segmentation)
    maps: dict[str, tuple[Any, dict[int, Segment]]] = {}
    for index in range(segmentation.GetNumberOfSegments()):
        segment, name = segmentation.GetNthSegment(index), segmentation.GetNthSegmentID(index)
        labels = segment.GetRepresentation(_LABELS)
        if _is_empty(labels) or not is_wanted(name):
            continue
        described = Segment(segment.GetName(), tuple(segment.GetColor()))
        maps.setdefault(labels.GetAddressAsString("vtkObject"), (labels, {}))[1][segment.GetLabelValue()] = described
    return list(maps.values())


def _is_empty(labels: Any) -> bool:
    return labels is None or labels.GetPointData().GetScalars() is None or min(labels.GetDimensions()) < 1


def is_visible(node: Any, name: str) -> bool:
    """Whether the user has not hidden a segment, by its ID."""
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


def _layer_steps(labels: Any, segments: Mapping[int, Segment]) -> Generator[None, None, Layer | None]:
    array = flat_labels(labels)
    known = np.zeros(array.size, np.uint8 if max(segments) <= 255 else np.int32)
    for start in range(0, array.size, CHUNK):
        part = array[start : start + CHUNK]
        known[start : start + CHUNK] = np.where(np.isin(part, list(segments)), part, 0)
        yield
    if not known.any():
        return None
    return Layer(known.reshape(labels.GetDimensions()[::-1]), lattice_to_ras(labels), segments)


def flat_labels(labels: Any) -> NDArray[Any]:
    """The voxels of a vtkOrientedImageData, one after the other, not copied."""
    array: NDArray[Any] = numpy_support.vtk_to_numpy(labels.GetPointData().GetScalars())
    return array


def lattice_to_ras(labels: Any) -> Matrix:
    """(4, 4) from array indices (i, j, k) of a vtkOrientedImageData to RAS mm."""
    place, start = to_vtk(np.eye(4)), np.eye(4)
    labels.GetImageToWorldMatrix(place)
    start[:3, 3] = labels.GetExtent()[::2]
    matrix: Matrix = to_array(place) @ start
    return matrix


def image_at(array: NDArray[Any], ijk_to_ras: Matrix) -> sitk.Image:
    """(k, j, i) voxels as an image whose indices ``ijk_to_ras`` takes to RAS mm."""
    matrix = FLIP @ ijk_to_ras
    spacing = np.linalg.norm(matrix[:3, :3], axis=0)
    image = sitk.GetImageFromArray(array)
    image.SetSpacing(spacing.tolist())
    image.SetDirection((matrix[:3, :3] / spacing).ravel().tolist())
    image.SetOrigin(matrix[:3, 3].tolist())
    return image
