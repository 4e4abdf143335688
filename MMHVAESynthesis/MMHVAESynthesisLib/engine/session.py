"""One life of the engine process: its output in lines, and its end."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

from .process import Process, kill_group

#: Lines of the engine's log that go with a failure.
LOG_LINES = 50


@dataclass(frozen=True)
class Readiness:
    """What the engine said about itself: versions, and devices as pairs of name and label."""

    pid: int
    python: str
    torch: str
    devices: tuple[tuple[str, str], ...]


class Session:
    """One life of the process: its lines, and what it said about itself."""

    def __init__(self, process: Process, on_line: Callable[[Session, bytes], None],
                 on_end: Callable[[Session, int | None], None], on_log: Callable[[str], None]) -> None:  # fmt: skip
        self.process = process
        self.pid: int | None = None
        self.readiness: Readiness | None = None
        self.is_over = False
        self.started = time.monotonic()
        self.log: deque[str] = deque(maxlen=LOG_LINES)
        self._on_line, self._on_end, self._on_log = on_line, on_end, on_log
        self._output, self._errors = b"", b""

    def received(self, data: bytes) -> None:
        self._output += data
        # Taken off before it is passed on: a callback may raise, or let the event loop call this again.
        while b"\n" in self._output:
            line, self._output = self._output.split(b"\n", 1)
            self._on_line(self, line)

    def logged(self, data: bytes) -> None:
        *lines, self._errors = (self._errors + data).split(b"\n")
        for line in lines:
            text = line.decode("utf-8", errors="replace").rstrip("\r")
            self.log.append(text)
            self._on_log(text)

    def ended(self, status: int | None) -> None:
        self.is_over = True
        self.logged(b"\n" if self._errors else b"")
        self._on_end(self, status)

    def kill(self) -> None:
        """End the process, whoever launched it, and what it started."""
        if self.pid is not None:
            kill_group(self.pid)
        self.process.close_input()
        self.process.kill()
