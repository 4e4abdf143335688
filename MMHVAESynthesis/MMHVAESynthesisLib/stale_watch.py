"""Looks again whether results match their inputs, soon after an input, its transform, or the scene has changed."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

import qt
import slicer
import vtk

from .results import made_of, result_nodes
from .staleness import mark

#: Milliseconds of rest after a change; a transform that is dragged changes many times a second.
REST = 300

_log = logging.getLogger(__name__)


class StaleWatch:
    """Keeps the marks of all results in the scene up to date, until :meth:`close`.

    Args:
        bundle: gives the name of the bundle in use, "" where that is not known yet.
        on_looked: hears each time the marks were looked at.
    """

    def __init__(self, bundle: Callable[[], str], on_looked: Callable[[], None]) -> None:
        self._bundle, self._on_looked = bundle, on_looked
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
            nodes = result_nodes()
            self._observe([source for node in nodes for source in made_of(node)[1].values()])
            mark(nodes, self._bundle())
            self._on_looked()
        except Exception:  # nothing may leave a slot
            _log.exception("the marks of results cannot be brought up to date")

    def _observe(self, sources: list[Any]) -> None:
        self._forget(self._inputs)
        for source in dict.fromkeys(sources):
            events = [vtk.vtkCommand.ModifiedEvent]
            if source.IsA("vtkMRMLVolumeNode"):
                events += [slicer.vtkMRMLVolumeNode.ImageDataModifiedEvent]
                events += [slicer.vtkMRMLTransformableNode.TransformModifiedEvent]
            self._inputs += [(source, source.AddObserver(event, self._changed)) for event in events]
