"""Outlines that a network made: which of them the slice views show, so that nobody takes them for a person's."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import slicer
from slicer.i18n import tr as _

from ..engine import Timer
from ..nodes import NodeWatch
from ..synthesis import STALE

#: Attribute of a segmentation that was computed: what it was made of, see MMHVAERegistrationLib.outline.
COMPUTED = "MMHVAE.Computed"


class ComputedOutlines:
    """Keeps the line about them up to date until :meth:`close`.

    Args:
        on_changed: hears that another line holds than before.
    """

    def __init__(self, on_changed: Callable[[], None]) -> None:
        self._on_changed, self._later = on_changed, Timer(self.refresh)
        self._watch = NodeWatch(self._changed)
        #: What every view says of them; none where none is shown.
        self.lines: list[str] = []

    def close(self) -> None:
        """Stop watching."""
        self._later.stop()
        self._watch.close()

    def refresh(self) -> None:
        """Look at which of them are shown."""
        nodes = [node for node in slicer.util.getNodesByClass("vtkMRMLSegmentationNode") if node.GetAttribute(COMPUTED)]
        displays = [node.GetDisplayNode() for node in nodes]
        self._watch.watch([*nodes, *(display for display in displays if display is not None)])
        lines = _lines_about([node for node in nodes if _is_shown(node)])
        changed, self.lines = lines != self.lines, lines
        if changed:
            self._on_changed()

    def _changed(self, caller: Any, event: Any) -> None:
        self._later.start()


def _is_shown(node: Any) -> bool:
    display = node.GetDisplayNode()
    return display is not None and bool(display.GetVisibility())


def _lines_about(nodes: list[Any]) -> list[str]:
    if not nodes:
        return []
    line = _("COMPUTED OUTLINE, not drawn by a person")
    return [line, *([_("OUT OF DATE - outline the tumour again")] if any(n.GetAttribute(STALE) for n in nodes) else [])]
