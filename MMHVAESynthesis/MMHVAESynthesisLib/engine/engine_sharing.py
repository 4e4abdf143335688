"""The one engine process that all modules of a running Slicer share."""

from __future__ import annotations

import logging
import shutil
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import slicer

from .client import Engine
from .jobs import Callbacks, Job
from .qt_process import QtProcess
from .timer import Timer

#: Milliseconds between two looks at the deadlines of what is pending.
POLL_INTERVAL = 50

_log = logging.getLogger(__name__)


class SlicerEngine(Engine):
    """An engine on Qt's event loop, polled only while something is pending or the process is starting.

    Its process and its files go as the application quits, whoever holds it; after a close it can be used again.
    """

    def __init__(self, **arguments: Any) -> None:
        super().__init__(**{"new_process": QtProcess, "on_log": _log.debug, **arguments})
        self._timer = Timer(self._tick, POLL_INTERVAL, repeats=True)
        self._ends_with_application = False

    @property
    def is_busy(self) -> bool:
        """Whether something is pending or the process is starting."""
        return bool(self._pending) or (self._session is not None and self._session.readiness is None)

    def start(self) -> None:
        """See :meth:`.engine.Engine.start`."""
        super().start()
        if self._session is None:  # it is being closed
            return
        self._timer.start()

    def submit(self, job: Job, method: str, parameters: Mapping[str, Any], callbacks: Callbacks) -> None:
        """See :meth:`.engine.Engine.submit`."""
        super().submit(job, method, parameters, callbacks)
        self._timer.start()

    def close(self, timeout: float = 1.0) -> None:
        """See :meth:`.engine.Engine.close`."""
        self._timer.stop()
        super().close(timeout)
        if self._ends_with_application:
            self._ends_with_application = False
            slicer.app.disconnect("aboutToQuit()", self.close)

    def _private_folder(self) -> Path:
        if not self._ends_with_application:  # from here on there is something to end
            self._ends_with_application = True
            slicer.app.connect("aboutToQuit()", self.close)
        return super()._private_folder()

    def _tick(self) -> None:
        try:
            self.poll()
        except Exception:  # of somebody's callback; nothing may leave a slot
            _log.exception("a listener of the engine raised")
        if not self.is_busy:
            self._timer.stop()


def python_command() -> tuple[str, ...]:
    """The interpreter that has Slicer's packages: its launcher PythonSlicer, or the one that runs this."""
    name = "PythonSlicer.exe" if sys.platform == "win32" else "PythonSlicer"
    own = Path(str(slicer.app.slicerHome)) / "bin" / name
    if own.is_file():
        return (str(own),)
    found = shutil.which(name)
    if found is None and Path(sys.executable).name.lower().startswith("python"):
        found = sys.executable  # outside of the application there is no launcher
    return (found or name,)  # starting what is not there is a sentence of the engine


_shared: SlicerEngine | None = None


def shared_engine() -> SlicerEngine:
    """The engine of this application, the same for as long as this library is loaded: whoever has it may keep it."""
    global _shared
    if _shared is None:
        _shared = SlicerEngine(python=python_command())
    return _shared
