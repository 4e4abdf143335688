"""Below each volume whose NIfTI file says two things about its place, or nothing: which one is right?"""

from __future__ import annotations

from typing import Any

from mmhvae.images import MODALITIES, NIFTI_FORMS
from slicer.i18n import tr as _

from .nifti_form_row import NiftiFormRow
from .part import Part, Whole


class NiftiFormRows(Part):
    """Asks, and shows the answers; see :class:`.NiftiFormRow`."""

    def __init__(self, panel: Whole) -> None:
        super().__init__(panel)
        self._rows = {name: self._row(name) for name in MODALITIES}

    def use(self, parameters: Any) -> None:
        """See :meth:`.Part.use`."""
        super().use(parameters)
        if parameters is None:
            for row in self._rows.values():
                row.show(None)

    def refresh(self) -> None:
        """Show a row for each chosen volume whose place is open, or was."""
        busy = _("A run is working with this volume; wait for it, or cancel it first.")
        for name, row in self._rows.items():
            row.show(self._node(name), busy if self.logic.is_running else "")

    def _row(self, name: str) -> NiftiFormRow:
        ui = self.ui
        buttons = {form: getattr(ui, f"{name}{form.capitalize()}Button") for form in NIFTI_FORMS}
        return NiftiFormRow(getattr(ui, f"{name}FormRow"), getattr(ui, f"{name}FormLabel"), buttons, self.panel.refresh)

    def _node(self, name: str) -> Any:
        """The chosen volume; None where there is none, or tracked frames take its place."""
        parameters = self._parameters
        if parameters is None or (name == "us" and (parameters.sweepPath or parameters.sweepBrowser is not None)):
            return None
        return getattr(parameters, name)
