"""Outlines that were drawn before the operation and are not registered: dashed where an ultrasound is shown.

Filled, or solid, they would seem to belong where they lie. Slicer has no dashed outlines, so its own are hidden
meanwhile; what they were is kept in their display node, and given back.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import numpy as np
import slicer
import vtk

from ..engine import Timer
from ..nodes import NodeWatch, parent_to_world, to_array
from ..synthesis import KIND, MADE, made_of
from .slice_lines import SliceLines, SurfaceLine
from .surfaces import surfaces_of
from .visible_views import SliceView, slice_views

#: Kinds of transform nodes that a registration moves, and its reference to its parts; see MMHVAERegistrationLib.pose.
_REGISTRATION, _PART, _PARTS = "registration", "registration part", "MMHVAE.Part"
_HIDDEN = "MMHVAE.HiddenOutlines"
_SEGMENTED_ON = "referenceImageGeometryRef"
_OTHER_PANEL, _STAYS = "MMHVAERegistration", "MMHVAE.Stays"
_SWITCHES = {
    "vtkMRMLSegmentationDisplayNode": ("Visibility2DFill", "Visibility2DOutline"),
    "vtkMRMLModelDisplayNode": ("Visibility2D",),
}


class UnregisteredOutlines:
    """Keeps them dashed until :meth:`close`.

    Args:
        find_views: gives the views of the present layout.
        on_changed: hears that others are shown than before.
    """

    def __init__(
        self, on_changed: Callable[[], None], find_views: Callable[[], Iterable[SliceView]] = slice_views
    ) -> None:
        self._on_changed, self._find_views = on_changed, find_views
        self._lines, self._later = SliceLines(), Timer(self.refresh)
        self._outlines, self._composites = NodeWatch(self.later), NodeWatch(self.later)
        #: The nodes that are dashed now.
        self.nodes: list[Any] = []

    def later(self, *_: Any) -> None:
        """Look again, once the event loop turns."""
        self._later.start()

    def close(self) -> None:
        """Give Slicer's own outlines back, and stop watching."""
        self._later.stop()
        self._composites.close()
        self._outlines.close()
        self._lines.close()
        self._show([])

    def refresh(self) -> None:
        """Look at what the views show, and at where the outlines lie."""
        composites = [view.composite_node for view in self._find_views()]
        self._composites.watch(composites)
        outlines = _outlines() if any(map(_shows_ultrasound, composites)) else []
        self._outlines.watch(outlines)
        self._show([node for node in outlines if not is_registered(node)])

    def _show(self, nodes: list[Any]) -> None:
        _give_back_all_but([node.GetDisplayNode() for node in nodes])
        for node in nodes:
            _hide(node)
        self._lines.show([SurfaceLine(s, parent_to_world(node), True) for node in nodes for s in surfaces_of(node)])
        changed, self.nodes = nodes != self.nodes, nodes
        if changed:
            self._on_changed()


def is_registered(node: Any) -> bool:
    """Whether a registration, or a hand, has moved a node from where the navigation shows it."""
    while (node := node.GetParentTransformNode()) is not None:
        if node.GetAttribute(KIND) == _REGISTRATION or _is_live_part(node):
            matrix = vtk.vtkMatrix4x4()
            node.GetMatrixTransformToParent(matrix)
            return not np.array_equal(to_array(matrix), np.eye(4))
    return False


def _is_live_part(transform: Any) -> bool:
    """Whether it is part of a registration that is still there, rather than what is left of a deleted one."""
    if transform.GetAttribute(KIND) != _PART:
        return False
    found = slicer.util.getNodesByClass("vtkMRMLLinearTransformNode")
    owners = [node for node in found if node.GetAttribute(KIND) == _REGISTRATION]
    return any(owner.HasNodeReferenceID(_PARTS, transform.GetID()) for owner in owners)


def _shows_ultrasound(composite: Any) -> bool:
    """Whether a view shows an ultrasound that was reconstructed, or an image that was made of one."""
    for volume in (composite.GetBackgroundVolumeID(), composite.GetForegroundVolumeID()):
        node: Any = slicer.mrmlScene.GetNodeByID(volume) if volume else None
        if node is not None and node.GetAttribute(KIND) in ("ultrasound", "image") and _is_of_ultrasound(node):
            return True
    return False


def _is_of_ultrasound(node: Any) -> bool:
    """A frame of the live view is, of which nothing is recorded."""
    return not node.GetAttribute(MADE) or "us" in made_of(node)[0].inputs


def _outlines() -> list[Any]:
    """Segmentations and models that are shown in slices, and that were probably drawn on pre-operative images."""
    found = [node for kind in ("Segmentation", "Model") for node in slicer.util.getNodesByClass(f"vtkMRML{kind}Node")]
    return [node for node in found if _is_shown(node) and _is_preoperative(node)]


def _is_shown(node: Any) -> bool:
    display = node.GetDisplayNode()
    if node.GetHideFromEditors() or display is None or not display.GetVisibility():
        return False
    return bool(display.GetAttribute(_HIDDEN)) or bool(display.GetVisibility2D())


def _is_preoperative(node: Any) -> bool:
    if node.GetAttribute(KIND):
        return False
    other = slicer.mrmlScene.GetSingletonNode(_OTHER_PANEL, "vtkMRMLScriptedModuleNode")
    if other is not None:
        count = other.GetNumberOfNodeReferences(_STAYS)
        if any(other.GetNthNodeReference(_STAYS, index) is node for index in range(count)):
            return False
    drawn_on = node.GetNodeReference(_SEGMENTED_ON)
    return drawn_on is None or not drawn_on.GetAttribute(KIND)


def _hide(node: Any) -> None:
    display = node.GetDisplayNode()
    if not display.GetAttribute(_HIDDEN):
        switches = _SWITCHES[display.GetClassName()]
        display.SetAttribute(_HIDDEN, " ".join(name for name in switches if getattr(display, f"Get{name}")()) or "none")
        for name in switches:
            getattr(display, f"Set{name}")(False)


def _give_back_all_but(displays: list[Any]) -> None:
    """Also what a scene was saved with while it was hidden, which may be long ago and on another computer."""
    for display in slicer.util.getNodesByClass("vtkMRMLDisplayNode"):
        if display.GetAttribute(_HIDDEN) and display not in displays:
            hidden = display.GetAttribute(_HIDDEN).split()
            display.RemoveAttribute(_HIDDEN)
            for name in hidden:
                if name != "none":
                    getattr(display, f"Set{name}")(True)
