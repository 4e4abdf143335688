"""The registration panel's lists: method, model, device."""

from __future__ import annotations

from typing import Any

from MMHVAESynthesisLib.panel import Entries, SettingLists
from slicer.i18n import tr as _

from ..case import DIRECT, SYNTHESIS


class RegistrationLists(SettingLists):
    """See :class:`MMHVAESynthesisLib.panel.SettingLists`."""

    def further(self) -> dict[str, tuple[Any, Entries]]:
        """The method."""
        methods = [(_("through synthetic MR"), SYNTHESIS), (_("directly to the ultrasound"), DIRECT)]
        return {"method": (self.ui.methodSelector, methods)}

    def refresh(self) -> None:
        """See :meth:`.SettingLists.refresh`; how far navigation may be off counts only where it is drawn to it."""
        super().refresh()
        for box in (self.ui.priorTranslationSpinBox, self.ui.priorRotationSpinBox):
            box.setEnabled(self._parameters.prior)
