"""Hears of changes of some nodes and no others."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import slicer
import vtk
from slicer.util import VTKObservationMixin

_EVENTS = (
    vtk.vtkCommand.ModifiedEvent,
    slicer.vtkMRMLTransformableNode.TransformModifiedEvent,
    slicer.vtkMRMLVolumeNode.ImageDataModifiedEvent,
    slicer.vtkMRMLMarkupsNode.PointModifiedEvent,
)


class NodeWatch(VTKObservationMixin):
    """Observes the nodes it is told, until it is told others.

    Args:
        on_changed: called with the node and the event.
    """

    def __init__(self, on_changed: Callable[[Any, Any], None]) -> None:
        super().__init__()
        self._on_changed = on_changed
        self._nodes: list[Any] = []

    def watch(self, nodes: list[Any]) -> None:
        """Hear of these nodes and no others."""
        if nodes != self._nodes:
            self.removeObservers()
            self._nodes = nodes
            for node in nodes:
                for event in _EVENTS:
                    self.addObserver(node, event, self._on_changed)
