"""What the registration panel can do, without the panel: check, register, cancel, use, undo, redo."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, cast

import numpy as np
from mmhvae import InputError
from MMHVAESynthesisLib.engine import Callbacks, CurrentRun, Engine, Failure, shared_engine
from MMHVAESynthesisLib.nodes import Matrix
from MMHVAESynthesisLib.synthesis import Results, find_results
from MMHVAESynthesisLib.views import annotate_slice_views
from slicer.i18n import tr as _
from slicer.ScriptedLoadableModule import ScriptedLoadableModuleLogic

from .case import (
    Case,
    RegistrationRun,
    candidates,
    case_from,
    moving_nodes,
    problem_of_case,
    problem_of_moving,
    stale_reason,
)
from .parameters import RegistrationParameters
from .pose import (
    FAILED,
    NAVIGATION,
    PREVIEW,
    REGISTERED,
    History,
    Outcome,
    Step,
    create_result,
    find_result,
    put_under,
    remove_orphans,
    take_out,
)


class MMHVAERegistrationLogic(ScriptedLoadableModuleLogic):
    """Registration of the pre-operative images, one at a time.

    Args:
        engine: does the work; by default the one that all modules share.
    """

    def __init__(self, engine: Engine | None = None) -> None:
        super().__init__()
        self.engine = engine or shared_engine()
        self._current = CurrentRun()
        #: The last outcome that is not in use: failed, or taken back; None where there is none.
        self.pending: Outcome | None = None
        #: Whether everything is shown as before just now, see :meth:`show_before`.
        self.is_before = False
        #: Whether landmarks are being placed: then one may wait for its partner.
        self.is_placing = False
        annotate_slice_views()

    def close(self) -> None:
        """Stop the work that is running; the engine stays warm for others."""
        self.cancel()

    def getParameterNode(self) -> RegistrationParameters:  # noqa: N802 - Slicer's name
        """The panel's parameters, kept with the scene."""
        # Slicer's wrapper gives the class a constructor that takes the node.
        return cast(Any, RegistrationParameters)(super().getParameterNode())

    @property
    def is_running(self) -> bool:
        """Whether a registration has not ended yet."""
        return self._current.is_running

    @property
    def history(self) -> History | None:
        """The poses of this scene's result, or None where there is no result yet."""
        result = find_result()
        return History(result) if result is not None else None

    @property
    def outcome(self) -> Outcome | None:
        """The outcome that is in use now, or None."""
        poses = self.history
        return poses.current.outcome if poses is not None else None

    @staticmethod
    def case(parameters: RegistrationParameters) -> Case:
        """What these parameters ask for."""
        return case_from(parameters)

    @staticmethod
    def problem(parameters: RegistrationParameters) -> str:
        """Why Register cannot work, in one sentence; "" where it can."""
        return problem_of_case(case_from(parameters)) or problem_of_moving(parameters)

    @staticmethod
    def synthetic(parameters: RegistrationParameters) -> Results:
        """The synthetic volumes, and the reconstruction of a sweep, that the scene holds of this ultrasound."""
        return find_results(case_from(parameters).ultrasound)

    def register(
        self,
        parameters: RegistrationParameters,
        is_preview: bool,
        on_progress: Callable[[float, str], None],
        on_done: Callable[[Outcome], None],
        on_failure: Callable[[Failure], None],
    ) -> None:
        """Begin and return at once; one of ``on_done`` and ``on_failure`` is called at the end.

        The outcome is in use when ``on_done`` hears of it, unless it failed: then it is pending, as it is where
        ``on_failure`` hears why it cannot be used.
        """
        case = case_from(parameters)
        problem = self.problem(parameters)
        if self.is_running:
            problem = _("A registration is running; wait for it, or cancel it first.")
        if problem:
            on_failure(Failure("input", problem))
            return

        def done(outcome: Outcome) -> None:
            self.pending = outcome
            try:
                if outcome.verdict != FAILED:
                    self.use_pending(parameters)
            except InputError as error:
                on_failure(Failure("input", str(error)))  # it stays pending
            else:
                on_done(outcome)

        self.show_before(False)
        self.settle()
        self._current.start(
            lambda callbacks: RegistrationRun(self.engine, case, is_preview, self.start, callbacks),
            Callbacks(done, on_failure, on_progress),
        )

    def cancel(self) -> None:
        """Stop the registration that is running; its ``on_failure`` hears of it within 2 s."""
        self._current.cancel()

    @property
    def world(self) -> Matrix:
        """(4, 4), the registration in use: from where navigation shows the MRs to where they are, RAS mm in world."""
        poses = self.history
        if poses is None:
            return np.eye(4)
        return poses.current.world if self.is_before else poses.world

    @property
    def stale(self) -> str:
        """Why the outcome in use no longer fits its images, in one sentence; "" where it does, or there is none."""
        outcome = self.outcome
        return stale_reason(outcome) if outcome is not None else ""

    @property
    def start(self) -> Step:
        """Where a registration starts: the last step that no registration made, so that its outcome can be repeated."""
        poses = self.history
        if poses is None:
            return Step(NAVIGATION, np.eye(4), ())
        return next(step for step in reversed(poses.steps[: poses.position + 1]) if step.outcome is None)

    def use_pending(self, parameters: RegistrationParameters) -> None:
        """Move the MRs, and what is ticked, by the pending outcome, which stays pending where that raises."""
        outcome = self.pending
        if outcome is not None:
            what = PREVIEW if outcome.preview else REGISTERED
            self.go_to(parameters, what, outcome.world, outcome)
            self.pending = None

    def go_to(
        self, parameters: RegistrationParameters, what: str, world: Matrix, outcome: Outcome | None = None
    ) -> None:
        """Take a pose as a new step of the history."""
        self.show_before(False)
        History(self.ensure_result(parameters)).go_to(what, world, outcome)

    def settle(self) -> None:
        """Make what the handle, or another module, has done to the result a step that can be undone."""
        poses = self.history
        if poses is not None and not self.is_before:
            poses.settle()

    def show_before(self, is_before: bool) -> None:
        """Show everything as navigation has it for a while, and then again as it is, to the last bit."""
        poses = self.history
        if is_before == self.is_before:
            return
        if is_before and poses is not None:
            self.is_before = True
            poses.show_before()
        elif not is_before:
            if poses is not None:
                poses.show_now()
            self.is_before = False

    def discard(self) -> None:
        """Forget the pending outcome, or else go back to before the one in use."""
        if self.pending is not None:
            self.pending = None
        elif self.outcome is not None:
            self.undo()

    def undo(self) -> None:
        """Back to the pose before."""
        self._step(History.undo)

    def redo(self) -> None:
        """Forward to the pose after."""
        self._step(History.redo)

    def _step(self, way: Callable[[History], None]) -> None:
        poses = self.history
        if poses is not None:
            self.show_before(False)
            self.pending = None
            way(poses)

    def ensure_result(self, parameters: RegistrationParameters) -> Any:
        """The scene's result, made where there is none, with everything under it that moves along."""
        result = find_result()
        if result is not None:
            self.place(parameters)
            return result
        remove_orphans()
        nodes = moving_nodes(parameters)  # asked for first: afterwards only what lies under the result counts as ticked
        result = create_result(nodes[0].GetParentTransformNode() if nodes else None)
        History(result)
        _put_all_under(result, nodes)
        return result

    @staticmethod
    def place(parameters: RegistrationParameters) -> list[str]:
        """Put what moves along under the result, if there is one, and take out what does not; the problems met."""
        result = find_result()
        if result is None:
            return []
        for candidate in candidates(parameters):
            if not candidate.is_ticked:
                take_out(candidate.node)
        return _put_all_under(result, moving_nodes(parameters))


def _put_all_under(result: Any, nodes: list[Any]) -> list[str]:
    """Put nodes under the result; what keeps some of them out."""
    problems = []
    for node in nodes:
        try:
            put_under(result, node)
        except InputError as error:
            problems.append(str(error))
    return problems
