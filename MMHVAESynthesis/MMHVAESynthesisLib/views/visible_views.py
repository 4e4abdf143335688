"""The slice views on the screen, with what it takes to draw into one."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import slicer


@dataclass(frozen=True)
class SliceView:
    """One slice view: its MRML nodes, the renderer of its annotations, and what makes it draw again."""

    name: str
    slice_node: Any
    composite_node: Any
    renderer: Any
    render: Callable[[], None]


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
                str(name), logic.GetSliceNode(), logic.GetSliceCompositeNode(), renderer, view.scheduleRender
            )
