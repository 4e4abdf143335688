"""Outlines over the slices: dashed where the navigation shows them, solid where the registration puts them."""

from __future__ import annotations

from typing import Any

import numpy as np
from MMHVAESynthesisLib.engine import Timer
from MMHVAESynthesisLib.nodes import NodeWatch, parent_to_world
from MMHVAESynthesisLib.views import SliceLines, SurfaceLine, surfaces_of

from ..pose import before_to_world


class Outlines:
    """The lines in all slice views, kept up to date until :meth:`close`."""

    def __init__(self) -> None:
        self._nodes: list[Any] = []
        self._drawn = SliceLines()
        self._later = Timer(self.refresh)
        self._watch = NodeWatch(self._changed)

    def show(self, nodes: list[Any]) -> None:
        """Draw the outlines of these segmentations and models, and of no others."""
        self._nodes = list(nodes)
        self._watch.watch(nodes)
        self.refresh()

    def close(self) -> None:
        """Take the lines off, and stop watching."""
        self._later.stop()
        self._watch.close()
        self._nodes = []
        self._drawn.close()

    def refresh(self) -> None:
        """Bring the lines of every view up to date."""
        self._drawn.show([line for node in self._nodes for line in _lines_of(node)])

    def lines(self, name: str) -> list[tuple[str, bool, Any]]:
        """See :meth:`.SliceLines.lines`."""
        return self._drawn.lines(name)

    def _changed(self, caller: Any, event: Any) -> None:
        self._later.start()


def _lines_of(node: Any) -> list[SurfaceLine]:
    before, after = before_to_world(node), parent_to_world(node)
    places = [(before, True)] if np.array_equal(before, after) else [(before, True), (after, False)]
    return [SurfaceLine(surface, place, dash) for surface in surfaces_of(node) for place, dash in places]
