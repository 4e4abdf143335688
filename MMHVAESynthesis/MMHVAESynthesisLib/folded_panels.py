"""The folded sections that are panels of their own: live view, models, setup."""

from __future__ import annotations

from mmhvae.bundle import WeightsStore

from .engine import Timer
from .live import LivePanel
from .panel import UNFOLDED, Part, Whole, scroll_to
from .setup import SetupPanel, WeightsPanel


class FoldedPanels(Part):
    """Puts the panels into their sections; the live view takes model, device and noise from the parameters in use."""

    def __init__(self, panel: Whole) -> None:
        super().__init__(panel)
        ui, engine = self.ui, self.logic.engine
        self.live = LivePanel(engine, lambda: panel.parameters)
        self.weights = WeightsPanel(WeightsStore(), panel.later)
        self.setup = SetupPanel(engine)
        self._unfolded = Timer(self._show_setup, UNFOLDED)
        ui.liveSection.layout().addWidget(self.live.widget)
        ui.weightsSection.layout().addWidget(self.weights.widget)
        ui.setupSection.layout().addWidget(self.setup.widget)

    def open_setup(self) -> None:
        """Unfold the section Setup, and look at everything."""
        self.ui.setupSection.collapsed = False
        self.setup.check()
        self._unfolded.start()

    def _show_setup(self) -> None:
        scroll_to(self.ui.setupSection)

    def close(self) -> None:
        """See :meth:`.Part.close`."""
        for section in (self.live, self.weights, self.setup):
            section.close()
        self._unfolded.stop()
