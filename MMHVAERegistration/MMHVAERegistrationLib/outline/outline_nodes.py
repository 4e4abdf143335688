"""A computed outline as a segmentation node that lies, and moves, with the image that it was drawn on."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import slicer
from mmhvae.answers import SegmentAnswer
from mmhvae.segmentation import terminology
from MMHVAESynthesisLib.nodes import Matrix, follow, ijk_to_ras, image_data, to_vtk
from numpy.typing import NDArray

from ..overlays import show_overlay
from .outline_inputs import computed_outlines, is_as_computed, sources_of

_TAG = "TerminologyEntry"


def store_outline(labels: NDArray[np.uint8], segments: Sequence[SegmentAnswer], drawn_on: Any, title: str) -> Any:
    """The node that holds the labels now: a computed one of the same image that nobody has changed, or a new one.

    Args:
        labels: (k, j, i), 0 outside; on the grid of ``drawn_on``.
        segments: what the labels are called.
        drawn_on: the image's volume node.
        title: of a new node.
    """
    node = _earlier(drawn_on) or _new_node(title)
    segmentation = node.GetSegmentation()
    segmentation.RemoveAllSegments()
    node.SetReferenceImageGeometryParameterFromVolumeNode(drawn_on)
    for kind in segments:
        inside = (labels == kind.value).astype(np.uint8)
        if inside.any():
            _add(node, inside, kind, ijk_to_ras(drawn_on))
    follow(node, drawn_on)
    show_overlay(node, uncoloured=False)
    return node


def middle_of(labels: NDArray[np.uint8]) -> NDArray[np.intp]:
    """The labelled voxel (i, j, k) nearest to the middle of all: the middle itself may be hollow."""
    places = np.argwhere(labels)
    return places[np.square(places - places.mean(axis=0)).sum(axis=1).argmin(), ::-1]


def _earlier(drawn_on: Any) -> Any:
    """A person's corrections are kept: only what is as it was computed may be replaced."""
    for node in computed_outlines():
        if next(iter(sources_of(node).values())) is drawn_on and is_as_computed(node):
            return node
    return None


def _new_node(title: str) -> Any:
    return slicer.mrmlScene.AddNewNodeByClass("vtkMRMLSegmentationNode", slicer.mrmlScene.GenerateUniqueName(title))


def _add(node: Any, inside: NDArray[np.uint8], kind: SegmentAnswer, place: Matrix) -> None:
    labels = slicer.vtkOrientedImageData()
    labels.DeepCopy(image_data(inside))
    labels.SetImageToWorldMatrix(to_vtk(place))
    segmentation, name = node.GetSegmentation(), f"computed-{kind.value}"
    segment = slicer.vtkSegment()
    segment.SetName(kind.name)
    segment.SetColor(*(part / 255 for part in kind.colour))
    segment.SetTag(_TAG, terminology(kind.code))
    segment.AddRepresentation("Binary labelmap", labels)
    segmentation.AddSegment(segment, name)
