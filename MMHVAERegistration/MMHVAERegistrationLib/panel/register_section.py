"""Preview, Register, and how far it is."""

from __future__ import annotations

from typing import Any

from MMHVAESynthesisLib.panel import Action, RunSection
from slicer.i18n import tr as _


class RegisterSection(RunSection):
    """See :class:`MMHVAESynthesisLib.panel.RunSection`."""

    def actions(self) -> list[Action]:
        """Preview and Register."""
        preview = _("A first answer in a fraction of the time, a few tenths of a millimetre less exact.")
        register = _("Synthesise the MR, if that was not done, register to it, and judge the result.")
        return [
            Action(self.ui.previewButton, preview, lambda *listeners: self._register(True, *listeners)),
            Action(self.ui.registerButton, register, lambda *listeners: self._register(False, *listeners)),
        ]

    def busy(self) -> str:
        """See :meth:`.RunSection.busy`."""
        return _("A registration is running.")

    def _register(self, is_preview: bool, *listeners: Any) -> None:
        self.logic.register(self._parameters, is_preview, *listeners)
