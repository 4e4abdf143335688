"""Placing landmarks: a point in the ultrasound, then the same in the MR, pair by pair; and a start from them."""

from __future__ import annotations

from typing import Any

import slicer
from mmhvae import InputError
from MMHVAESynthesisLib.nodes import NodeWatch
from MMHVAESynthesisLib.panel import Part, Whole
from MMHVAESynthesisLib.views import jump_to
from slicer.i18n import tr as _

from ..case import compared_mr, tick
from ..pose import FEWEST, LANDMARKS, pairs_from, require_along, rigid_fit

#: The two lists by parameter, and how the views fade while a point is placed: the ultrasound alone, the MR alone.
_LISTS = {"usLandmarks": 0.0, "mrLandmarks": 1.0}


class LandmarkPlacing(Part):
    """The three buttons; what is measured with the points stands in the table below them."""

    def __init__(self, panel: Whole) -> None:
        super().__init__(panel)
        self._awaited = ""  # the list that a point is being placed in
        self._count = 0  # its points before
        self._fade: float | None = None  # of the views before
        self._watch = NodeWatch(self._changed)
        ui = self.ui
        ui.placeButton.connect("clicked()", self._toggle)
        ui.removePairButton.connect("clicked()", self._remove)
        ui.landmarkStartButton.connect("clicked()", self._start)

    def use(self, parameters: Any) -> None:
        """See :meth:`.Part.use`."""
        self._stop()
        super().use(parameters)

    def close(self) -> None:
        """See :meth:`.Part.close`."""
        self._stop()

    def refresh(self) -> None:
        """Offer what can be done."""
        ui, placing = self.ui, bool(self._awaited)
        ui.placeButton.setText(_("Stop placing") if placing else _("Place a pair"))
        file = _("A file of pairs is chosen; remove it first.") if self._parameters.tagPath else ""
        counts = [node.GetNumberOfControlPoints() if node is not None else 0 for node in self._nodes()]
        none = "" if any(counts) else _("There is no point yet.")
        running = _("A registration is running.") if self.logic.is_running else ""
        for button, reason, tip in (
            (
                ui.placeButton,
                file or self._why_no_place(),
                _("Click a point in the ultrasound, then the same point in the MR."),
            ),
            (ui.removePairButton, file or none, _("Delete the last pair, or its one point.")),
            (
                ui.landmarkStartButton,
                running or self._why_no_start(),
                _("Start where the pairs are nearest."),
            ),
        ):
            button.setEnabled(not reason)
            button.setToolTip(reason or tip)
        ui.placeHintLabel.setText(self._hint())
        ui.placeHintLabel.setVisible(placing)

    def _hint(self) -> str:
        if self._awaited == "usLandmarks":
            return _("Click a point in the ultrasound that you also find in the MR.")
        return _("Now click the same point in the MR.") if self._awaited else ""

    def _nodes(self) -> list[Any]:
        return [getattr(self._parameters, name) for name in _LISTS]

    def _why_no_start(self) -> str:
        try:
            pairs = pairs_from(self._parameters, self.logic.world)
            if pairs is None:
                return _("Place {count} pairs first.").format(count=FEWEST)
            rigid_fit(pairs)
        except InputError as error:
            return str(error)
        return ""

    def _why_no_place(self) -> str:
        node = self._parameters.mrLandmarks
        try:
            if node is not None:
                require_along(node, self.logic.world)
        except InputError as error:
            return str(error)
        return ""

    def _toggle(self) -> None:
        if self._parameters is None:
            return
        if self._awaited:
            self._stop()
        else:
            us, mr = (node.GetNumberOfControlPoints() if node is not None else 0 for node in self._nodes())
            self._await("mrLandmarks" if mr < us else "usLandmarks")
        self.panel.refresh()

    def _await(self, name: str) -> None:
        """Let the user click a point of a list, which is made where there is none, in views that show its image."""
        if self._fade is None:
            self._fade = self._parameters.fade
        node = getattr(self._parameters, name) or self._new_list(name)
        if name == "mrLandmarks" and not node.GetNumberOfControlPoints():
            self._put_with_mr(node)
        self._awaited, self._count, self.logic.is_placing = name, _placed(node), True
        self._watch.watch([node])
        self._parameters.fade = _LISTS[name]
        logic = slicer.modules.markups.logic()
        logic.SetActiveListID(node)
        logic.StartPlaceMode(0)

    def _new_list(self, name: str) -> Any:
        title = _("Landmarks in the ultrasound") if name == "usLandmarks" else _("Landmarks in the MR")
        node = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLMarkupsFiducialNode", title)
        node.CreateDefaultDisplayNodes()
        setattr(self._parameters, name, node)
        return node

    def _put_with_mr(self, node: Any) -> None:
        """A list's first point is about to be clicked on the MR where it is shown: from now on they move together."""
        mr = compared_mr(self._parameters)
        if mr is not None and node.GetParentTransformNode() is None:
            node.SetAndObserveTransformNodeID(mr.GetTransformNodeID())
        tick(self._parameters, node, True)
        self.logic.place(self._parameters)

    def _changed(self, caller: Any, event: Any) -> None:
        """A point of the awaited list was placed, moved or deleted."""
        node = getattr(self._parameters, self._awaited) if self._parameters is not None and self._awaited else None
        if node is None or _placed(node) <= self._count:
            return
        placed, index = self._awaited, self._count
        if placed == "usLandmarks":
            self._await("mrLandmarks")
            self._jump_to(node, index)
        else:
            self._stop()
        node.SetNthControlPointLabel(index, str(index + 1))  # which is a change, too: no point is awaited here any more
        self.panel.later()

    @staticmethod
    def _jump_to(node: Any, index: int) -> None:
        """Show every slice through a point: the other one of its pair is near."""
        place = [0.0] * 3
        node.GetNthControlPointPositionWorld(index, place)
        jump_to(place)

    def _stop(self) -> None:
        """No point is awaited any more; the views fade as before."""
        if not self._awaited:
            return
        self._awaited, self.logic.is_placing = "", False
        self._watch.close()
        if self._fade is not None and self._parameters is not None:
            self._parameters.fade = self._fade
        self._fade = None
        interaction = slicer.app.applicationLogic().GetInteractionNode()
        if interaction is not None:
            interaction.SetCurrentInteractionMode(interaction.ViewTransform)

    def _remove(self) -> None:
        """Take the last pair away, or the point of it that is there."""
        self._stop()
        counts = [node.GetNumberOfControlPoints() if node is not None else 0 for node in self._nodes()]
        for node, count in zip(self._nodes(), counts, strict=True):
            if node is not None and count and count == max(counts):
                node.RemoveNthControlPoint(count - 1)
        self.panel.refresh()

    def _start(self) -> None:
        pairs = pairs_from(self._parameters, self.logic.world) if self._parameters is not None else None
        if pairs is not None:
            self.logic.go_to(self._parameters, LANDMARKS, rigid_fit(pairs))
            self.panel.refresh()


def _placed(node: Any) -> int:
    """How many points were clicked already; the one that follows the mouse is not."""
    states = [node.GetNthControlPointPositionStatus(index) for index in range(node.GetNumberOfControlPoints())]
    return sum(state == node.PositionDefined for state in states)
