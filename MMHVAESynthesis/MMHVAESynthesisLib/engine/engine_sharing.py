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

    Its process ends as the application quits, whoever holds the engine: it may have been started again after a close.
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
        if not self._ends_with_application:
            self._ends_with_application = True
            slicer.app.connect("aboutToQuit()", self.close)

    def submit(self, job: Job, method: str, parameters: Mapping[str, Any], callbacks: Callbacks) -> None:
        """See :meth:`.engine.Engine.submit`."""
        super().submit(job, method, parameters, callbacks)
        self._timer.start()

    def close(self, timeout: float = 1.0) -> None:
        """See :meth:`.engine.Engine.close`."""
        self._timer.stop()
        if self._ends_with_application:
            self._ends_with_application = False
            slicer.app.disconnect("aboutToQuit()", self.close)
        super().close(timeout)

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
    """The engine of this application, made when first asked for, closed when the application quits."""
    global _shared
    if _shared is None:
        _shared = SlicerEngine(python=python_command())
        slicer.app.connect("aboutToQuit()", close_shared_engine)
    return _shared


def close_shared_engine() -> None:
    """End the engine process and remove its files; the next :func:`shared_engine` is a new one."""
    global _shared
    engine, _shared = _shared, None
    if engine is not None:
        slicer.app.disconnect("aboutToQuit()", close_shared_engine)
        engine.close()
