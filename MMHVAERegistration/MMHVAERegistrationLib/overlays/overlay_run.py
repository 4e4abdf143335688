"""One export of a segmentation onto the ultrasound's grid: label maps as files, the engine's answer as nodes."""

from __future__ import annotations

from collections.abc import Generator
from pathlib import Path
from typing import Any

import numpy as np
from mmhvae import InputError
from mmhvae.answers import OverlayAnswer, PlacedLabel
from mmhvae.protocol import Message
from MMHVAESynthesisLib.engine import Callbacks, Engine, EngineRun, moved_to
from MMHVAESynthesisLib.nodes import (
    FLIP,
    Matrix,
    ijk_to_ras,
    layer_steps,
    parent_to_world,
    read_steps,
    require_known_place,
    require_volume,
    write_image_steps,
)
from slicer.i18n import tr as _

from .overlay_inputs import overlay_inputs
from .overlay_nodes import Exported, store_overlays

#: Shares of the progress at which the engine has its files, and has answered.
WRITTEN, ANSWERED = 0.1, 0.95


class OverlayRun(EngineRun):
    """One export; an :class:`.overlay_nodes.Exported` is told. The scene is changed only at the end.

    Args:
        engine: does the work.
        segmentation: the node, where it lies now: under the registration, or not.
        ultrasound: the volume node whose grid and parent transform the label maps get.
        callbacks: who hears of it.
    """

    def __init__(self, engine: Engine, segmentation: Any, ultrasound: Any, callbacks: Callbacks) -> None:
        super().__init__(engine, [segmentation, ultrasound], callbacks)
        self._segmentation, self._ultrasound = segmentation, ultrasound

    def _begin(self) -> None:
        self._run_steps(self._write(), self._submit)

    def _write(self) -> Generator[Any, None, dict[str, Any]]:
        """The label maps as files; gives the parameters for the engine."""
        self._tell_share(0.0)
        yield
        segmentation, ultrasound = self._segmentation, self._ultrasound
        require_volume(ultrasound)
        require_known_place(segmentation)
        self._made = overlay_inputs(segmentation, ultrasound)  # before the first voxel is taken: no change is missed
        self._grid = ijk_to_ras(ultrasound)
        self._size = ultrasound.GetImageData().GetDimensions()
        to_segmentation = np.linalg.inv(parent_to_world(segmentation)) @ parent_to_world(ultrasound)
        self._layers = yield from layer_steps(segmentation)
        if not self._layers:
            raise InputError(_("{name} holds no segments; choose another one.").format(name=segmentation.GetName()))
        self._job = job = self._engine.job()
        paths = {}
        for number, layer in enumerate(self._layers):
            paths[str(number)] = path = job.folder / f"layer-{number}.mha"
            for share in write_image_steps(layer.array, FLIP @ layer.ijk_to_ras, path, segmentation.GetName()):
                self._tell_share(WRITTEN * (number + share) / len(self._layers))
                yield
        return {
            "layers": paths,
            "transform": _numbers(FLIP @ to_segmentation @ FLIP),
            "size": list(self._size),
            "place": _numbers(FLIP @ self._grid),
        }

    def _submit(self, parameters: dict[str, Any]) -> None:
        self._ask("overlay", parameters)

    def _engine_progressed(self, fraction: float, message: str) -> None:
        self._tell_share(WRITTEN + (ANSWERED - WRITTEN) * fraction)

    def _tell_share(self, fraction: float) -> None:
        self._report(fraction, _("bringing the segments onto the grid"))

    def _answered(self, answer: Message) -> None:
        try:
            self._job = kept = self._engine.job()
            told, numbers = OverlayAnswer.from_json(answer), [str(number) for number in range(len(self._layers))]
            paths = [moved_to(told.images[number], kept) for number in numbers]
            labels = [list(told.labels[number]) for number in numbers]
            self._run_steps(self._read(paths), lambda maps: self._finish(maps, labels))
        except Exception as error:
            self._raised(error)

    def _read(self, paths: list[Path]) -> Generator[Any, None, list[Any]]:
        maps = []
        for path in paths:
            image = yield from read_steps(path)
            if image.array.shape[::-1] != self._size:
                raise ValueError(f"the grid of {path.name} is not that of the ultrasound")
            maps.append(image.array)
        return maps

    def _finish(self, maps: list[Any], labels: list[list[PlacedLabel]]) -> None:
        nodes = store_overlays(maps, self._layers, self._segmentation, self._ultrasound, self._grid, self._made)
        placed = [
            (layer.segments[label.value], label)
            for layer, told in zip(self._layers, labels, strict=True)
            for label in told
        ]
        self._done(Exported(nodes, placed))


def _numbers(matrix: Matrix) -> list[float]:
    numbers: list[float] = matrix.ravel().tolist()
    return numbers
