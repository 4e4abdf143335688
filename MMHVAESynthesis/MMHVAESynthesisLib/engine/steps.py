"""Long work in the main thread, cut into pieces, so that the screen stays alive between them.

Threads would not do: Python's threads do not run reliably beside Slicer's event loop.
"""

from __future__ import annotations

from collections.abc import Callable, Generator
from typing import Any, Generic, TypeVar

import qt

Result = TypeVar("Result")

#: Bytes that one piece of work reads or writes: some 50 ms on a slow disk.
CHUNK = 1 << 22


class Steps(Generic[Result]):
    """Runs a generator, one piece at each turn of the event loop.

    Args:
        work: yields between pieces, and returns the result.
        on_done: hears of the result.
        on_failure: hears of what the work, or ``on_done``, raised.
    """

    def __init__(
        self,
        work: Generator[Any, None, Result],
        on_done: Callable[[Result], None],
        on_failure: Callable[[Exception], None],
    ) -> None:
        self._work, self._on_done, self._on_failure = work, on_done, on_failure
        self._timer = qt.QTimer()
        self._timer.setInterval(0)
        self._timer.connect("timeout()", self._step)

    def start(self) -> None:
        """Begin at the next turn of the event loop."""
        self._timer.start()

    def stop(self) -> None:
        """No further piece; nobody hears of anything."""
        self._timer.stop()
        self._work.close()

    def _step(self) -> None:
        try:
            next(self._work)
        except StopIteration as end:
            self._timer.stop()
            self._finish(end.value)
        except Exception as error:
            self._timer.stop()
            self._on_failure(error)

    def _finish(self, result: Result) -> None:
        try:
            self._on_done(result)
        except Exception as error:
            self._on_failure(error)


def completed(work: Generator[Any, None, Result]) -> Result:
    """The result of all pieces at once."""
    while True:
        try:
            next(work)
        except StopIteration as end:
            return end.value
