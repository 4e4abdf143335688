"""Bring a part of the panel into view; Slicer shows modules in a scroll area."""

from __future__ import annotations

from typing import Any

import qt


def scroll_to(widget: Any) -> None:
    """Scroll so far that ``widget`` begins at the top, or as near as there is something to scroll."""
    area = widget.parentWidget()
    while area is not None and not area.inherits("QScrollArea"):
        area = area.parentWidget()
    if area is not None:
        area.verticalScrollBar().setValue(widget.mapTo(area.widget(), qt.QPoint(0, 0)).y())
