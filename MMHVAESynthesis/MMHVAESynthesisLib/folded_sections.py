"""The folded sections of the panel that are panels of their own: live view, models, setup."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from mmhvae.bundle import WeightsStore

from .engine import Engine
from .live import LivePanel
from .parameters import SynthesisParameters
from .setup import SetupPanel, WeightsPanel


class Sections:
    """Puts the panels into their sections.

    Args:
        ui: the panel's widgets by their names.
        engine: the one that all modules share.
        find_parameters: gives the parameters in use; the live view takes model, device and noise from them.
        on_changed: called when models were installed or deleted.
    """

    def __init__(
        self,
        ui: Any,
        engine: Engine,
        find_parameters: Callable[[], SynthesisParameters | None],
        on_changed: Callable[[], None],
    ) -> None:
        self.live = LivePanel(engine, find_parameters)
        self.weights = WeightsPanel(WeightsStore(), on_changed)
        self.setup = SetupPanel(engine)
        ui.liveSection.layout().addWidget(self.live.widget)
        ui.weightsSection.layout().addWidget(self.weights.widget)
        ui.setupSection.layout().addWidget(self.setup.widget)

    def close(self) -> None:
        """The panel is going."""
        for part in (self.live, self.weights, self.setup):
            part.close()
