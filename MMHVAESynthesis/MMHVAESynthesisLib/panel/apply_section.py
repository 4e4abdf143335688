"""Apply, and how far it is."""

from __future__ import annotations

from slicer.i18n import tr as _

from .run_section import Action, RunSection


class ApplySection(RunSection):
    """See :class:`.RunSection`."""

    def actions(self) -> list[Action]:
        """Apply."""
        return [
            Action(
                self.ui.applyButton,
                _("Synthesise what is ticked."),
                lambda *listeners: self.logic.apply(self._parameters, *listeners),
            )
        ]

    def busy(self) -> str:
        """See :meth:`.RunSection.busy`."""
        return _("A synthesis is running.")
