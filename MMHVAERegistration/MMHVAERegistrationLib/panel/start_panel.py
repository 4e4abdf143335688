"""The section "Start by hand": a handle in the views, and the middle of the MR on the middle of the ultrasound."""

from __future__ import annotations

from typing import Any

import numpy as np
import slicer
from mmhvae import InputError
from MMHVAESynthesisLib.panel import Part, Whole
from slicer.i18n import tr as _

from ..case import case_from
from ..parameters import RegistrationParameters
from ..pose import CENTRES, NAVIGATION, before_to_world, find_result, local_matrix, middle_of_mr, middle_of_ultrasound


class StartPanel(Part):
    """The handle and the two buttons."""

    def __init__(self, panel: Whole) -> None:
        super().__init__(panel)
        ui = self.ui
        ui.handleCheckBox.connect("toggled(bool)", self._show_handle)
        ui.alignButton.connect("clicked()", self._align)
        ui.resetButton.connect("clicked()", self._reset)

    def refresh(self) -> None:
        """Offer what can be done."""
        ui, parameters = self.ui, self._parameters
        running = _("A registration is running.") if self.logic.is_running else ""
        no_mr = "" if case_from(parameters).mrs else _("Choose a pre-operative MR first.")
        no_pair = self.panel.problem or no_mr
        for control, reason, tip in (
            (ui.handleCheckBox, running or no_mr, _("A handle in the views to move and turn what moves along.")),
            (ui.alignButton, running or no_pair, _("Move the middle of the MR to the middle of the ultrasound.")),
            (ui.resetButton, running or self._why_no_reset(), _("Back to where the navigation shows the MRs.")),
        ):
            control.setEnabled(not reason)
            control.setToolTip(reason or tip)
        shown = _handle_of(find_result())
        if ui.handleCheckBox.checked != shown:
            blocked = ui.handleCheckBox.blockSignals(True)
            ui.handleCheckBox.setChecked(shown)
            ui.handleCheckBox.blockSignals(blocked)

    def _why_no_reset(self) -> str:
        moved = self.logic.history is not None and not np.array_equal(self.logic.world, np.eye(4))
        return "" if moved else _("The MRs are where the navigation shows them.")

    def _show_handle(self, is_on: bool) -> None:
        parameters = self._parameters
        if parameters is None:
            return
        result = self.logic.ensure_result(parameters)
        if result.GetDisplayNode() is None:
            result.CreateDefaultDisplayNodes()
        centre = self._centre(parameters)
        above = np.linalg.inv(before_to_world(result) @ local_matrix(result))
        result.SetCenterOfTransformation((above @ [*centre, 1])[:3].tolist())
        display = result.GetDisplayNode()
        display.SetEditorScalingEnabled(False)
        display.SetEditorScalingSliceEnabled(False)
        display.SetEditorVisibility(is_on)
        display.SetEditorSliceIntersectionVisibility(is_on)
        self.panel.refresh()

    def _centre(self, parameters: RegistrationParameters) -> Any:
        """(3,) where the handle turns: the middle of the ultrasound, or else of the MR."""
        case = case_from(parameters)
        try:
            return middle_of_ultrasound(case.ultrasound)
        except InputError:
            return middle_of_mr(next(iter(case.mrs.values())))

    def _align(self) -> None:
        parameters = self._parameters
        if parameters is None:
            return
        case, world = case_from(parameters), np.eye(4)
        try:
            target = middle_of_ultrasound(case.ultrasound)
        except InputError as error:
            slicer.util.errorDisplay(str(error))
            return
        world[:3, 3] = target - middle_of_mr(next(iter(case.mrs.values())))
        self.logic.go_to(parameters, CENTRES, world)
        self.panel.refresh()

    def _reset(self) -> None:
        if self._parameters is not None:
            self.logic.go_to(self._parameters, NAVIGATION, np.eye(4))
            self.panel.refresh()


def _handle_of(result: Any) -> bool:
    display = result.GetDisplayNode() if result is not None else None
    return display is not None and bool(display.GetEditorVisibility())
