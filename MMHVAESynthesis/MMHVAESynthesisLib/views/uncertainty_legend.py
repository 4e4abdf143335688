"""What the colours of uncertainty mean, in the corner of a view: high, medium and low, each on its colour.

Slicer's own legend fits its words into a share of the view: in a small view they are three pixels high.
"""

from __future__ import annotations

from typing import Any

import vtk
from slicer.i18n import tr as _

from ..synthesis import KIND, legend_entries
from .visible_views import SliceView

#: Qt's pixels: height of the letters, and of all lines and what is above them, below the letter of the upper edge.
FONT, SMALLEST_FONT, TOP = 13, 9, 26
#: Height of a line, as a share of the font's size.
_LINE = 1.5
_MARGIN = 4
_KINDS = ("uncertainty", "levels")
_BLACK, _WHITE = (0.0, 0.0, 0.0), (1.0, 1.0, 1.0)


class UncertaintyLegend:
    """The legend of one view; it ends above the letter at the middle of the right edge."""

    def __init__(self, view: SliceView) -> None:
        self._view = view
        self._actors: list[Any] = []
        self._kind = ""

    @property
    def words(self) -> list[str]:
        """What is written, from the top; empty where nothing is."""
        return [actor.GetInput() for actor in self._actors]

    def show(self, volumes: list[Any]) -> bool:
        """Explain the first of the volumes in the view that has colours of uncertainty; whether anything changed."""
        kinds = [node.GetAttribute(KIND) for node in volumes]
        kind = next((kind for kind in kinds if kind in _KINDS), "")
        changed = kind != self._kind
        if changed:
            self.close()
            self._kind = kind
            self._add(kind)
        self._place()
        return changed

    def close(self) -> None:
        """Take it off."""
        for actor in self._actors:
            self._view.renderer.RemoveViewProp(actor)
        self._actors, self._kind = [], ""

    def _add(self, kind: str) -> None:
        if kind:
            self._actors = [_line(_("Uncertainty"), _BLACK, 0.6)]
            self._actors += [_line(word, colour, 1.0) for word, colour in legend_entries(kind == "levels")]
        for actor in self._actors:
            self._view.renderer.AddViewProp(actor)

    def _place(self) -> None:
        """From the top right corner on downwards, in letters that leave the view's upper half only where they must."""
        width, height = self._view.renderer.GetSize()
        scale = self._view.scale()
        room = height / scale / 2 - TOP - FONT
        font = max(SMALLEST_FONT, min(FONT, room / (_LINE * max(1, len(self._actors)))))
        for row, actor in enumerate(self._actors):
            actor.GetTextProperty().SetFontSize(self._view.points(font))
            actor.SetPosition(width - _MARGIN * scale, height - (TOP + row * _LINE * font) * scale)


def _line(text: str, background: tuple[float, float, float], opacity: float) -> Any:
    actor = vtk.vtkTextActor()
    actor.GetPositionCoordinate().SetCoordinateSystemToViewport()
    actor.SetInput(text)
    style = actor.GetTextProperty()
    style.SetJustificationToRight()
    style.SetVerticalJustificationToTop()
    style.SetBold(True)
    style.SetColor(*(_BLACK if sum(background) > 1.2 else _WHITE))
    style.SetBackgroundColor(*background)
    style.SetBackgroundOpacity(opacity)
    return actor
