"""The folded sections that are panels of their own: overlays and report."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from .logic import MMHVAERegistrationLogic
from .parameters import RegistrationParameters


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
        self._panels: list[Any] = []

    def refresh(self) -> None:
        """Show what is."""
        for panel in self._panels:
            panel.refresh()

    def close(self) -> None:
        """The panel is going."""
        for panel in self._panels:
            panel.close()
