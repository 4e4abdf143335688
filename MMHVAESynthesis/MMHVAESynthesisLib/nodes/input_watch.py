"""Looks again at what was made of some nodes, soon after one of them, its transform, or the scene has changed."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable
from typing import Any

import qt
import slicer
import vtk

#: Milliseconds of rest after a change; a transform that is dragged changes many times a second.
REST = 300

_log = logging.getLogger(__name__)


class InputWatch:
    """Looks once at the beginning, and after each change until :meth:`close`.

    Args:
        find_inputs: gives the nodes to watch from now on; asked for before each look.
        look: called once things rest.
    """

    def __init__(self, find_inputs: Callable[[], Iterable[Any]], look: Callable[[], None]) -> None:
        self._find_inputs, self._look_at = find_inputs, look
        self._timer = qt.QTimer()
        self._timer.setSingleShot(True)
        self._timer.setInterval(REST)
        self._timer.connect("timeout()", self._look)
        self._inputs: list[tuple[Any, int]] = []
        scene, events = slicer.mrmlScene, slicer.vtkMRMLScene
        self._scene = [
            (scene, scene.AddObserver(event, self._changed))
            for event in (events.NodeAddedEvent, events.NodeRemovedEvent, events.EndImportEvent, events.EndCloseEvent)
        ]
        self._timer.start()

    def close(self) -> None:
        """Stop watching."""
        self._timer.stop()
        self._forget(self._inputs)
        self._forget(self._scene)

    @staticmethod
    def _forget(observed: list[tuple[Any, int]]) -> None:
        for node, tag in observed:
            node.RemoveObserver(tag)
        observed.clear()

    def _changed(self, caller: Any, event: Any) -> None:
        if not self._timer.isActive():
            self._timer.start()

    def _look(self) -> None:
        try:
            inputs = list(dict.fromkeys(self._find_inputs()))
            self._forget(self._inputs)
            for node in inputs:
                self._inputs += [
                    (source, source.AddObserver(event, self._changed)) for source, event in _events_of(node)
                ]
            self._look_at()
        except Exception:  # nothing may leave a slot
            _log.exception("the marks of results cannot be brought up to date")


def _events_of(node: Any) -> list[tuple[Any, int]]:
    """What tells that a node's content or place has changed: who says it, and the event."""
    found = [(node, vtk.vtkCommand.ModifiedEvent)]
    if node.IsA("vtkMRMLDisplayableNode"):
        found.append((node, slicer.vtkMRMLTransformableNode.TransformModifiedEvent))
    if node.IsA("vtkMRMLVolumeNode"):
        found.append((node, slicer.vtkMRMLVolumeNode.ImageDataModifiedEvent))
    if node.IsA("vtkMRMLSegmentationNode"):
        kind, segmentation = slicer.vtkSegmentation, node.GetSegmentation()
        events = (kind.SourceRepresentationModified, kind.SegmentAdded, kind.SegmentRemoved, kind.SegmentModified)
        found += [(segmentation, event) for event in events]
    return found
