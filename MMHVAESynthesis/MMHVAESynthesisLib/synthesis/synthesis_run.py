"""One Apply, from nodes to nodes: write the inputs, ask the engine, read its answer, put it into the scene."""

from __future__ import annotations

import time
from collections.abc import Generator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mmhvae.answers import SynthesisAnswer
from slicer.i18n import tr as _

from ..engine import Callbacks, Engine, EngineRun, moved_to
from ..nodes import (
    FileImage,
    ijk_to_ras,
    ijk_to_world,
    read_steps,
    same_place,
    write_sweep_steps,
    write_volume_steps,
)
from .installed_bundles import bundle_path, weights_checksum
from .request import Request
from .results import Provenance, ReadResults, input_fingerprints, store

#: Shares of the progress that writing the inputs takes, and that is done when reading the answer begins.
WRITTEN, ANSWERED = 0.03, 0.97


@dataclass(frozen=True)
class AnswerFiles:
    """The files of an answer by modality, "" for an ultrasound that is none, and how the work went."""

    images: Mapping[str, str]
    uncertainty: Mapping[str, str]
    ultrasound: str
    notice: str = ""
    device: str = ""


class SynthesisRun(EngineRun):
    """One Apply; its :class:`.results.Results` are told. The scene is changed only at the end."""

    def __init__(self, engine: Engine, request: Request, callbacks: Callbacks) -> None:
        super().__init__(engine, request.nodes, callbacks)
        self._request = request

    def _begin(self) -> None:
        self._run_steps(self._write(), self._submit)

    def _write(self) -> Generator[Any, None, dict[str, Any]]:
        """The inputs as files; gives the parameters for the engine."""
        request = self._request
        self._report(0.0, _("preparing the images"))
        yield
        self._job = job = self._engine.job()
        self._made = self._provenance()
        yield
        parts = len(request.volumes) + (request.browser is not None)
        inputs: dict[str, Path] = {}
        for name, node in request.volumes.items():
            inputs[name] = job.folder / f"{name}.mha"
            yield from self._reported(write_volume_steps(node, inputs[name]), (len(inputs) - 1) / parts, parts)
        parameters = {"inputs": inputs, **self._settings()}
        if request.browser is not None:
            path = job.folder / "sweep.igs.mha"
            frames = write_sweep_steps(request.browser, request.calibration, path)
            yield from self._reported(frames, len(inputs) / parts, parts)
            parameters["sweep"] = {"path": path}
        elif request.sweep_path:
            parameters["sweep"] = {"path": Path(request.sweep_path), "calibration": request.calibration}
        return parameters

    def _settings(self) -> dict[str, Any]:
        request = self._request
        return {
            "bundle": bundle_path(request.bundle),
            "targets": list(request.targets),
            "device": request.device,
            **request.settings.to_json(),
        }

    def _provenance(self) -> Provenance:
        """What the results are made of; taken before the first voxel is written, so that no change is missed."""
        request = self._request
        if request.reference:
            node = request.volumes[request.reference]
            self._place, self._world = ijk_to_ras(node), ijk_to_world(node)
            self._size = node.GetImageData().GetDimensions()
        return Provenance(
            bundle=request.bundle,
            weights_sha256=weights_checksum(request.bundle),
            device=request.device,
            settings=request.settings,
            calibration=request.calibration,
            inputs=input_fingerprints(request),
        )

    def _reported(self, steps: Generator[float, None, Any], start: float, parts: int) -> Generator[Any, None, None]:
        for share in steps:
            self._report(WRITTEN * (start + share / parts), _("preparing the images"))
            yield

    def _submit(self, parameters: dict[str, Any]) -> None:
        self._ask("synthesize", parameters)

    def _engine_progressed(self, fraction: float, message: str) -> None:
        self._report(WRITTEN + (ANSWERED - WRITTEN) * fraction, message)

    def _answered(self, answer: dict[str, Any]) -> None:
        try:
            files = self._files(answer)
            self._job = kept = self._engine.job()
            taken = AnswerFiles(
                {name: str(moved_to(path, kept)) for name, path in files.images.items()},
                {name: str(moved_to(path, kept)) for name, path in files.uncertainty.items()},
                str(moved_to(files.ultrasound, kept)) if files.ultrasound else "",
                files.notice,
                files.device,
            )
            self._run_steps(self._read(taken), self._finish)
        except Exception as error:
            self._raised(error)

    def _files(self, answer: dict[str, Any]) -> AnswerFiles:
        """What there is to read."""
        told = SynthesisAnswer.from_json(answer)
        ultrasound = told.reconstruction.ultrasound if told.reconstruction is not None else ""
        return AnswerFiles(told.images, told.uncertainty, ultrasound, told.notice, told.device)

    def _read(self, files: AnswerFiles) -> Generator[Any, None, ReadResults]:
        self._report(ANSWERED, _("reading the results"))
        images, uncertainty = {}, {}
        for name, path in files.images.items():
            images[name] = yield from self._image(Path(path))
        for name, path in files.uncertainty.items():
            uncertainty[name] = yield from self._image(Path(path))
        ultrasound = None
        if files.ultrasound:
            ultrasound = yield from read_steps(Path(files.ultrasound))
        place = ultrasound.ijk_to_ras if ultrasound is not None else self._place  # they share its grid
        seconds = time.monotonic() - self._began
        return ReadResults(images, uncertainty, ultrasound, place, files.notice, seconds, files.device)

    def _image(self, path: Path) -> Generator[Any, None, FileImage]:
        image = yield from read_steps(path)
        if self._request.reference and not (
            image.array.shape[::-1] == self._size and same_place(image.ijk_to_ras, self._world, self._size)
        ):
            raise ValueError(f"the grid of {path.name} is not that of the input")
        return image

    def _finish(self, read: ReadResults) -> None:
        self._done(store(self._request, read, self._made))
