"""The client of the engine process: starts it, keeps it warm, asks, listens, cancels, and survives its death.

Nothing here blocks, :meth:`Engine.close` apart for as long as it is told, and nothing calls back from another thread:
callbacks come from within the methods of :class:`Engine`, or from the event loop where the process lives on one.
:meth:`Engine.poll` has to be called a few times a second while something is pending: deadlines are looked at there.
"""

from __future__ import annotations

import os
import shutil
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import mmhvae
from mmhvae.protocol import PROTOCOL_VERSION, Message, decode, encode

from .jobs import CANCELLED, Callbacks, Failure, Job, ignore
from .private_folder import create_private_folder, sweep_abandoned_folders
from .process import Process, SubprocessProcess
from .session import Readiness, Session

#: This program's own core; the folder that holds it comes first on the engine's path.
CORE = Path(mmhvae.__file__).resolve().parent
#: Seconds from asking to cancel to killing.
CANCEL_GRACE = 1.5
#: Seconds from starting the process to its being ready: importing torch from a slow disk takes most of them.
START_LIMIT = 120.0


@dataclass
class _Pending:
    job: Job
    request: bytes
    callbacks: Callbacks
    kill_at: float | None = None  # monotonic seconds; set once it is cancelled


class Engine:
    """The engine process, started when it is first needed and again after it died.

    Args:
        python: the interpreter's command, which may be a launcher.
        new_process: makes the process; by default one of the standard library.
        root: where the private folder is put; by default the system's folder for temporary files.
        on_ready: hears what the engine can do, each time it has started.
        on_log: hears every line that the engine and its libraries print.
    """

    def __init__(
        self,
        python: Sequence[str] = (sys.executable,),
        new_process: Callable[[], Process] = SubprocessProcess,
        root: Path | None = None,
        on_ready: Callable[[Readiness], None] = ignore,
        on_log: Callable[[str], None] = ignore,
    ) -> None:
        self._command = [*python, "-m", "mmhvae.worker"]
        self._new_process = new_process
        self._root = root
        self._on_log = on_log
        self._ready_listeners = [on_ready]
        self._folder: Path | None = None
        self._session: Session | None = None
        self._pending: dict[int, _Pending] = {}
        self._last_number = 0
        self._is_closing = False

    @property
    def readiness(self) -> Readiness | None:
        """What the running engine said about itself; None before it is ready, and after it ended."""
        return self._session.readiness if self._session else None

    def is_pending(self, job: Job) -> bool:
        """Whether neither result nor failure of ``job`` has come."""
        return job.number in self._pending

    def add_ready_listener(self, listener: Callable[[Readiness], None]) -> None:
        """Tell ``listener``, too, what the engine can do, each time it has started."""
        self._ready_listeners.append(listener)

    def remove_ready_listener(self, listener: Callable[[Readiness], None]) -> None:
        """Tell ``listener`` no more."""
        self._ready_listeners.remove(listener)

    def start(self) -> None:
        """Start the process, if it is not running, so that the first job finds it warm.

        Raises:
            OSError: it cannot be started, or there is no room for its folder.
        """
        if self._session is None and not self._is_closing:
            folder = self._private_folder()
            # Kept first: a process on an event loop may end while it is being started.
            self._session = session = Session(self._new_process(), self._line, self._ended, self._on_log)
            try:
                session.process.start(self._command, self._environment(), folder, session)
            except OSError:
                self._session = None
                raise

    def job(self) -> Job:
        """A new job, whose folder can be filled before it is submitted.

        Raises:
            OSError: there is no room for its folder.
        """
        if self._session is not None and self._folder is not None and not self._folder.is_dir():
            self._stop(self._session, "The engine's folder for temporary files was removed; try again with a new one.")
        number = self._last_number + 1
        folder = self._private_folder() / str(number)
        folder.mkdir(mode=0o700)
        self._last_number = number
        return Job(number, folder)

    def submit(self, job: Job, method: str, parameters: Mapping[str, Any], callbacks: Callbacks) -> None:
        """Ask for ``method`` (see :mod:`mmhvae.tasks.table`); every failure comes through the callbacks.

        Paths among the parameters may be :class:`~pathlib.Path`; they are made absolute. Whoever hears that a job has
        failed because the engine is being closed, and asks for the next one, does not start it again.
        """
        if self._is_closing:
            callbacks.on_failure(Failure("cancelled", CANCELLED))
            return
        self.poll()  # it may have died since anybody looked
        request = {"id": job.number, "method": method, "parameters": _plain(parameters)}
        pending = self._pending[job.number] = _Pending(job, encode(request), callbacks)
        try:
            self.start()
        except OSError as error:
            self._fail(job.number, Failure("engine", f"The engine cannot be started: {error}."))
            return
        if self._session is not None and self._session.readiness is not None:
            self._session.process.send(pending.request)

    def cancel(self, job: Job) -> None:
        """Stop ``job``: the engine is asked, and killed if it does not answer within ``CANCEL_GRACE``."""
        pending = self._pending.get(job.number)
        if pending is None or pending.kill_at is not None:
            return
        pending.kill_at = time.monotonic() + CANCEL_GRACE
        if self._session is None or self._session.readiness is None:
            self._fail(job.number, Failure("cancelled", CANCELLED))  # it was never sent
        else:
            self._session.process.send(encode({"method": "cancel", "id": job.number}))

    def discard(self, job: Job) -> None:
        """Remove the folder of a job that is not to be submitted after all."""
        if job.number not in self._pending:
            shutil.rmtree(job.folder, ignore_errors=True)

    def poll(self, timeout: float = 0.0) -> None:
        """Pass on what the engine said, waiting up to ``timeout`` seconds for it, and look at the deadlines."""
        if self._session is not None:
            self._session.process.poll(timeout)
        if self._session is not None:
            self._session.received(b"")  # what was left when a callback raised
        session, now = self._session, time.monotonic()
        if session is None:
            return
        if session.readiness is None and now - session.started > START_LIMIT:
            self._stop(session, f"The engine was not ready after {START_LIMIT:.0f} seconds; open Check setup.")
        elif any(p.kill_at is not None and now > p.kill_at for p in self._pending.values()):
            self._stop(session, "The engine was stopped to cancel another job; start this one again.")

    def close(self, timeout: float = 1.0) -> None:
        """End the process, which is given up to ``timeout`` seconds to do so by itself, and remove every file."""
        session, self._session, self._is_closing = self._session, None, True
        try:
            if session is not None:
                _shut_down(session, timeout)
            self._fail_all(Failure("cancelled", CANCELLED))
        finally:
            self._is_closing = False
            if self._folder is not None:
                shutil.rmtree(self._folder, ignore_errors=True)
                self._folder = None

    def _private_folder(self) -> Path:
        if self._folder is None or not self._folder.is_dir():  # some systems tidy up old temporary files
            sweep_abandoned_folders(self._root)
            self._folder = create_private_folder(self._root)
        return self._folder

    def _environment(self) -> dict[str, str]:
        # "Additional module paths" of Slicer extend sys.path, which a child does not inherit.
        inherited = os.environ.get("PYTHONPATH")
        path = os.pathsep.join([str(CORE.parent), *([inherited] if inherited else [])])
        return {**os.environ, "PYTHONPATH": path}

    def _line(self, session: Session, line: bytes) -> None:
        if session is not self._session:
            return  # of a process that was given up
        try:
            if session.pid is None and not line.startswith(b"{"):
                self._on_log(line.decode("utf-8", errors="replace"))  # launchers talk before the engine does
                return
            self._message(session, decode(line))
        except (mmhvae.InputError, KeyError, TypeError) as error:
            self._on_log(f"not understood: {error!r}")
            self._stop(session, "The engine said something that is not understood; try again with a new one.")

    def _message(self, session: Session, message: Message) -> None:
        kind = message["type"]
        if kind == "hello":
            self._greeted(session, message)
        elif kind == "ready":
            self._made_ready(session, message)
        elif message["id"] in self._pending:
            self._answered(self._pending[message["id"]], kind, message)

    def _greeted(self, session: Session, hello: Message) -> None:
        """Refuse what is not this very core: two versions would misunderstand each other silently."""
        expected = (PROTOCOL_VERSION, mmhvae.__version__, os.path.normcase(CORE))
        package = os.path.normcase(hello["package"])
        if isinstance(hello["pid"], int) and hello["pid"] > 1:  # 0 would be this program's own group
            session.pid = hello["pid"]
        if (hello["protocol"], hello["version"], package) != expected:
            self._stop(
                session,
                f"The engine found mmhvae {hello['version']} in {hello['package']}, and this module needs "
                f"{mmhvae.__version__} in {CORE}; restart the program, or remove the other copy.",
            )

    def _made_ready(self, session: Session, ready: Message) -> None:
        if session.pid is None:
            raise KeyError("hello")
        if ready["problem"]:  # once it is solved, it takes a new process to see so
            self._stop(session, ready["problem"])
            return
        devices = tuple((device["name"], device["label"]) for device in ready["devices"])
        session.readiness = Readiness(session.pid, ready["python"], ready["torch"], devices)
        for pending in self._pending.values():
            session.process.send(pending.request)
        for listener in list(self._ready_listeners):
            listener(session.readiness)

    def _answered(self, pending: _Pending, kind: str, message: Message) -> None:
        number = pending.job.number
        if kind == "progress":
            if pending.kill_at is None:
                pending.callbacks.on_progress(message["fraction"], message["message"])
        elif kind == "error":
            self._fail(number, Failure(message["kind"], message["message"], message["log"]))
        elif pending.kill_at is not None:  # done in the moment it was cancelled
            self._fail(number, Failure("cancelled", CANCELLED))
        else:
            self._finish(number, lambda callbacks: callbacks.on_result(message["result"]))

    def _ended(self, session: Session, status: int | None) -> None:
        if session is not self._session:
            return  # asked to
        how = "" if status is None else f" (signal {-status})" if status < 0 else f" (status {status})"
        if session.readiness is None:
            self._stop(session, f"The engine ended before it was ready{how}; open Check setup to see what is missing.")
        else:
            self._stop(session, f"The engine stopped unexpectedly{how}; try again, a new one will be started.")

    def _stop(self, session: Session, message: str) -> None:
        """Give the process up, and everything that was asked of it."""
        self._session = None
        session.kill()
        self._fail_all(Failure("engine", message, "\n".join(session.log)))

    def _fail_all(self, failure: Failure) -> None:
        with ExitStack() as stack:  # all of them hear of it, even if one of them raises
            for number in reversed(self._pending):
                stack.callback(self._fail, number, failure)

    def _fail(self, number: int, failure: Failure) -> None:
        if number not in self._pending:
            return
        if self._pending[number].kill_at is not None:
            failure = Failure("cancelled", CANCELLED, failure.log)
        self._finish(number, lambda callbacks: callbacks.on_failure(failure))

    def _finish(self, number: int, tell: Callable[[Callbacks], None]) -> None:
        """Forget a job, tell its owner, remove its files."""
        pending = self._pending.pop(number)
        try:
            tell(pending.callbacks)
        finally:
            shutil.rmtree(pending.job.folder, ignore_errors=True)


def _shut_down(session: Session, timeout: float) -> None:
    session.process.send(encode({"method": "shutdown"}))
    session.process.close_input()
    deadline = time.monotonic() + timeout
    while not session.is_over and time.monotonic() < deadline:
        session.process.poll(0.05)
    session.kill()


def _plain(value: Any) -> Any:
    """``value`` for JSON, paths as absolute texts: the engine's folder is another one."""
    if isinstance(value, Path):
        return str(value.absolute())
    if isinstance(value, Mapping):
        return {key: _plain(entry) for key, entry in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(entry) for entry in value]
    return value
