"""Hears of changes of some nodes and no others, and keeps none of them once it is told others.

Slicer's own mixin for this keeps every node that it ever observed, with its voxels.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import slicer
import vtk


class NodeWatch:
    """Observes the nodes that it is told, until it is told others.

    Args:
        on_changed: called with who says it, the node or a part of it, and the event.
    """

    def __init__(self, on_changed: Callable[[Any, Any], None]) -> None:
        self._on_changed = on_changed
        self._nodes: list[Any] = []
        self._observed: list[tuple[Any, int]] = []

    def watch(self, nodes: Iterable[Any]) -> None:
        """Hear of these nodes and no others."""
        wanted = list(dict.fromkeys(nodes))
        if wanted != self._nodes:
            self.close()
            self._nodes = wanted
            for source, event in (pair for node in wanted for pair in _events_of(node)):
                self._observed.append((source, source.AddObserver(event, self._on_changed)))

    def close(self) -> None:
        """Hear of nothing any more."""
        for source, tag in self._observed:
            source.RemoveObserver(tag)
        self._nodes, self._observed = [], []


def _events_of(node: Any) -> list[tuple[Any, int]]:
    """What tells that a node's content or place has changed: who says it, and the event."""
    found = [(node, vtk.vtkCommand.ModifiedEvent)]
    if node.IsA("vtkMRMLTransformableNode"):
        found.append((node, slicer.vtkMRMLTransformableNode.TransformModifiedEvent))
    if node.IsA("vtkMRMLVolumeNode"):
        found.append((node, slicer.vtkMRMLVolumeNode.ImageDataModifiedEvent))
    if node.IsA("vtkMRMLMarkupsNode"):
        kind = slicer.vtkMRMLMarkupsNode
        events = (kind.PointModifiedEvent, kind.PointPositionDefinedEvent, kind.PointRemovedEvent)
        found += [(node, event) for event in events]
    if node.IsA("vtkMRMLSegmentationNode"):
        segmentation, kind = node.GetSegmentation(), slicer.vtkSegmentation
        changes = (kind.SourceRepresentationModified, kind.SegmentAdded, kind.SegmentRemoved, kind.SegmentModified)
        found += [(segmentation, event) for event in changes]
    return found
