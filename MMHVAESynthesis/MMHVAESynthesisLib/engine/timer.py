"""A timer that is connected to its slot only while it runs.

A connection keeps the slot, and all that the slot belongs to, for as long as the timer lives; and since it lies in C++,
Python's garbage collection cannot see that nobody else needs either of them.
"""

from __future__ import annotations

from collections.abc import Callable

import qt

_TIMEOUT = "timeout()"


class Timer:
    """Calls ``slot`` after ``interval`` milliseconds of rest, once, or again and again until it is stopped."""

    def __init__(self, slot: Callable[[], object], interval: int = 0, repeats: bool = False) -> None:
        self._slot, self._repeats = slot, repeats
        self._timer = qt.QTimer()
        self._timer.setSingleShot(not repeats)
        self._timer.setInterval(interval)
        self._is_on = False

    @property
    def is_on(self) -> bool:
        """Whether the slot is going to be called."""
        return self._is_on

    def start(self) -> None:
        """Count from now on, anew where it was counting."""
        if not self._is_on:
            self._is_on = True
            self._timer.connect(_TIMEOUT, self._fire)
        self._timer.start()

    def stop(self) -> None:
        """The slot is not called any more, and nothing keeps it."""
        if self._is_on:
            self._is_on = False
            self._timer.stop()
            self._timer.disconnect(_TIMEOUT, self._fire)

    def _fire(self) -> None:
        if not self._repeats:
            self.stop()
        self._slot()
