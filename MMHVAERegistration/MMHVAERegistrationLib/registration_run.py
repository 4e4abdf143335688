"""One registration, from nodes to an outcome: synthesise what is missing, write the images, ask the engine, read.

The scene is changed only at the end: what was synthesised on the way is kept outside of it until then.
"""

from __future__ import annotations

import logging
import time
import traceback
from collections.abc import Callable, Generator
from pathlib import Path
from typing import Any

import numpy as np
import slicer
import vtk
from mmhvae import InputError
from mmhvae.protocol import Message
from MMHVAESynthesisLib.engine import Engine
from MMHVAESynthesisLib.geometry import FLIP, ijk_to_ras
from MMHVAESynthesisLib.jobs import CANCELLED, Callbacks, Failure, Job
from MMHVAESynthesisLib.results import Results, find_results, made_of, store
from MMHVAESynthesisLib.staleness import stale_reason
from MMHVAESynthesisLib.steps import Steps
from MMHVAESynthesisLib.volume_files import FileImage, write_image_steps, write_steps
from slicer.i18n import tr as _

from .case import DIRECT, SYNTHETIC, Case
from .held_synthesis import Held, HeldReconstruction, HeldSynthesis
from .history import Step
from .outcome import Outcome
from .outcome_inputs import inputs_of
from .result_transform import before_to_world

#: Share of the progress that synthesis takes, where it takes part.
SYNTHESISED = 0.6
#: Share of the rest that writing the images takes.
WRITTEN = 0.05

_log = logging.getLogger(__name__)


