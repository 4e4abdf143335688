"""The folded sections that are panels of their own: overlays and report."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from .case import chosen_mrs
from .logic import MMHVAERegistrationLogic
from .overlays import OverlaysPanel
from .parameters import RegistrationParameters
from .report import ReportPanel, Subject


class Sections:
    """Puts the panels into their sections.

    Args:
        ui: the panel's widgets by their names; ``overlaysFrame`` and ``reportFrame`` are the places.
        logic: keeps the outcome and the poses.
        find_parameters: gives the parameters in use, or None while there is no scene.
        on_changed: to be called when the scene was changed.
    """

    def __init__(
        self,
        ui: Any,
        logic: MMHVAERegistrationLogic,
        find_parameters: Callable[[], RegistrationParameters | None],
        on_changed: Callable[[], None],
    ) -> None:
        self._logic, self._find_parameters = logic, find_parameters
        self.overlays = OverlaysPanel(
            ui.overlaysFrame,
            self._mr,
            self._ultrasound,
            lambda: self._logic.engine,
            on_changed,
            lambda: self._logic.is_before,
        )
        self.report = ReportPanel(ui.reportFrame, self._subject)
        self._panels: list[Any] = [self.overlays, self.report]

    def refresh(self) -> None:
        """Show what is."""
        for panel in self._panels:
            panel.refresh()

    def close(self) -> None:
        """The panel is going."""
        for panel in self._panels:
            panel.close()

    def _mr(self) -> Any:
        parameters = self._find_parameters()
        return next(iter(chosen_mrs(parameters)), None) if parameters is not None else None

    def _ultrasound(self) -> Any:
        """As a volume: the one that was chosen, or the reconstruction of the sweep; None where there is none."""
        parameters = self._find_parameters()
        if parameters is None:
            return None
        volume = self._logic.case(parameters).ultrasound.volumes.get("us")
        volume = volume or self._logic.synthetic(parameters).ultrasound
        return volume if volume is not None and volume.GetImageData() is not None else None

    def _subject(self, has_names: bool) -> Subject | None:
        """What there is to report; None where nothing was registered or moved yet."""
        parameters, logic = self._find_parameters(), self._logic
        outcome = logic.pending or logic.outcome
        if parameters is None or (outcome is None and logic.history is None):
            return None
        mrs = dict(logic.case(parameters).mrs)
        shown = mrs.get(parameters.shown) or next(iter(mrs.values()), None)
        return Subject(
            parameters, self._ultrasound(), mrs, shown, logic.world, outcome, logic.pending is not None, has_names
        )
