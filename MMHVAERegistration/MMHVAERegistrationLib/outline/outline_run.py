"""One outline: MRs as files, the engine's answer as a segmentation node. The scene is changed only at the end."""

from __future__ import annotations

import time
from collections.abc import Generator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from mmhvae.answers import SegmentationAnswer
from mmhvae.protocol import Message
from MMHVAESynthesisLib.engine import Callbacks, Engine, EngineRun, moved_to
from MMHVAESynthesisLib.nodes import (
    FileImage,
    ijk_to_ras,
    ijk_to_world,
    read_steps,
    segment_fingerprints,
    write_volume_steps,
)
from numpy.typing import NDArray
from slicer.i18n import tr as _

from ..case import mr_fingerprint
from ..pose import before_to_world
from .outline_inputs import OutlineMade, remember
from .outline_nodes import middle_of, store_outline

#: Shares of the progress at which the engine has its files, and has answered.
WRITTEN, ANSWERED = 0.1, 0.95


@dataclass(frozen=True)
class Outlined:
    """What came of it: the node (None where no tumour was found), volumes by region, and how the work went.

    ``middle`` is a place within the tumour, (3,) RAS mm in world; None where there is none.
    """

    node: Any
    middle: NDArray[np.float64] | None
    volumes_ml: Mapping[str, float]
    seconds: float
    notice: str


class OutlineRun(EngineRun):
    """One outline; an :class:`Outlined` is told.

    Args:
        engine: does the work.
        mrs: contrast -> volume node, at least one; the tumour is drawn on the first one's grid, and lies with it.
        bundle: the segmenter, by its name or folder.
        device: "auto", or one that the engine lists.
        callbacks: who hears of it.
    """

    def __init__(self, engine: Engine, mrs: Mapping[str, Any], bundle: str, device: str, callbacks: Callbacks) -> None:
        super().__init__(engine, list(mrs.values()), callbacks)
        self._mrs, self._bundle, self._device = dict(mrs), bundle, device

    def _begin(self) -> None:
        self._run_steps(self._write(), self._submit)

    def _write(self) -> Generator[Any, None, dict[str, Any]]:
        """The MRs as files, where navigation has them; gives the parameters for the engine."""
        self._report(0.0, _("preparing the images"))
        yield
        self._inputs = {name: mr_fingerprint(node) for name, node in self._mrs.items()}
        self._size = next(iter(self._mrs.values())).GetImageData().GetDimensions()
        self._job = job = self._engine.job()
        paths = {}
        for number, (name, node) in enumerate(self._mrs.items()):
            paths[name] = path = job.folder / f"{name}.mha"
            for share in write_volume_steps(node, path, before_to_world(node) @ ijk_to_ras(node)):
                self._report(WRITTEN * (number + share) / len(self._mrs), _("preparing the images"))
                yield
        first = next(iter(paths.values()))
        return {"inputs": paths, "reference": first, "bundle": self._bundle, "device": self._device}

    def _submit(self, parameters: dict[str, Any]) -> None:
        self._ask("segment", parameters)

    def _engine_progressed(self, fraction: float, message: str) -> None:
        self._report(WRITTEN + (ANSWERED - WRITTEN) * fraction, message)

    def _answered(self, answer: Message) -> None:
        try:
            told = SegmentationAnswer.from_json(answer)
            self._job = kept = self._engine.job()
            path = moved_to(told.labels, kept)
            self._run_steps(read_steps(path), lambda labels: self._finish(labels, told))
        except Exception as error:
            self._raised(error)

    def _finish(self, labels: FileImage, told: SegmentationAnswer) -> None:
        if labels.array.shape[::-1] != self._size:
            raise ValueError("the grid of the outline is not that of the MR")
        node = middle = None
        if labels.array.any():
            drawn_on = next(iter(self._mrs.values()))
            title = _("Tumour outline, computed, not drawn by a person")
            node = store_outline(labels.array, told.segments, drawn_on, title)
            middle = (ijk_to_world(drawn_on) @ [*middle_of(labels.array), 1.0])[:3]
            found = tuple(segment_fingerprints(node))
            remember(node, OutlineMade(self._inputs, found, told.bundle, told.weights_sha256), self._mrs)
        self._done(Outlined(node, middle, told.volumes_ml, time.monotonic() - self._began, told.notice))