class RegistrationRun:
    """One registration. Exactly one of ``on_done`` and ``on_failure`` is called, once, and never before
    :meth:`start` returns.

    Removing an image that is read, and closing the scene, end the work.

    Args:
        engine: does the work.
        case: what to register.
        is_preview: stop early, for a first answer.
        start: the pose to start from.
        on_progress, on_done, on_failure: who hears of it.
    """

    def __init__(
        self,
        engine: Engine,
        case: Case,
        is_preview: bool,
        start: Step,
        on_progress: Callable[[float, str], None],
        on_done: Callable[[Outcome], None],
        on_failure: Callable[[Failure], None],
    ) -> None:
        self._engine, self._case, self._is_preview, self._start = engine, case, is_preview, start
        self._on_progress, self._on_done, self._on_failure = on_progress, on_done, on_failure
        self._began = time.monotonic()
        self._held: Held | None = None
        self._before = 0.0  # share of the progress that is behind
        self._synthesis: HeldSynthesis | HeldReconstruction | None = None
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
        self._ready = usable_results(self._case)
        if self._ready is not None:
            self._run_steps(self._write(), self._submit)
            return
        kind = HeldSynthesis if self._case.method == SYNTHETIC else HeldReconstruction
        self._synthesis = kind(
            self._engine, self._case.ultrasound, self._synthesis_progressed, self._synthesised, self._failed
        )
        self._synthesis.start()

    def cancel(self) -> None:
        """End it soon: within the engine's grace, 1.5 s."""
        self._stop(Failure("cancelled", CANCELLED))

    def _stop(self, why: Failure) -> None:
        if self.is_over or self._why is not None:
            return
        self._why = why
        if self._synthesis is not None and not self._synthesis.is_over:
            self._synthesis.cancel()
        elif self._job is not None and self._engine.is_pending(self._job):
            self._engine.cancel(self._job)  # which fails the job, now or once the engine has let go of it
        else:
            self._fail(why)

    @vtk.calldata_type(vtk.VTK_OBJECT)  # type: ignore[untyped-decorator,unused-ignore]
    def _node_removed(self, caller: Any, event: Any, node: Any) -> None:
        if any(node is used for used in self._case.nodes):
            text = _("{name} was removed while it was worked on, so there is no result.").format(name=node.GetName())
            self._stop(Failure("input", text))

    def _scene_closed(self, caller: Any, event: Any) -> None:
        self.cancel()

    def _run_steps(self, work: Generator[Any, None, Any], then: Callable[[Any], None]) -> None:
        self._steps = Steps(work, then, self._raised)
        self._steps.start()

    def _synthesis_progressed(self, fraction: float, message: str) -> None:
        self._report(SYNTHESISED * fraction, message)

    def _synthesised(self, held: Held) -> None:
        self._held, self._before = held, SYNTHESISED
        self._run_steps(self._write(), self._submit)

    def _write(self) -> Generator[Any, None, dict[str, Any]]:
        """The images as files; gives the parameters for the engine."""
        self._progressed(0.0, _("preparing the images"))
        yield
        self._job = job = self._engine.job()
        self._inputs = inputs_of(self._case)
        parameters: dict[str, Any] = {"fixed": {}, "uncertainty": {}, "moving": {}, "ultrasound": ""}
        for group, name, image in self._fixed_images():
            path = job.folder / f"{group}-{name}.mha"
            yield from self._written(image, path)
            if group == "ultrasound":
                parameters[group] = path
            else:
                parameters[group][name] = path
        for name, node in self._case.mrs.items():
            parameters["moving"][name] = path = job.folder / f"moving-{name}.mha"
            yield from write_steps(node, path, before_to_world(node) @ ijk_to_ras(node))
        self._progressed(WRITTEN, _("preparing the images"))
        return parameters | self._settings()

    def _fixed_images(self) -> list[tuple[str, str, Any]]:
        """What lies in the ultrasound's place: (group, modality, volume node or voxels)."""
        if self._held is not None:
            images, uncertainty, ultrasound = self._held.images, self._held.uncertainty, self._held.ultrasound
        else:
            assert self._ready is not None
            images, uncertainty, ultrasound = self._ready.images, self._ready.uncertainty, self._ready.ultrasound
        if ultrasound is None:
            ultrasound = self._case.ultrasound.volumes["us"]
        found: list[tuple[str, str, Any]] = [("ultrasound", "us", ultrasound)]
        if self._case.method == SYNTHETIC:
            found += [("fixed", name, images[name]) for name in self._case.mrs]
            found += [("uncertainty", name, uncertainty[name]) for name in self._case.mrs if name in uncertainty]
        return found

    @staticmethod
    def _written(image: Any, path: Path) -> Generator[float, None, None]:
        if isinstance(image, FileImage):
            return write_image_steps(image.array, FLIP @ image.ijk_to_ras, path)
        return write_steps(image, path)

    def _settings(self) -> dict[str, Any]:
        to_moving = FLIP @ np.linalg.inv(self._start.world) @ FLIP
        settings: dict[str, Any] = {
            "initial": to_moving.ravel().tolist(),
            "preview": self._is_preview,
            "device": self._case.ultrasound.device,
        }
        if self._case.prior is not None:
            settings["prior"] = dict(zip(("translation_mm", "rotation_deg"), self._case.prior, strict=True))
        return settings

    def _submit(self, parameters: dict[str, Any]) -> None:
        assert self._job is not None
        callbacks = Callbacks(self._answered, self._failed, self._engine_progressed)
        self._engine.submit(self._job, "register_case", parameters, callbacks)

    def _engine_progressed(self, fraction: float, message: str) -> None:
        self._progressed(WRITTEN + (1 - WRITTEN) * fraction, message)

    def _progressed(self, fraction: float, message: str) -> None:
        self._report(self._before + (1 - self._before) * fraction, message)

    def _answered(self, answer: Message) -> None:
        try:
            self._finish(self._outcome(answer))
        except Exception as error:
            self._raised(error)

    def _outcome(self, answer: Message) -> Outcome:
        to_moving = np.reshape(np.array(answer["matrix"], np.float64), (4, 4))
        world = FLIP @ np.linalg.inv(to_moving) @ FLIP
        world[3] = [0, 0, 0, 1]
        synthetic = self._case.method == SYNTHETIC
        return Outcome(
            world=world,
            verdict=answer["verdict"],
            expected_error_mm=answer["expected_error_mm"],
            reason=answer["reason"],
            moved_mm=answer["moved_mm"],
            moved_deg=answer["moved_deg"],
            start=self._start.what,
            evidence=answer["evidence"],
            similarity_before=answer["similarity_before"],
            similarity_after=answer["similarity_after"],
            contrasts=tuple(self._case.mrs),
            method=self._case.method,
            preview=self._is_preview,
            bundle=self._case.ultrasound.bundle if synthetic else "",
            weights_sha256=self._weights() if synthetic else "",
            inputs=self._inputs,
            device=answer["device"],
            seconds=time.monotonic() - self._began,
            notice=answer["notice"] or (self._held.notice if self._held is not None else ""),
        )

    def _weights(self) -> str:
        if self._held is not None:
            return self._held.made.weights_sha256
        assert self._ready is not None
        return made_of(next(iter(self._ready.images.values())))[0].weights_sha256

    def _finish(self, outcome: Outcome) -> None:
        if self._held is not None:
            store(self._case.ultrasound, self._held.read, self._held.made)
        self._end()
        self._tell(lambda: self._on_done(outcome))

    def _report(self, fraction: float, message: str) -> None:
        if self._why is None and not self.is_over:
            self._tell(lambda: self._on_progress(fraction, message))

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
            self._tell(lambda: self._on_failure(failure))

    def _end(self) -> None:
        self.is_over = True
        if self._steps is not None:
            self._steps.stop()
        for tag in self._observed:
            slicer.mrmlScene.RemoveObserver(tag)
        if self._job is not None:
            self._engine.discard(self._job)

    @staticmethod
    def _tell(call: Callable[[], None]) -> None:
        try:
            call()
        except Exception:  # of the panel's; nothing may leave a slot
            _log.exception("a listener of the registration raised")


def usable_results(case: Case) -> Results | None:
    """What the scene holds already of what the registration needs; None where something has to be computed first."""
    found = find_results(case.ultrasound)
    if case.method == DIRECT:
        needed = [found.ultrasound] if case.ultrasound.has_sweep else []
    else:
        needed = [found.images.get(name) for name in case.mrs]
        needed += [found.ultrasound] if case.ultrasound.has_sweep else []
    if any(node is None or stale_reason(node, case.ultrasound.bundle) for node in needed):
        return None
    return found
