"""The slice views on the screen, with what it takes to draw into one."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any, Protocol, TypeVar

import slicer

#: Dots an inch at which VTK's points are pixels.
_DPI = 72


@dataclass(frozen=True)
class SliceView:
    """One slice view: its MRML nodes, the renderer of its annotations, what makes it draw again, pixels a Qt pixel."""

    name: str
    slice_node: Any
    composite_node: Any
    renderer: Any
    render: Callable[[], None]
    scale: Callable[[], float]

    def points(self, pixels: float) -> int:
        """What VTK calls a font that is so many of Qt's pixels high: it may know of a finer screen, or not."""
        return round(pixels * self.scale() * _DPI / self.renderer.GetRenderWindow().GetDPI())


def slice_views() -> Iterator[SliceView]:
    """Every slice view of the present layout; none where the application has no windows."""
    layout = slicer.app.layoutManager()
    for name in layout.sliceViewNames() if layout is not None else ():
        widget = layout.sliceWidget(name)
        view = widget.sliceView()
        renderer = view.renderWindow().GetRenderers().GetItemAsObject(0)
        if renderer is not None:
            logic = widget.sliceLogic()
            yield SliceView(
                str(name),
                logic.GetSliceNode(),
                logic.GetSliceCompositeNode(),
                renderer,
                view.scheduleRender,
                partial(_scale_of, view),
            )


class Drawing(Protocol):
    """What is drawn into one view."""

    view: SliceView

    def close(self) -> None:
        """Take it off."""


AnyDrawing = TypeVar("AnyDrawing", bound=Drawing)


def keep_up_with(
    views: Iterable[SliceView], drawn: dict[str, AnyDrawing], new: Callable[[SliceView], AnyDrawing]
) -> None:
    """Close drawings whose view is gone or made anew, and make those that views have not got, by the views' names."""
    found = {view.name: view for view in views}
    for name, drawing in list(drawn.items()):
        if name not in found or found[name].renderer is not drawing.view.renderer:
            drawn.pop(name).close()
    for name, view in found.items():
        if name not in drawn:
            drawn[name] = new(view)


def _scale_of(view: Any) -> float:
    """Pixels of the drawing for each pixel that Qt counts: 1.5 or 2 on screens that are finer than usual."""
    return max(1.0, float(view.renderWindow().GetSize()[0] / max(1, view.width)))
