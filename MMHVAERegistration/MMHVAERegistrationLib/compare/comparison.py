"""The box "Compare": ultrasound and MR in one view, faded, in squares, and as before while a key is held."""

from __future__ import annotations

from typing import Any

import numpy as np
import qt
import slicer
from mmhvae.images import MODALITIES
from MMHVAESynthesisLib.panel import Part, Whole, fill, select
from MMHVAESynthesisLib.views import FadeKey, note_in_views, take_out_uncertainty
from slicer.i18n import tr as _

from ..case import case_from, compared_mr, moving_nodes
from ..parameters import RegistrationParameters
from ..pose import CHECK, FAILED, GOOD, Outcome
from .checkerboard import Checkerboard
from .outlines import Outlines
from .three_d import hide_in_3d, show_in_3d


class Comparison(Part):
    """Keeps the slice views, the widgets and the parameters together.

    Nothing is shown before the user asks for it: by a registration, or by touching one of these widgets.
    """

    def __init__(self, panel: Whole) -> None:
        super().__init__(panel)
        ui, logic = self.ui, self.logic
        self._checkerboard, self._outlines = Checkerboard(), Outlines()
        self._is_shown = False
        self._key = FadeKey(self._has_moved, logic.show_before, qt.Qt.Key_Space)
        ui.shownSelector.connect("activated(int)", self._choose)
        ui.fadeSlider.connect("valueChanged(double)", self._touched)
        for box in (ui.checkerboardCheckBox, ui.outlinesCheckBox, ui.surfacesCheckBox):
            box.connect("clicked()", self._touched)

    def use(self, parameters: Any) -> None:
        """See :meth:`.Part.use`."""
        super().use(parameters)
        self._is_shown = False
        if parameters is None:
            self._take_out()
            self._outlines.show([])

    def close(self) -> None:
        """See :meth:`.Part.close`."""
        super().close()
        self._outlines.close()
        self._take_out()

    def _take_out(self) -> None:
        """What was put into the scene, and the views, for a comparison."""
        self._checkerboard.remove()
        hide_in_3d()
        note_in_views([], [])

    def refresh(self) -> None:
        """Offer what there is, and bring what is shown up to date."""
        parameters = self._parameters
        ui, mrs = self.ui, case_from(parameters).mrs
        fill(ui.shownSelector, [(MODALITIES[name].name, name) for name in mrs])
        if parameters.shown in mrs:
            select(ui.shownSelector, parameters.shown)
        why_not = self._why_not(parameters)
        for control, tip in (
            (ui.fadeSlider, _("How much of the MR covers the ultrasound: 0 ultrasound alone, 1 MR alone.")),
            (ui.shownSelector, _("Which MR is compared with the ultrasound.")),
            (ui.checkerboardCheckBox, _("Ultrasound and MR in turn, in squares.")),
            (ui.surfacesCheckBox, _("Surfaces of what moves along, and the field of view, in the 3-D views.")),
        ):
            control.setEnabled(not why_not)
            control.setToolTip(why_not or tip)
        if self._is_shown and not why_not:
            if not self.logic.is_before and (self.panel.is_open or self._is_in_sight()):
                self._show()
            self._say_what_is_seen(parameters)

    def _is_in_sight(self) -> bool:
        """Whether a view still shows the comparison: while the user is elsewhere, something else may lie there."""
        mine = [node.GetID() for node in (compared_mr(self._parameters), self._checkerboard.shown) if node is not None]
        composites = slicer.util.getNodesByClass("vtkMRMLSliceCompositeNode")
        return any(composite.GetForegroundVolumeID() in mine for composite in composites)

    def show_result(self, result: Outcome) -> None:
        """Show what a registration has just found, unless it was judged as failed."""
        if result.verdict == FAILED:
            return
        self._is_shown = True
        self._show()
        ultrasound = self._ultrasound(self._parameters) if self._parameters is not None else None
        if ultrasound is not None:
            look_at(ultrasound)

    def _why_not(self, parameters: RegistrationParameters) -> str:
        if not case_from(parameters).mrs:
            return _("Choose a pre-operative MR first.")
        return "" if self._ultrasound(parameters) is not None else _("The ultrasound has no volume yet: register.")

    def _ultrasound(self, parameters: RegistrationParameters) -> Any:
        volume = case_from(parameters).ultrasound.volumes.get("us") or self.logic.synthetic(parameters).ultrasound
        return volume if volume is not None and volume.GetImageData() is not None else None

    def _choose(self, index: int) -> None:
        if self._parameters is not None:
            self._parameters.shown = self.ui.shownSelector.itemData(index)
            self._touched()

    def _touched(self, *_: Any) -> None:
        self._is_shown = True
        if self._parameters is not None and not self._why_not(self._parameters):
            self._show()

    def _show(self) -> None:
        parameters = self._parameters
        if parameters is None:
            return
        ultrasound, mr = self._ultrasound(parameters), compared_mr(parameters)
        if ultrasound is None or mr is None:
            return
        self._say_what_is_seen(parameters)
        foreground, opacity = mr, self.ui.fadeSlider.value
        if self.ui.checkerboardCheckBox.checked:
            foreground, opacity = self._checkerboard.node(ultrasound, mr), 1.0
        take_out_uncertainty()  # it is about synthetic images, and these are real
        for composite in slicer.util.getNodesByClass("vtkMRMLSliceCompositeNode"):
            composite.SetBackgroundVolumeID(ultrasound.GetID())
            composite.SetForegroundVolumeID(foreground.GetID())
            composite.SetForegroundOpacity(opacity)
        self._outlines.show(outlined(parameters) if self.ui.outlinesCheckBox.checked else [])
        if self.ui.surfacesCheckBox.checked:
            show_in_3d(ultrasound, outlined(parameters))
        else:
            hide_in_3d()

    def _say_what_is_seen(self, parameters: RegistrationParameters) -> None:
        """In every view that shows the MR or the squares: whether it is registered, and which outline is which."""
        mr = compared_mr(parameters)
        contrast = next((MODALITIES[name].name for name, node in case_from(parameters).mrs.items() if node is mr), "")
        lines = [_("Pre-operative {contrast} - {state}").format(contrast=contrast, state=self._state())]
        if self.ui.outlinesCheckBox.checked and outlined(parameters) and self._has_moved() and not self.logic.is_before:
            lines.append(_("dashed before, solid now"))
        shown = [node for node in (mr, self._checkerboard.shown) if node is not None]
        note_in_views(shown, lines)

    def _state(self) -> str:
        """Where the MR lies just now, in a word or two."""
        outcome = self.logic.outcome
        if self.logic.is_before or not self._has_moved():
            return _("NOT REGISTERED")
        if outcome is None:
            return _("moved, not judged")
        if self.logic.stale:
            return _("registered, OUT OF DATE")
        return {GOOD: _("registered"), CHECK: _("registered, CHECK it"), FAILED: _("registered, judged FAILED")}[
            outcome.verdict
        ]

    def _has_moved(self) -> bool:
        return not np.array_equal(self.logic.world, np.eye(4))


def outlined(parameters: RegistrationParameters) -> list[Any]:
    """What is drawn before and after: segmentations and models that move along."""
    kinds = ("vtkMRMLSegmentationNode", "vtkMRMLModelNode")
    return [node for node in moving_nodes(parameters) if any(node.IsA(kind) for kind in kinds)]


def look_at(volume: Any) -> None:
    """Fit every slice view to a volume, through its middle."""
    bounds = [0.0] * 6
    volume.GetRASBounds(bounds)
    middle = [(bounds[2 * axis] + bounds[2 * axis + 1]) / 2 for axis in range(3)]
    layout = slicer.app.layoutManager()
    for name in layout.sliceViewNames() if layout is not None else ():
        widget = layout.sliceWidget(name)
        node = widget.mrmlSliceNode()
        widget.sliceLogic().FitSliceToVolume(volume, *node.GetDimensions()[:2])
        node.JumpSliceByOffsetting(*middle)
