"""What the synthesis panel can do, without the panel: check, apply, cancel, and know whether results still match."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, cast

from slicer.i18n import tr as _
from slicer.ScriptedLoadableModule import ScriptedLoadableModuleLogic

from .engine import Callbacks, CurrentRun, Engine, Failure, ignore, shared_engine
from .parameters import SynthesisParameters
from .synthesis import Results, StaleWatch, SynthesisRun, find_results, mark, problem_of, request_from, warnings_of
from .views import annotate_slice_views


class MMHVAESynthesisLogic(ScriptedLoadableModuleLogic):
    """Synthesis of missing images, one Apply at a time.

    Args:
        engine: does the work; by default the one that all modules share.
    """

    def __init__(self, engine: Engine | None = None) -> None:
        super().__init__()
        self.engine = engine or shared_engine()
        self._current = CurrentRun()
        self._bundle = ""
        #: Set this to hear that the marks of stale results were looked at, and perhaps changed.
        self.on_stale: Callable[[], None] = ignore
        self._watch = StaleWatch(lambda: self._bundle, lambda: self.on_stale())
        annotate_slice_views()

    def close(self) -> None:
        """Stop the Apply that is running, and stop watching the scene; the engine stays warm for others."""
        self.cancel()
        self._watch.close()

    def getParameterNode(self) -> SynthesisParameters:  # noqa: N802 - Slicer's name
        """The panel's parameters, kept with the scene."""
        # Slicer's wrapper gives the class a constructor that takes the node.
        return cast(Any, SynthesisParameters)(super().getParameterNode())

    @property
    def is_running(self) -> bool:
        """Whether an Apply has not ended yet."""
        return self._current.is_running

    def problem(self, parameters: SynthesisParameters) -> str:
        """Why Apply cannot work, in one sentence; "" where it can."""
        return problem_of(request_from(parameters))

    def warnings(self, parameters: SynthesisParameters) -> list[str]:
        """What about the inputs is unlike what the model was trained on, a sentence each."""
        return warnings_of(request_from(parameters))

    def results(self, parameters: SynthesisParameters) -> Results:
        """The result nodes that the scene holds of these inputs."""
        return find_results(request_from(parameters))

    def apply(
        self,
        parameters: SynthesisParameters,
        on_progress: Callable[[float, str], None],
        on_done: Callable[[Results], None],
        on_failure: Callable[[Failure], None],
    ) -> None:
        """Begin the synthesis and return at once; one of ``on_done`` and ``on_failure`` is called at its end."""
        request = request_from(parameters)
        problem = problem_of(request)
        if self.is_running:
            problem = _("A synthesis is running; wait for it, or cancel it first.")
        if problem:
            on_failure(Failure("input", problem))
            return
        self._bundle = request.bundle
        self._current.start(
            lambda callbacks: SynthesisRun(self.engine, request, callbacks),
            Callbacks(on_done, on_failure, on_progress),
        )

    def cancel(self) -> None:
        """Stop the Apply that is running; its ``on_failure`` hears of it within 2 s."""
        self._current.cancel()

    def stale(self, parameters: SynthesisParameters) -> str:
        """Why the results of these inputs no longer match them, in one sentence, "" where they do; marks the nodes."""
        self._bundle = parameters.bundle
        return mark(self.results(parameters).nodes, parameters.bundle)
