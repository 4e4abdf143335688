"""The key that fades while it is held down, wherever the focus is, unless somebody is typing."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import qt
import slicer

_TYPING = ("QLineEdit", "QTextEdit", "QPlainTextEdit", "QAbstractSpinBox", "QSpinBox", "QDoubleSpinBox", "QComboBox")


class FadeKey(qt.QObject):
    """Hears the key F of the whole application.

    Args:
        on_change: called with True when it goes down, and with False when it comes up.
    """

    def __init__(self, on_change: Callable[[bool], None]) -> None:
        super().__init__()
        self._on_change = on_change
        self._is_listening = self._is_down = False

    def listen(self, is_on: bool) -> None:
        """Begin or stop to hear."""
        if is_on == self._is_listening:
            return
        self._is_listening = is_on
        if is_on:
            slicer.app.installEventFilter(self)
        else:
            slicer.app.removeEventFilter(self)
            self._set(False)

    def eventFilter(self, receiver: Any, event: Any) -> bool:  # noqa: N802 - Qt's name
        """Qt's: every event of the application comes by here."""
        kind = event.type()
        if kind == qt.QEvent.KeyPress and self._is_ours(event) and not _is_typing():
            self._set(True)
        elif kind == qt.QEvent.KeyRelease and self._is_ours(event):
            self._set(False)
        elif kind in (qt.QEvent.WindowDeactivate, qt.QEvent.ApplicationDeactivate):
            self._set(False)  # the release would go to another window
        return False

    @staticmethod
    def _is_ours(event: Any) -> bool:
        return bool(event.key() == qt.Qt.Key_F and event.modifiers() == qt.Qt.NoModifier and not event.isAutoRepeat())

    def _set(self, is_down: bool) -> None:
        if is_down != self._is_down:
            self._is_down = is_down
            self._on_change(is_down)


def _is_typing() -> bool:
    focus = slicer.app.focusWidget()
    return focus is not None and any(focus.inherits(kind) for kind in _TYPING)
