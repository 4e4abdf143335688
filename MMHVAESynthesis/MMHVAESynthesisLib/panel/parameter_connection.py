"""Widgets that Slicer's parameter node wrapper keeps equal to parameters, until the connection is undone."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any


class ParameterConnection:
    """Begins when it is made.

    Slicer's wrapper observes its node for the widgets, and ``disconnectGui`` does not end that: panels that come and go
    would leave an observer each, and VTK crashes at the one that Python's garbage collection has taken apart. So the
    observers are noted while they are made, and removed with the rest.

    Args:
        parameters: a wrapped parameter node.
        widgets: by the names of the parameters.
    """

    def __init__(self, parameters: Any, widgets: Mapping[str, Any]) -> None:
        self._parameters, self._tags = parameters, list[int]()
        parameters.AddObserver = self._observe  # hides the wrapper's own for a moment
        try:
            # connectGui does not return what it takes to undo it; this one does.
            self._gui = parameters.connectParametersToGui(dict(widgets))
        finally:
            del parameters.AddObserver

    def _observe(self, event: Any, callback: Callable[..., None], priority: float = 0.0) -> int:
        tag = int(self._parameters.parameterNode.AddObserver(event, callback, priority))
        self._tags.append(tag)
        return tag

    def close(self) -> None:
        """Widgets and parameters go their own ways."""
        self._parameters.disconnectGui(self._gui)
        for tag in self._tags:
            self._parameters.parameterNode.RemoveObserver(tag)
        self._tags.clear()
