"""How far some work is, in one row with the means to stop it, and below it a sentence about how it went."""

from __future__ import annotations

from collections.abc import Callable

import qt
from slicer.i18n import tr as _


class WorkRow:
    """A progress bar, a Cancel button, and a label.

    Args:
        on_cancel: called when the button is pressed.
    """

    def __init__(self, on_cancel: Callable[[], None]) -> None:
        self.widget = qt.QWidget()
        column = qt.QVBoxLayout(self.widget)
        column.setContentsMargins(0, 0, 0, 0)
        row = qt.QHBoxLayout()
        column.addLayout(row)
        self.bar = qt.QProgressBar()
        self.bar.setRange(0, 1000)
        self.bar.setTextVisible(False)
        self.bar.setToolTip(_("How far the work is."))
        row.addWidget(self.bar)
        self.cancel_button = qt.QPushButton(_("Cancel"))
        self.cancel_button.connect("clicked()", on_cancel)
        row.addWidget(self.cancel_button)
        self.label = wrapped_label()
        column.addWidget(self.label)
        self.finish("")

    def progress(self, fraction: float, message: str, stoppable: bool = True) -> None:
        """Show how far it is."""
        self.bar.show()
        self.cancel_button.show()
        self.bar.setValue(int(1000 * fraction))
        self.label.setText(_("{percent} %   {what}").format(percent=int(100 * fraction), what=message))
        self.cancel_button.setEnabled(stoppable)
        why_not = _("This step cannot be stopped without leaving half of it behind.")
        self.cancel_button.setToolTip(_("Stop; nothing is changed.") if stoppable else why_not)

    def finish(self, message: str) -> None:
        """There is nothing to wait for; ``message`` says how it went."""
        self.bar.hide()
        self.cancel_button.hide()
        self.label.setText(message)


def wrapped_label(text: str = "") -> qt.QLabel:
    """A label as high as its text needs, which can be copied."""
    label = qt.QLabel(text)
    label.setWordWrap(True)
    label.setTextFormat(qt.Qt.PlainText)
    label.setTextInteractionFlags(qt.Qt.TextSelectableByMouse)
    return label


def button(text: str, on_click: Callable[[], None], layout: qt.QLayout) -> qt.QPushButton:
    """A push button at the end of ``layout``."""
    made = qt.QPushButton(text)
    made.connect("clicked()", on_click)
    layout.addWidget(made)
    return made


def enable(control: qt.QPushButton, reason_against: str, what_it_does: str) -> None:
    """Enable a button where nothing speaks against it; its tooltip says what it does, or why it does not."""
    control.setEnabled(not reason_against)
    control.setToolTip(reason_against or what_it_does)
