"""The line at the top of a panel: what is ready, or what is wrong and what to press, each sentence with its sign."""

from __future__ import annotations

import slicer
from slicer.i18n import tr as _

from ..engine import Failure

#: Signs say what colours would, also to those who cannot tell colours apart.
READY, WARNING, ERROR = "\N{BLACK CIRCLE}", "\N{BLACK UP-POINTING TRIANGLE}", "\N{MULTIPLICATION X}"


class StateLine:
    """Writes the line, and shows the log of the last failure on demand.

    Args:
        ui: the panel's widgets by their names: ``stateLabel`` and ``detailsButton``.
    """

    def __init__(self, ui: object) -> None:
        self._label, self._details = ui.stateLabel, ui.detailsButton  # type: ignore[attr-defined]
        self._failure: Failure | None = None
        self._details.connect("clicked()", self._show_details)
        self._details.hide()

    def keep(self, failure: Failure | None) -> None:
        """Remember why the last work failed, until the next begins; being cancelled is no failure."""
        self._failure = None if failure is not None and failure.kind == "cancelled" else failure
        self._details.setVisible(self._failure is not None)

    def show(self, problem: str, ready: str, warnings: list[str]) -> None:
        """Write the sentences: the last failure, what is missing or else ready, and what to beware of."""
        lines = [f"{ERROR} {self._failure.message}"] if self._failure is not None else []
        if problem:
            lines.append(f"{WARNING} {problem}")
        elif self._failure is None:
            lines.append(f"{READY} {ready}")
        lines += [f"{WARNING} {warning}" for warning in warnings]
        text = "\n".join(lines)
        if self._label.text != text:
            self._label.setText(text)

    def _show_details(self) -> None:
        if self._failure is not None:
            log = {"detailedText": self._failure.log} if self._failure.log else {}
            slicer.util.infoDisplay(self._failure.message, windowTitle=_("Details"), **log)
