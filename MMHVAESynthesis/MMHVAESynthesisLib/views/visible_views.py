"""The slice views on the screen, with what it takes to draw into one."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any

import slicer


@dataclass(frozen=True)
class SliceView:
    """One slice view: its MRML nodes, the renderer of its annotations, what makes it draw again, pixels a Qt pixel."""

    name: str
    slice_node: Any
    composite_node: Any
    renderer: Any
    render: Callable[[], None]
    scale: Callable[[], float]


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


def _scale_of(view: Any) -> float:
    """Pixels of the drawing for each pixel that Qt counts: 1.5 or 2 on screens that are finer than usual."""
    return max(1.0, float(view.renderWindow().GetSize()[0] / max(1, view.width)))
