"""The client of :mod:`.package_install`: packages are installed by a process of its own, and the screen stays alive."""

from __future__ import annotations

import json
import os
import sys
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

import mmhvae

from ..engine import CANCELLED, Callbacks, Failure, Process, SubprocessProcess


class PackageRun:
    """One installation at a time.

    Args:
        python: the command of the interpreter that is to get the packages.
        new_process: makes the process; by default one of the standard library, which has to be polled.
    """

    def __init__(
        self, python: Sequence[str] = (sys.executable,), new_process: Callable[[], Process] = SubprocessProcess
    ) -> None:
        self._python, self._new_process = tuple(python), new_process
        self._process: Process | None = None
        self._callbacks: Callbacks | None = None
        self._output, self._log = b"", b""
        self._answer: dict[str, str] | None = None
        self._is_cancelled = False
        #: Whether it can be stopped now, with nothing left behind.
        self.is_stoppable = False

    @property
    def is_running(self) -> bool:
        """Whether its callbacks have not heard of the end."""
        return self._callbacks is not None

    def start(self, arguments: Sequence[str], callbacks: Callbacks) -> None:
        """Begin; ``arguments`` are those of :mod:`.package_install`. Every failure comes through the callbacks."""
        assert self._callbacks is None
        self._output, self._log, self._answer = b"", b"", None
        self._callbacks, self._process, self.is_stoppable = callbacks, self._new_process(), True
        self._is_cancelled = False
        command = [*self._python, "-m", f"{__package__}.package_install", *arguments]
        try:
            self._process.start(command, _environment(), Path(tempfile.gettempdir()), self)
        except OSError as error:
            self._fail(Failure("engine", f"Python cannot be started: {error}."))

    def cancel(self) -> None:
        """Stop it, if that leaves nothing behind; otherwise it goes on."""
        if self._process is not None and self.is_stoppable:
            self._is_cancelled = True
            self._process.close_input()  # what a launcher started ends by that
            self._process.kill()
            self._fail(Failure("cancelled", CANCELLED))

    def poll(self, timeout: float = 0.0) -> None:
        """Pass on what has happened; where nothing has, wait up to ``timeout`` seconds for it."""
        if self._process is not None:
            self._process.poll(timeout)

    def received(self, data: bytes) -> None:
        """See :class:`.process.Listener`."""
        *lines, self._output = (self._output + data).split(b"\n")
        for line in lines:
            self._line(line)

    def logged(self, data: bytes) -> None:
        """See :class:`.process.Listener`."""
        self._log += data

    def ended(self, status: int | None) -> None:
        """See :class:`.process.Listener`."""
        answer, log = self._answer or {}, self._log.decode("utf-8", errors="replace")
        if self._is_cancelled:
            self._fail(Failure("cancelled", CANCELLED))
        elif answer.get("type") == "done":
            self._finish(lambda callbacks: callbacks.on_result({}))
        elif answer.get("type") == "failed":
            self._fail(Failure("input", answer["message"], log))
        else:
            self._fail(Failure("engine", "The installation stopped unexpectedly; check the setup again.", log))

    def _line(self, line: bytes) -> None:
        try:
            message = json.loads(line)
            kind = message["type"]
        except (ValueError, KeyError, TypeError):
            self._log += line + b"\n"  # launchers talk too
            return
        if kind == "ready" and self._process is not None and not self._is_cancelled:
            self.is_stoppable = False
            self._process.send(b"go\n")
        elif kind == "progress" and self._callbacks is not None:
            self._callbacks.on_progress(message["fraction"], message["message"])
        else:
            self._answer = message

    def _fail(self, failure: Failure) -> None:
        self._finish(lambda callbacks: callbacks.on_failure(failure))

    def _finish(self, tell: Callable[[Callbacks], None]) -> None:
        callbacks, self._callbacks, self._process, self.is_stoppable = self._callbacks, None, None, False
        if callbacks is not None:
            tell(callbacks)


def _environment() -> dict[str, str]:
    # Slicer's "Additional module paths" are not inherited by a child.
    inherited = os.environ.get("PYTHONPATH")
    own = str(Path(mmhvae.__file__).resolve().parent.parent)
    lib = str(Path(__file__).resolve().parents[2])
    path = os.pathsep.join([own, lib, *([inherited] if inherited else [])])
    # For the program that asks, not for this user's other ones.
    return {**os.environ, "PYTHONPATH": path, "PYTHONNOUSERSITE": "1"}
