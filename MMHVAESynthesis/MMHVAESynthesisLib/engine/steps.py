"""Long work in the main thread, cut into pieces, so that the screen stays alive between them.

Threads would not do: Python's threads do not run reliably beside Slicer's event loop.
"""

from __future__ import annotations

from collections.abc import Callable, Generator
from typing import Any, Generic, TypeVar

from .timer import Timer

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
        self._work = work
        self._listeners: tuple[Callable[[Result], None], Callable[[Exception], None]] | None = on_done, on_failure
        self._timer = Timer(self._step, repeats=True)

    def start(self) -> None:
        """Begin at the next turn of the event loop."""
        self._timer.start()

    def stop(self) -> None:
        """No further piece; nobody hears of anything, and nobody is held any more."""
        self._timer.stop()
        self._listeners = None
        self._work.close()

    def _step(self) -> None:
        if self._listeners is None:
            return
        on_done, on_failure = self._listeners
        try:
            next(self._work)
        except StopIteration as end:
            self.stop()
            _tell(end.value, on_done, on_failure)
        except Exception as error:
            self.stop()
            on_failure(error)


def _tell(result: Result, on_done: Callable[[Result], None], on_failure: Callable[[Exception], None]) -> None:
    try:
        on_done(result)
    except Exception as error:
        on_failure(error)


def completed(work: Generator[Any, None, Result]) -> Result:
    """The result of all pieces at once."""
    while True:
        try:
            next(work)
        except StopIteration as end:
            return end.value
