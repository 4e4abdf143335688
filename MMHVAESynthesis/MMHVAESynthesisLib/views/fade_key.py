"""The key that fades while it is held down, wherever the focus is, unless somebody is typing."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import qt
import slicer

_TYPING = ("QLineEdit", "QTextEdit", "QPlainTextEdit", "QAbstractSpinBox", "QSpinBox", "QDoubleSpinBox", "QComboBox")
_PRESSED_BY_SPACE = ("QAbstractButton", "QAbstractItemView")


class FadeKey(qt.QObject):
    """Hears one key of the whole application, unless it is somebody's shortcut.

    Args:
        is_wanted: tells whether there is something to fade; otherwise the key keeps its other meaning.
        on_change: called with True when it goes down, and with False when it comes up.
        key: by default F; the space bar keeps its meaning for what it presses or ticks while that has the focus.
    """

    def __init__(
        self, is_wanted: Callable[[], bool], on_change: Callable[[bool], None], key: Any = qt.Qt.Key_F
    ) -> None:
        super().__init__()
        self._is_wanted, self._on_change, self._key_code = is_wanted, on_change, key
        self._others = _TYPING + (_PRESSED_BY_SPACE if key == qt.Qt.Key_Space else ())
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

    def close(self) -> None:
        """Hear nothing any more, and hold nobody: Qt keeps this object for as long as it likes."""
        self.listen(False)
        self._is_wanted, self._on_change = bool, _ignore

    def eventFilter(self, receiver: Any, event: Any) -> bool:  # noqa: N802 - Qt's name
        """Qt's: every event of the application comes by here; the key goes no further, for F scrolls slice views."""
        kind = event.type()
        if kind in (qt.QEvent.KeyPress, qt.QEvent.KeyRelease):  # PythonQt gives a key to these two only
            return self._key(kind, event)
        if kind in (qt.QEvent.WindowDeactivate, qt.QEvent.ApplicationDeactivate):
            self._set(False)  # the release would go to another window
        return False

    def _key(self, kind: Any, event: Any) -> bool:
        """Whether the key is ours; an automatic repetition is swallowed, too."""
        if event.key() != self._key_code or not (self._is_down or self._may_go_down(event)):
            return False
        if not event.isAutoRepeat():
            self._set(kind == qt.QEvent.KeyPress)
        return True

    def _may_go_down(self, event: Any) -> bool:
        return event.modifiers() == qt.Qt.NoModifier and self._is_wanted() and not _has_focus(self._others)

    def _set(self, is_down: bool) -> None:
        if is_down != self._is_down:
            self._is_down = is_down
            self._on_change(is_down)


def _ignore(is_down: bool) -> None:
    """Nobody listens."""


def _has_focus(kinds: tuple[str, ...]) -> bool:
    focus = slicer.app.focusWidget()
    return focus is not None and any(focus.inherits(kind) for kind in kinds)
