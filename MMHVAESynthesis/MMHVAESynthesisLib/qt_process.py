"""The engine process on Qt's event loop: what Slicer uses in place of the standard library's."""

from __future__ import annotations

import shutil
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import qt

from .process import Listener

#: Seconds from the end of the output to giving a lingering launcher up; it may still tell its exit status.
LINGER = 0.5


class QtProcess:
    """See :class:`.process.Process`; tells its listener from within the event loop, and from within :meth:`poll`."""

    def __init__(self) -> None:
        self._child: Any = None  # qt.QProcess
        self._listener: Listener | None = None
        self._given_up_at: float | None = None  # monotonic seconds; set at the end of the output

    def start(self, command: Sequence[str], environment: Mapping[str, str], folder: Path, listener: Listener) -> None:
        """See :class:`.process.Process`."""
        if shutil.which(command[0], path=environment.get("PATH")) is None:
            raise FileNotFoundError(f"there is no program {command[0]}")
        self._child, self._listener = qt.QProcess(), listener
        self._child.setWorkingDirectory(str(folder))
        self._child.setProcessEnvironment(_environment(environment))
        self._child.connect("readyReadStandardOutput()", self._read_output)
        self._child.connect("readyReadStandardError()", self._read_log)
        self._child.connect("readChannelFinished()", self._output_ended)
        self._child.connect("finished(int,QProcess::ExitStatus)", self._finished)
        self._child.connect("errorOccurred(QProcess::ProcessError)", self._failed)
        self._child.start(command[0], [str(argument) for argument in command[1:]])

    def send(self, data: bytes) -> None:
        """See :class:`.process.Process`."""
        if self._is_alive():
            self._child.write(data)

    def close_input(self) -> None:
        """See :class:`.process.Process`."""
        if self._is_alive():
            self._child.closeWriteChannel()

    def kill(self) -> None:
        """See :class:`.process.Process`; what a launcher started ends by itself, as its input ends."""
        if self._is_alive():
            self._child.kill()

    def poll(self, timeout: float) -> None:
        """See :class:`.process.Process`; only what this process does is waited for, no other event is handled."""
        if timeout > 0 and self._is_alive():
            self._child.waitForReadyRead(max(1, round(1000 * timeout)))
        if self._given_up_at is not None and time.monotonic() > self._given_up_at:
            self._end(None)

    def _is_alive(self) -> bool:
        return self._child is not None and self._listener is not None

    def _read_output(self) -> None:
        data = bytes(self._child.readAllStandardOutput().data())
        if data and self._listener is not None:
            self._listener.received(data)

    def _read_log(self) -> None:
        data = bytes(self._child.readAllStandardError().data())
        if data and self._listener is not None:
            self._listener.logged(data)

    def _output_ended(self) -> None:
        """The end of the output is the end, though a launcher may linger that was between us and who wrote it."""
        self._given_up_at = time.monotonic() + LINGER

    def _finished(self, code: int, how: Any) -> None:
        crashed = self._child.exitStatus() == qt.QProcess.CrashExit
        self._end(-code if crashed and code else code)

    def _failed(self, error: Any) -> None:
        if self._child.error() == qt.QProcess.FailedToStart and self._listener is not None:  # nothing else will be told
            self._listener.logged(f"{self._child.errorString()}\n".encode())
            self._end(None)

    def _end(self, status: int | None) -> None:
        """Tell what is left of the output, then the end, once."""
        if self._listener is None:
            return
        self._read_output()
        self._read_log()
        listener, self._listener, self._given_up_at = self._listener, None, None
        if self._child.state() != qt.QProcess.NotRunning:
            self._child.kill()
        self._child.deleteLater()
        if listener is not None:  # a listener may have killed it while the last output was told
            listener.ended(status)


def _environment(variables: Mapping[str, str]) -> Any:
    environment = qt.QProcessEnvironment()
    for name, value in variables.items():
        environment.insert(name, value)
    return environment
