"""The engine process on Qt's event loop: what Slicer uses in place of the standard library's."""

from __future__ import annotations

import logging
import shutil
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import qt

from .process import Listener

#: Milliseconds that a killed process is waited for; it takes a few, and more on a computer that is busy.
KILLED_WITHIN = 500
_FINISHED = "finished(int,QProcess::ExitStatus)"

_log = logging.getLogger(__name__)


class QtProcess:
    """See :class:`.process.Process`; tells its listener from within the event loop, and from within :meth:`poll`.

    The end of the child is the end, whoever still holds its output; a launcher ends with what it launched.
    """

    def __init__(self) -> None:
        self._child: Any = None  # qt.QProcess
        self._listener: Listener | None = None
        self._has_started = False

    def start(self, command: Sequence[str], environment: Mapping[str, str], folder: Path, listener: Listener) -> None:
        """See :class:`.process.Process`."""
        if shutil.which(command[0], path=environment.get("PATH")) is None:
            raise FileNotFoundError(f"there is no program {command[0]}")
        self._child, self._listener, self._has_started = qt.QProcess(), listener, False
        self._child.setWorkingDirectory(str(folder))
        self._child.setProcessEnvironment(_environment(environment))
        for signal, slot in self._slots().items():
            self._child.connect(signal, slot)
        self._child.start(command[0], [str(argument) for argument in command[1:]])

    def _slots(self) -> dict[str, Callable[..., None]]:
        return {
            "started()": self._started,
            "readyReadStandardOutput()": self._read_output,
            "readyReadStandardError()": self._read_log,
            _FINISHED: self._finished,
            "errorOccurred(QProcess::ProcessError)": self._failed,
        }

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
            # One that is slow to die, as on a computer that is busy, nobody hears of.
            if not self._child.waitForFinished(KILLED_WITHIN):
                self._end(None)

    def poll(self, timeout: float) -> None:
        """See :class:`.process.Process`; only what this process does is waited for, no other event is handled."""
        if timeout > 0 and self._is_alive():
            self._child.waitForReadyRead(max(1, round(1000 * timeout)))

    def _is_alive(self) -> bool:
        return self._child is not None and self._listener is not None

    def _read_output(self) -> None:
        data, listener = bytes(self._child.readAllStandardOutput().data()), self._listener
        if data and listener is not None:
            _tell(lambda: listener.received(data))

    def _read_log(self) -> None:
        data, listener = bytes(self._child.readAllStandardError().data()), self._listener
        if data and listener is not None:
            _tell(lambda: listener.logged(data))

    def _started(self) -> None:
        self._has_started = True

    def _finished(self, code: int, how: Any) -> None:
        if self._is_alive():
            self._end(-code if how == qt.QProcess.CrashExit and code else code)

    def _failed(self, error: Any) -> None:
        listener = self._listener
        # One that failed to start tells nothing else. Not error(): in Qt 5 that is the name of a signal, too.
        if listener is not None and not self._has_started:
            reason = f"{self._child.errorString()}\n".encode()
            _tell(lambda: listener.logged(reason))
            self._end(None)

    def _end(self, status: int | None) -> None:
        """Tell what is left of the output, then the end, once."""
        with _perhaps_deleted():
            self._read_output()
            self._read_log()
        listener, self._listener = self._listener, None
        if listener is not None:  # else it has ended while the last output was told
            with _perhaps_deleted():
                for signal, slot in self._slots().items():
                    self._child.disconnect(signal, slot)
                _bury(self._child)
            _tell(lambda: listener.ended(status))


def _tell(call: Callable[[], None]) -> None:
    """Nothing may leave a slot; what a listener has not taken in, it takes with the next poll."""
    try:
        call()
    except Exception:
        _log.exception("a listener of the engine process raised")


def _perhaps_deleted() -> suppress:
    """A process that nobody has ended, Qt ends while it deletes it: there is nothing left to read then."""
    return suppress(RuntimeError, ValueError)  # PySide says the one, PythonQt the other


#: Killed processes that have not ended yet. One that Qt deletes before would hold up everything until it has.
_dying: list[Any] = []


def _bury(child: Any) -> None:
    """Let go of a process once it has ended."""

    def ended(code: int, how: Any) -> None:
        _dying.remove(child)
        with _perhaps_deleted():
            child.disconnect(_FINISHED, ended)
            child.deleteLater()

    if child.state() == qt.QProcess.NotRunning:
        child.deleteLater()
    else:
        _dying.append(child)
        child.connect(_FINISHED, ended)


def _environment(variables: Mapping[str, str]) -> Any:
    environment = qt.QProcessEnvironment()
    for name, value in variables.items():
        environment.insert(name, value)
    return environment
