"""The folded sections that are panels of their own: overlays and report."""

from __future__ import annotations

from typing import Any

from MMHVAESynthesisLib.panel import Part, Whole

from .case import chosen_mrs
from .overlays import OverlaysPanel
from .report import ReportPanel, Subject


class FoldedPanels(Part):
    """Puts the panels into their sections."""

    def __init__(self, panel: Whole) -> None:
        super().__init__(panel)
        ui, logic = self.ui, self.logic
        self.overlays = OverlaysPanel(
            ui.overlaysFrame,
            self._mr,
            self._ultrasound,
            logic.engine,
            panel.later,
            lambda: logic.is_before,
        )
        self.report = ReportPanel(ui.reportFrame, self._subject)

    def refresh(self) -> None:
        """See :meth:`.Part.refresh`."""
        for section in (self.overlays, self.report):
            section.refresh()

    def close(self) -> None:
        """See :meth:`.Part.close`."""
        for section in (self.overlays, self.report):
            section.close()

    def _mr(self) -> Any:
        parameters = self._parameters
        return next(iter(chosen_mrs(parameters)), None) if parameters is not None else None

    def _ultrasound(self) -> Any:
        """As a volume: the one that was chosen, or the reconstruction of the sweep; None where there is none."""
        parameters = self._parameters
        if parameters is None:
            return None
        volume = self.logic.case(parameters).ultrasound.volumes.get("us")
        volume = volume or self.logic.synthetic(parameters).ultrasound
        return volume if volume is not None and volume.GetImageData() is not None else None

    def _subject(self, has_names: bool) -> Subject | None:
        """What there is to report; None where nothing was registered or moved yet."""
        parameters, logic = self._parameters, self.logic
        outcome = logic.pending or logic.outcome
        if parameters is None or (outcome is None and logic.history is None):
            return None
        mrs = dict(logic.case(parameters).mrs)
        shown = mrs.get(parameters.shown) or next(iter(mrs.values()), None)
        return Subject(
            parameters, self._ultrasound(), mrs, shown, logic.world, outcome, logic.pending is not None, has_names
        )
