"""One piece of work from nodes to nodes: the inputs are written in steps, the engine is asked, its answer is taken."""

from __future__ import annotations

import logging
import time
import traceback
from abc import ABC, abstractmethod
from collections.abc import Callable, Generator, Mapping
from typing import Any

import slicer
import vtk
from mmhvae import InputError
from mmhvae.protocol import Message
from slicer.i18n import tr as _

from .client import Engine
from .jobs import CANCELLED, Callbacks, Failure, Job
from .steps import Steps

_log = logging.getLogger(__name__)


class EngineRun(ABC):
    """Exactly one of ``on_result`` and ``on_failure`` is called, once, and never before :meth:`start` returns.

    Removing a node that is worked on, and closing the scene, end the work.

    Args:
        engine: does the work.
        nodes: what is worked on.
        callbacks: who hears of it.
    """

    def __init__(
        self,
        engine: Engine,
        nodes: list[Any],
        callbacks: Callbacks,
    ) -> None:
        self._engine, self._nodes, self._callbacks = engine, nodes, callbacks
        self._began = time.monotonic()
        self._job: Job | None = None
        self._steps: Steps[Any] | None = None
        self._why: Failure | None = None  # set once it is being cancelled
        self._observed: list[int] = []
        self.is_over = False

    def start(self) -> None:
        """Begin; nothing is done before the event loop turns."""
        scene = slicer.mrmlScene
        self._observed = [
            scene.AddObserver(slicer.vtkMRMLScene.NodeRemovedEvent, self._node_removed),
            scene.AddObserver(slicer.vtkMRMLScene.StartCloseEvent, self._scene_closed),
        ]
        self._begin()

    @abstractmethod
    def _begin(self) -> None:
        """The first of the work."""

    def cancel(self) -> None:
        """End it soon: within the engine's grace, 1.5 s."""
        self._stop(Failure("cancelled", CANCELLED))

    def _stop(self, why: Failure) -> None:
        if not self.is_over and self._why is None:
            self._why = why
            self._let_go(why)

    def _let_go(self, why: Failure) -> None:
        """End what is under way; its end tells why."""
        if self._job is not None and self._engine.is_pending(self._job):
            self._engine.cancel(self._job)  # which fails the job, now or once the engine has let go of it
        else:
            self._fail(why)

    @vtk.calldata_type(vtk.VTK_OBJECT)  # type: ignore[untyped-decorator,unused-ignore]
    def _node_removed(self, caller: Any, event: Any, node: Any) -> None:
        if any(node is used for used in self._nodes):
            text = _("{name} was removed while it was worked on, so there is no result.").format(name=node.GetName())
            self._stop(Failure("input", text))

    def _scene_closed(self, caller: Any, event: Any) -> None:
        self.cancel()

    def _run_steps(self, work: Generator[Any, None, Any], then: Callable[[Any], None]) -> None:
        self._steps = Steps(work, then, self._raised)
        self._steps.start()

    def _ask(self, method: str, parameters: Mapping[str, Any]) -> None:
        """Submit the job."""
        assert self._job is not None
        callbacks = Callbacks(self._answered, self._failed, self._engine_progressed)
        self._engine.submit(self._job, method, parameters, callbacks)

    @abstractmethod
    def _answered(self, answer: Message) -> None:
        """Take the answer and what files it has, which are gone when this returns; read them in peace."""

    @abstractmethod
    def _engine_progressed(self, fraction: float, message: str) -> None:
        """Report the engine's progress as a part of the whole."""

    def _report(self, fraction: float, message: str) -> None:
        if self._why is None and not self.is_over:
            self._tell(lambda: self._callbacks.on_progress(fraction, message))

    def _done(self, result: Any) -> None:
        self._end()
        self._tell(lambda: self._callbacks.on_result(result))

    def _failed(self, failure: Failure) -> None:
        self._fail(self._why or failure)

    def _raised(self, error: Exception) -> None:
        if isinstance(error, InputError):
            self._fail(Failure("input", str(error)))
        elif isinstance(error, OSError):
            self._fail(Failure("engine", _("There is no room for temporary files; free some space on the disk.")))
        else:
            log = "".join(traceback.format_exception(error))
            self._fail(Failure("defect", _("An error of its own stopped this; please report it with the log."), log))

    def _fail(self, failure: Failure) -> None:
        if not self.is_over:
            self._end()
            if failure.log:
                _log.error("%s\n%s", failure.message, failure.log)
            self._tell(lambda: self._callbacks.on_failure(failure))

    def _end(self) -> None:
        self.is_over = True
        if self._steps is not None:
            self._steps.stop()
            self._steps = None
        for tag in self._observed:
            slicer.mrmlScene.RemoveObserver(tag)
        if self._job is not None:
            self._engine.discard(self._job)

    def _tell(self, call: Callable[[], None]) -> None:
        try:
            call()
        except Exception:  # of the panel's; nothing may leave a slot
            _log.exception("a listener of %s raised", type(self).__name__)
