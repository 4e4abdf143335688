"""Preview, Register, Cancel, and how far the work is."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from MMHVAESynthesisLib.engine import Failure
from MMHVAESynthesisLib.panel import TimeLeft
from slicer.i18n import tr as _

from ..logic import MMHVAERegistrationLogic
from ..parameters import RegistrationParameters
from ..pose import Outcome


class RunButtons:
    """The three buttons and the progress of one registration at a time.

    Args:
        ui: the panel's widgets by their names.
        logic: does the work.
        on_begun: hears that one has begun.
        on_done: hears of the outcome.
        on_failure: hears why there is none.
    """

    def __init__(
        self,
        ui: Any,
        logic: MMHVAERegistrationLogic,
        on_begun: Callable[[], None],
        on_done: Callable[[Outcome], None],
        on_failure: Callable[[Failure], None],
    ) -> None:
        self._ui, self._logic = ui, logic
        self._on_begun, self._on_done, self._on_failure = on_begun, on_done, on_failure
        self._parameters: RegistrationParameters | None = None
        self._clock = TimeLeft()
        ui.previewButton.connect("clicked()", lambda: self._register(True))
        ui.registerButton.connect("clicked()", lambda: self._register(False))
        ui.cancelButton.connect("clicked()", logic.cancel)
        self._show_idle()

    def use(self, parameters: RegistrationParameters | None) -> None:
        """Work on other parameters, or on none while there is no scene."""
        self._parameters = parameters

    def refresh(self, problem: str) -> None:
        """Buttons as ``problem``, which keeps them from working, asks for."""
        ui, running = self._ui, self._logic.is_running
        tips = {
            ui.previewButton: _("A first answer in a fraction of the time, a few tenths of a millimetre less exact."),
            ui.registerButton: _("Synthesise the MR, if that was not done, register to it, and judge the result."),
        }
        for button, tip in tips.items():
            button.setEnabled(not running and not problem)
            button.setToolTip(_("A registration is running.") if running else problem or tip)
        ui.cancelButton.setEnabled(running)
        ui.cancelButton.setToolTip(_("Stop; the scene stays as it is.") if running else _("Nothing is running."))

    def _register(self, is_preview: bool) -> None:
        if self._parameters is None:
            return
        self._clock = TimeLeft()
        self._logic.register(self._parameters, is_preview, self._progressed, self._finished, self._failed)
        if self._logic.is_running:
            self._progressed(0.0, _("starting"))
            self._on_begun()

    def _progressed(self, fraction: float, message: str) -> None:
        percent, left = _("{percent} %").format(percent=int(100 * fraction)), self._clock.text(fraction)
        self._ui.progressBar.setValue(int(1000 * fraction))
        self._ui.progressLabel.setText("   ".join(part for part in (percent, message, left) if part))

    def _show_idle(self, text: str = "") -> None:
        self._ui.progressBar.setValue(0)
        self._ui.progressLabel.setText(text)

    def _finished(self, outcome: Outcome) -> None:
        self._show_idle(_("Done in {seconds:.1f} s.").format(seconds=outcome.seconds))
        self._on_done(outcome)

    def _failed(self, failure: Failure) -> None:
        self._show_idle(_("Cancelled.") if failure.kind == "cancelled" else "")
        self._on_failure(failure)
