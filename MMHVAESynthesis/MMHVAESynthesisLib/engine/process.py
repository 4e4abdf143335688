"""A child process as the engine's client sees one, and the kind that needs nothing but Python.

Inside Slicer another implementation stands behind the same protocol, one that lives on Qt's event loop.
"""

from __future__ import annotations

import os
import queue
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO, Protocol


class Listener(Protocol):
    """Whom a process tells what happens to it, always in the thread of its owner."""

    def received(self, data: bytes) -> None:
        """Some bytes of standard output, cut anywhere."""

    def logged(self, data: bytes) -> None:
        """Some bytes of standard error, cut anywhere."""

    def ended(self, status: int | None) -> None:
        """The process is gone, after everything it said: exit status, or minus the signal, where that is known."""


class Process(Protocol):
    """A child process whose three standard streams are pipes. No method blocks for longer than it is told to."""

    def start(self, command: Sequence[str], environment: Mapping[str, str], folder: Path, listener: Listener) -> None:
        """Run ``command`` without a shell, in ``folder``.

        Raises:
            OSError: it cannot be run.
        """

    def send(self, data: bytes) -> None:
        """Write to standard input, soon; lost where the process is gone."""

    def close_input(self) -> None:
        """End standard input after what was sent."""

    def kill(self) -> None:
        """End the process at once."""

    def poll(self, timeout: float) -> None:
        """Tell the listener what has happened; where nothing has, wait up to ``timeout`` seconds for it.

        A process on an event loop tells its listener by itself, and lets the loop run for that long.
        """


class SubprocessProcess:
    """A process of the standard library, read and written by threads, because pipes cannot be waited for everywhere."""

    def __init__(self) -> None:
        self._child: subprocess.Popen[bytes] | None = None
        self._listener: Listener | None = None
        self._events: queue.SimpleQueue[Callable[[Listener], None]] = queue.SimpleQueue()
        self._outgoing: queue.SimpleQueue[bytes | None] = queue.SimpleQueue()

    def start(self, command: Sequence[str], environment: Mapping[str, str], folder: Path, listener: Listener) -> None:
        """See :class:`Process`; it leads a process group of its own."""
        pipe = subprocess.PIPE
        child = subprocess.Popen(
            list(command), cwd=folder, env=dict(environment), stdin=pipe, stdout=pipe, stderr=pipe,
            bufsize=0, start_new_session=True, creationflags=getattr(subprocess, "CREATE_NO_WINDOW", 0),
        )  # fmt: skip
        assert child.stdin is not None
        assert child.stdout is not None
        assert child.stderr is not None
        self._child, self._listener = child, listener
        self._run(self._write, child.stdin)
        log = self._run(self._read, child.stderr, lambda data: lambda whom: whom.logged(data))
        output = self._run(self._read, child.stdout, lambda data: lambda whom: whom.received(data))
        self._run(self._watch_output, child, output, log)
        self._run(self._watch_child, child, output)

    def send(self, data: bytes) -> None:
        """See :class:`Process`."""
        self._outgoing.put(data)

    def close_input(self) -> None:
        """See :class:`Process`."""
        self._outgoing.put(None)

    def kill(self) -> None:
        """See :class:`Process`; on POSIX with all of its group."""
        if self._child is None or self._child.poll() is not None:
            return
        if sys.platform == "win32":
            self._child.kill()
        else:
            with suppress(ProcessLookupError, PermissionError):
                os.killpg(self._child.pid, signal.SIGKILL)

    def poll(self, timeout: float) -> None:
        """See :class:`Process`."""
        if self._listener is None:
            return
        try:
            self._events.get(block=timeout > 0, timeout=timeout or None)(self._listener)
            while True:
                self._events.get_nowait()(self._listener)
        except queue.Empty:
            return

    @staticmethod
    def _run(work: Callable[..., None], *arguments: object) -> threading.Thread:
        thread = threading.Thread(target=work, args=arguments, daemon=True)
        thread.start()
        return thread

    def _write(self, stream: BinaryIO) -> None:
        with suppress(OSError), stream:
            while (data := self._outgoing.get()) is not None:
                stream.write(data)

    def _read(self, stream: BinaryIO, event: Callable[[bytes], Callable[[Listener], None]]) -> None:
        with suppress(OSError, ValueError), stream:
            while data := stream.read(1 << 16):
                self._events.put(event(data))

    def _watch_output(self, child: subprocess.Popen[bytes], output: threading.Thread, log: threading.Thread) -> None:
        """The end of the output is the end, though a launcher may linger that was between us and who wrote it."""
        output.join()
        log.join(0.2)
        with suppress(subprocess.TimeoutExpired):
            child.wait(0.5)
        self._end(child)

    def _watch_child(self, child: subprocess.Popen[bytes], output: threading.Thread) -> None:
        """So is the end of the child, though its own child may live on and hold the output open."""
        child.wait()
        output.join(0.5)
        if output.is_alive():
            self._end(child)

    def _end(self, child: subprocess.Popen[bytes]) -> None:
        status = child.poll()
        self._outgoing.put(None)
        self._events.put(lambda whom: whom.ended(status))


def kill_group(leader: int) -> None:
    """End the process ``leader`` at once, and on POSIX everything in the process group that it leads."""
    with suppress(OSError):
        if sys.platform == "win32":
            os.kill(leader, signal.SIGTERM)  # Windows ends a process by any signal, unconditionally
        else:
            os.killpg(leader, signal.SIGKILL)


def is_running(pid: int) -> bool:
    """Whether there is a process with that number; in doubt, there is."""
    if sys.platform == "win32":
        return _is_running_on_windows(pid)
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except OSError:
        return True
    return True


def _is_running_on_windows(pid: int) -> bool:
    # os.kill(pid, 0) would send Ctrl-C there.
    import ctypes

    synchronize, access_denied, timed_out = 0x100000, 5, 0x102
    kernel = ctypes.WinDLL("kernel32", use_last_error=True)  # type: ignore[attr-defined,unused-ignore]
    kernel.OpenProcess.restype = ctypes.c_void_p
    handle = kernel.OpenProcess(synchronize, False, pid)
    if not handle:
        return bool(ctypes.get_last_error() == access_denied)  # type: ignore[attr-defined,unused-ignore]
    try:
        return bool(kernel.WaitForSingleObject(ctypes.c_void_p(handle), 0) == timed_out)
    finally:
        kernel.CloseHandle(ctypes.c_void_p(handle))
