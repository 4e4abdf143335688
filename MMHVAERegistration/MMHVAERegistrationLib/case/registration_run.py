"""One registration, from nodes to an outcome: synthesise what is missing, write the images, ask the engine, read.

The scene is changed only at the end: what was synthesised on the way is kept outside of it until then.
"""

from __future__ import annotations

import time
from collections.abc import Generator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from mmhvae.answers import RegistrationAnswer
from mmhvae.protocol import Message
from MMHVAESynthesisLib.engine import Callbacks, Engine, EngineRun, Failure
from MMHVAESynthesisLib.nodes import (
    FLIP,
    FileImage,
    ijk_to_ras,
    ijk_to_world,
    voxels,
    write_image_steps,
    write_volume_steps,
)
from MMHVAESynthesisLib.synthesis import bundle_path, made_of, store
from slicer.i18n import tr as _

from ..pose import Outcome, Step, before_to_world
from .held_synthesis import Held, HeldReconstruction, HeldSynthesis
from .outcome_inputs import inputs_of
from .registration_case import Case
from .usable_results import keeps_earlier, usable_results

#: Share of the progress that synthesis takes, where it takes part.
SYNTHESISED = 0.6
#: Share of the rest that writing the images takes.
WRITTEN = 0.05


class RegistrationRun(EngineRun):
    """One registration; its :class:`Outcome` is told.

    Args:
        engine: does the work.
        case: what to register.
        is_preview: stop early, for a first answer.
        start: the pose to start from.
        callbacks: who hears of it.
    """

    def __init__(self, engine: Engine, case: Case, is_preview: bool, start: Step, callbacks: Callbacks) -> None:
        super().__init__(engine, case.nodes, callbacks)
        self._case, self._is_preview, self._start = case, is_preview, start
        self._held: Held | None = None
        self._before = 0.0  # share of the progress that is behind
        self._synthesis: HeldSynthesis | HeldReconstruction | None = None

    def _begin(self) -> None:
        self._ready = usable_results(self._case)
        if self._ready is not None:
            self._run_steps(self._write(), self._submit)
            return
        kind = HeldReconstruction if self._case.is_direct else HeldSynthesis
        callbacks = Callbacks(self._synthesised, self._failed, self._synthesis_progressed)
        self._synthesis = kind(self._engine, self._case.ultrasound, callbacks)
        self._synthesis.start()

    def _let_go(self, why: Failure) -> None:
        if self._synthesis is not None and not self._synthesis.is_over:
            self._synthesis.cancel()
        else:
            super()._let_go(why)

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
        parameters: dict[str, Any] = {"fixed": {}, "uncertainty": {}, "moving": {}}
        for group, name, image in self._fixed_images():
            path = job.folder / f"{group}-{name}.mha"
            yield from self._written(image, path)
            if group in parameters:
                parameters[group][name] = path
            else:
                parameters[group] = path
        for name, node in self._case.mrs.items():
            parameters["moving"][name] = path = job.folder / f"moving-{name}.mha"
            yield from write_volume_steps(node, path, before_to_world(node) @ ijk_to_ras(node))
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
        if self._case.region is not None:
            found.append(("region", "us", self._case.region.mask_on(_in_world(ultrasound))))
        if not self._case.is_direct:
            found += [("fixed", name, images[name]) for name in self._case.mrs]
            found += [("uncertainty", name, uncertainty[name]) for name in self._case.mrs if name in uncertainty]
        return found

    @staticmethod
    def _written(image: Any, path: Path) -> Generator[float, None, None]:
        if isinstance(image, FileImage):
            return write_image_steps(image.array, FLIP @ image.ijk_to_ras, path)
        return write_volume_steps(image, path)

    def _settings(self) -> dict[str, Any]:
        to_moving = FLIP @ np.linalg.inv(self._start.world) @ FLIP
        settings = replace(self._case.settings, preview=self._is_preview)
        device = self._case.ultrasound.device
        asked: dict[str, Any] = {"initial": to_moving.ravel().tolist(), "device": device, **settings.to_json()}
        if not self._case.is_direct:  # which made the synthetic images: trust asks how strong each contrast is
            asked["bundle"] = bundle_path(self._case.ultrasound.bundle)
        return asked

    def _submit(self, parameters: dict[str, Any]) -> None:
        self._ask("register_case", parameters)

    def _engine_progressed(self, fraction: float, message: str) -> None:
        self._progressed(WRITTEN + (1 - WRITTEN) * fraction, message)

    def _progressed(self, fraction: float, message: str) -> None:
        self._report(self._before + (1 - self._before) * fraction, message)

    def _answered(self, answer: Message) -> None:
        try:
            self._finish(self._outcome(RegistrationAnswer.from_json(answer)))
        except Exception as error:
            self._raised(error)

    def _outcome(self, answer: RegistrationAnswer) -> Outcome:
        to_moving = np.reshape(np.array(answer.matrix, np.float64), (4, 4))
        world = FLIP @ np.linalg.inv(to_moving) @ FLIP
        world[3] = [0, 0, 0, 1]
        synthetic, region = not self._case.is_direct, self._case.region
        return Outcome(
            world=world,
            verdict=answer.verdict,
            expected_error_mm=answer.expected_error_mm,
            reason=answer.reason,
            moved_mm=answer.moved_mm,
            moved_deg=answer.moved_deg,
            start=self._start.what,
            evidence=answer.evidence,
            witnessed=answer.witnessed,
            similarity_before=answer.similarity_before,
            similarity_after=answer.similarity_after,
            contrasts=tuple(self._case.mrs),
            settings=answer.settings,
            bundle=self._case.ultrasound.bundle if synthetic else "",
            weights_sha256=self._weights() if synthetic else "",
            inputs=self._inputs,
            device=answer.device,
            seconds=time.monotonic() - self._began,
            region=region.name if region is not None else "",
            region_kind=region.kind if region is not None else "",
            region_share=answer.region_share,
            notice=answer.notice or (self._held.notice if self._held is not None else ""),
        )

    def _weights(self) -> str:
        if self._held is not None:
            return self._held.made.weights_sha256
        assert self._ready is not None
        return made_of(next(iter(self._ready.images.values())))[0].weights_sha256

    def _finish(self, outcome: Outcome) -> None:
        if self._held is not None:
            request = replace(self._case.ultrasound, keeps_earlier=keeps_earlier(self._case))
            store(request, self._held.read, self._held.made)
        self._done(outcome)


def _in_world(image: Any) -> FileImage:
    """A volume node, or voxels that lie in the world already."""
    return image if isinstance(image, FileImage) else FileImage(voxels(image), ijk_to_world(image))
