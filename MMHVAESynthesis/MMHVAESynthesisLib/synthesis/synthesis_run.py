"""One Apply, from nodes to nodes: write the inputs, ask the engine, read its answer, put it into the scene."""

from __future__ import annotations

import time
from collections.abc import Callable, Generator
from pathlib import Path
from typing import Any

from slicer.i18n import tr as _

from ..engine import Callbacks, Engine, EngineRun, Failure, moved_to
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


class SynthesisRun(EngineRun):
    """One Apply; ``on_done`` hears of its :class:`.results.Results`. The scene is changed only at the end."""

    def __init__(
        self,
        engine: Engine,
        request: Request,
        on_progress: Callable[[float, str], None],
        on_done: Callable[[Any], None],
        on_failure: Callable[[Failure], None],
    ) -> None:
        super().__init__(engine, request.nodes, on_progress, on_done, on_failure)
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
            "temperature": request.temperature,
            "samples": request.samples,
            "seed": request.seed,
            "slice_axis": request.slice_axis,
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
            seed=request.seed,
            temperature=request.temperature,
            samples=request.samples,
            slice_axis=request.slice_axis,
            calibration=request.calibration,
            inputs=input_fingerprints(request),
        )

    def _reported(self, steps: Generator[float, None, Any], start: float, parts: int) -> Generator[Any, None, None]:
        for share in steps:
            self._report(WRITTEN * (start + share / parts), _("preparing the images"))
            yield

    def _submit(self, parameters: dict[str, Any]) -> None:
        assert self._job is not None
        callbacks = Callbacks(self._answered, self._failed, self._progressed)
        self._engine.submit(self._job, "synthesize", parameters, callbacks)

    def _progressed(self, fraction: float, message: str) -> None:
        self._report(WRITTEN + (ANSWERED - WRITTEN) * fraction, message)

    def _answered(self, answer: dict[str, Any]) -> None:
        """Take the files, which are gone when this returns, and read them in peace."""
        try:
            kept = self._engine.job()
            self._job = kept
            for group in ("images", "uncertainty"):
                answer[group] = {name: moved_to(path, kept) for name, path in answer[group].items()}
            if "ultrasound" in answer:
                answer["ultrasound"] = moved_to(answer["ultrasound"], kept)
            self._run_steps(self._read(answer), self._finish)
        except Exception as error:
            self._raised(error)

    def _read(self, answer: dict[str, Any]) -> Generator[Any, None, ReadResults]:
        self._report(ANSWERED, _("reading the results"))
        images, uncertainty = {}, {}
        for name, path in answer["images"].items():
            images[name] = yield from self._image(path)
        for name, path in answer["uncertainty"].items():
            uncertainty[name] = yield from self._image(path)
        ultrasound = None
        if "ultrasound" in answer:
            ultrasound = yield from read_steps(answer["ultrasound"])
        place = ultrasound.ijk_to_ras if ultrasound is not None else self._place  # they share its grid
        seconds = time.monotonic() - self._began
        return ReadResults(images, uncertainty, ultrasound, place, answer["notice"], seconds, answer["device"])

    def _image(self, path: Path) -> Generator[Any, None, FileImage]:
        image = yield from read_steps(path)
        if self._request.reference and not (
            image.array.shape[::-1] == self._size and same_place(image.ijk_to_ras, self._world, self._size)
        ):
            raise ValueError(f"the grid of {path.name} is not that of the input")
        return image

    def _finish(self, read: ReadResults) -> None:
        self._done(store(self._request, read, self._made))
