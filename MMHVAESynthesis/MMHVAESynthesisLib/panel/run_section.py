"""Apply, Cancel, and how far the work is."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from slicer.i18n import tr as _

from ..engine import Failure
from ..logic import MMHVAESynthesisLogic
from ..parameters import SynthesisParameters
from ..synthesis import Results
from .time_left import TimeLeft


class RunSection:
    """The two buttons and the progress of one Apply at a time.

    Args:
        ui: the panel's widgets by their names.
        logic: does the work.
        on_begun: hears that an Apply has begun.
        on_done: hears of the results.
        on_failure: hears why there are none.
    """

    def __init__(
        self,
        ui: Any,
        logic: MMHVAESynthesisLogic,
        on_begun: Callable[[], None],
        on_done: Callable[[Results], None],
        on_failure: Callable[[Failure], None],
    ) -> None:
        self._ui, self._logic = ui, logic
        self._on_begun, self._on_done, self._on_failure = on_begun, on_done, on_failure
        self._parameters: SynthesisParameters | None = None
        self._clock = TimeLeft()
        ui.applyButton.connect("clicked()", self._apply)
        ui.cancelButton.connect("clicked()", logic.cancel)
        self._show_idle()

    def use(self, parameters: SynthesisParameters | None) -> None:
        """Work on other parameters, or on none while there is no scene."""
        self._parameters = parameters

    def refresh(self, problem: str) -> None:
        """Buttons as ``problem``, which keeps Apply from working, asks for."""
        ui, running = self._ui, self._logic.is_running
        ui.applyButton.setEnabled(not running and not problem)
        ui.cancelButton.setEnabled(running)
        ui.applyButton.setToolTip(
            _("A synthesis is running.") if running else problem or _("Synthesise what is ticked.")
        )
        ui.cancelButton.setToolTip(
            _("Stop the synthesis; the scene stays as it is.") if running else _("Nothing is running.")
        )

    def _apply(self) -> None:
        if self._parameters is None:
            return
        self._clock = TimeLeft()
        self._logic.apply(self._parameters, self._progressed, self._finished, self._failed)
        if self._logic.is_running:
            self._progressed(0.0, _("starting"))
            self._on_begun()

    def _progressed(self, fraction: float, message: str) -> None:
        left = self._clock.text(fraction)
        percent = _("{percent} %").format(percent=int(100 * fraction))
        self._ui.progressBar.setValue(int(1000 * fraction))
        self._ui.progressLabel.setText("   ".join(part for part in (percent, message, left) if part))

    def _show_idle(self, text: str = "") -> None:
        self._ui.progressBar.setValue(0)
        self._ui.progressLabel.setText(text)

    def _finished(self, results: Results) -> None:
        self._show_idle(_("Done in {seconds:.1f} s.").format(seconds=results.seconds))
        self._on_done(results)

    def _failed(self, failure: Failure) -> None:
        self._show_idle(_("Cancelled.") if failure.kind == "cancelled" else "")
        self._on_failure(failure)
