"""Bring a part of the panel into view, as a section that was just unfolded; Slicer shows modules in a scroll area."""

from __future__ import annotations

from typing import Any

import qt

from ..engine import Timer
from .part import Part, Whole

#: Milliseconds until a section that was unfolded is laid out.
UNFOLDED = 100


def scroll_to(widget: Any) -> None:
    """Scroll so far that ``widget`` begins at the top, or as near as there is something to scroll."""
    area = _area_of(widget)
    if area is not None:
        area.verticalScrollBar().setValue(_top(widget, area))


def scroll_into_view(widget: Any) -> None:
    """Scroll no further than needed for all of ``widget`` to be seen; of one that is too high, its beginning."""
    area = _area_of(widget)
    if area is not None:
        bar, top = area.verticalScrollBar(), _top(widget, area)
        bar.setValue(min(max(bar.value, top + widget.height - area.viewport().height), top))


def _area_of(widget: Any) -> Any:
    area = widget.parentWidget()
    while area is not None and not area.inherits("QScrollArea"):
        area = area.parentWidget()
    return area


def _top(widget: Any, area: Any) -> int:
    return int(widget.mapTo(area.widget(), qt.QPoint(0, 0)).y())


class UnfoldedSections(Part):
    """Whoever unfolds a section sees what is in it."""

    def __init__(self, panel: Whole) -> None:
        super().__init__(panel)
        self._unfolded: Any = None
        self._timer = Timer(self._show, UNFOLDED)
        for widget in vars(self.ui).values():
            if widget.inherits("ctkCollapsibleButton"):
                widget.connect(
                    "contentsCollapsed(bool)", lambda is_closed, widget=widget: self._toggled(widget, is_closed)
                )

    def _toggled(self, section: Any, is_closed: bool) -> None:
        self._unfolded = None if is_closed else section
        self._timer.start()

    def _show(self) -> None:
        if self._unfolded is not None:
            scroll_into_view(self._unfolded)

    def close(self) -> None:
        """See :meth:`.Part.close`."""
        self._timer.stop()
