"""Looks again at what was made of some nodes, soon after one of them, its transform, or the scene has changed."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable
from typing import Any

import slicer

from ..engine import Timer
from .node_watch import NodeWatch

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
        self._timer = Timer(self._look, REST)
        self._inputs = NodeWatch(self._changed)
        scene, events = slicer.mrmlScene, slicer.vtkMRMLScene
        self._scene = [
            (scene, scene.AddObserver(event, self._changed))
            for event in (events.NodeAddedEvent, events.NodeRemovedEvent, events.EndImportEvent, events.EndCloseEvent)
        ]
        self._timer.start()

    def look_again(self) -> None:
        """Something has changed that is no node."""
        if not self._timer.is_on:
            self._timer.start()

    def close(self) -> None:
        """Stop watching."""
        self._timer.stop()
        self._inputs.close()
        for scene, tag in self._scene:
            scene.RemoveObserver(tag)
        self._scene = []

    def _changed(self, caller: Any, event: Any) -> None:
        self.look_again()

    def _look(self) -> None:
        try:
            self._inputs.watch(self._find_inputs())
            self._look_at()
        except Exception:  # nothing may leave a slot
            _log.exception("the marks of results cannot be brought up to date")
