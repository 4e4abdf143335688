"""Buttons that begin a piece of work, Cancel, and how far the work is; one piece at a time."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from slicer.i18n import tr as _

from ..engine import Failure
from .part import Part, Whole
from .time_left import TimeLeft

Begin = Callable[[Callable[[float, str], None], Callable[[Any], None], Callable[[Failure], None]], None]


@dataclass(frozen=True)
class Action:
    """A button, what it does in a sentence, and how it begins; that is told who hears of progress, result, failure."""

    button: Any
    tip: str
    begin: Begin


class RunSection(Part, ABC):
    """Keeps buttons and progress as the logic is."""

    def __init__(self, panel: Whole) -> None:
        super().__init__(panel)
        self._clock = TimeLeft()
        self._actions = self.actions()
        for action in self._actions:
            action.button.connect("clicked()", lambda action=action: self._begin(action))
        self.ui.cancelButton.connect("clicked()", self.logic.cancel)
        self._installer = panel.new_installer(self._progressed, self._failed)
        self._show_idle("")

    @abstractmethod
    def actions(self) -> list[Action]:
        """What can be begun."""

    @abstractmethod
    def busy(self) -> str:
        """The sentence that says that one is running."""

    def refresh(self) -> None:
        """Enable what can work, and say why the rest cannot."""
        running, problem, missing = self.logic.is_running, self.panel.problem, self.panel.missing
        for action in self._actions:
            action.button.setEnabled(not running and (bool(missing) or not problem))
            action.button.setToolTip(self.busy() if running else missing or problem or action.tip)
        self.ui.cancelButton.setEnabled(running)
        self.ui.cancelButton.setToolTip(_("Stop; the scene stays as it is.") if running else _("Nothing is running."))

    def _begin(self, action: Action) -> None:
        if self._parameters is not None:
            self._clock = TimeLeft()
            self._installer.ensure(lambda: self._start(action))

    def _start(self, action: Action) -> None:
        if self.panel.missing:  # it was installed just now
            self._show_idle("")
            self.panel.look_for_missing()
        if self._parameters is None:
            return
        self._clock = TimeLeft()
        action.begin(self._progressed, self._finished, self._failed)
        if self.logic.is_running:
            self._progressed(0.0, _("starting"))
            self.panel.begun()

    def _progressed(self, fraction: float, message: str) -> None:
        percent, left = _("{percent} %").format(percent=int(100 * fraction)), self._clock.text(fraction)
        self.ui.progressBar.show()
        self.ui.progressBar.setValue(int(1000 * fraction))
        self.ui.progressLabel.setText("   ".join(part for part in (percent, message, left) if part))

    def _show_idle(self, text: str) -> None:
        self.ui.progressBar.hide()
        self.ui.progressBar.setValue(0)
        self.ui.progressLabel.setText(text)

    def _finished(self, result: Any) -> None:
        self._show_idle(_("Done in {seconds:.1f} s.").format(seconds=result.seconds))
        self.panel.done(result)

    def _failed(self, failure: Failure) -> None:
        self._show_idle(_("Cancelled.") if failure.kind == "cancelled" else "")
        self.panel.failed(failure)
