"""The folded sections of the panel that are panels of their own."""

from __future__ import annotations

from typing import Any

from mmhvae.weights import WeightsStore

from .setup_panel import SetupPanel
from .weights_panel import WeightsPanel


class Sections:
    """Puts the panels into their sections.

    Args:
        ui: the panel's widgets by their names.
        engine: the one that all modules share; downloads get one of their own.
        on_changed: called when models were installed or deleted.
    """

    def __init__(self, ui: Any, engine: Any, on_changed: Any) -> None:
        self.weights = WeightsPanel(WeightsStore(), on_changed)
        self.setup = SetupPanel(engine)
        ui.weightsSection.layout().addWidget(self.weights.widget)
        ui.setupSection.layout().addWidget(self.setup.widget)

    def close(self) -> None:
        """The panel is going."""
        self.weights.close()
        self.setup.close()
