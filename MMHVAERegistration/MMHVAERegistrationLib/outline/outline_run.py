"""One outline in MRs: these as files for the engine, its answer as a segmentation node."""

from __future__ import annotations

import time
from collections.abc import Generator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from mmhvae.answers import SegmentationAnswer
from mmhvae.bundle import InstalledBundle
from MMHVAESynthesisLib.engine import Callbacks, Engine
from MMHVAESynthesisLib.nodes import FileImage, ijk_to_ras, write_volume_steps
from numpy.typing import NDArray
from slicer.i18n import tr as _

from ..case import mr_fingerprint
from ..pose import before_to_world
from .computed_run import WRITTEN, ComputedRun


@dataclass(frozen=True)
class Outlined:
    """What came of it: the node (None where no tumour was found), volumes by region, by what, and how the work went.

    ``middle`` is a place within the tumour, (3,) RAS mm in world; None where there is none.
    """

    node: Any
    middle: NDArray[np.float64] | None
    volumes_ml: Mapping[str, float]
    model: str
    seconds: float
    notice: str


class OutlineRun(ComputedRun):
    """One outline; an :class:`Outlined` is told.

    Args:
        engine, segmenter, device, callbacks: see :class:`ComputedRun`.
        mrs: contrast -> volume node, at least one; the tumour is drawn on the first one's grid, and lies with it.
    """

    TASK, ANSWER = "segment", SegmentationAnswer

    def __init__(
        self, engine: Engine, mrs: Mapping[str, Any], segmenter: InstalledBundle, device: str, callbacks: Callbacks
    ) -> None:
        super().__init__(engine, list(mrs.values()), segmenter, device, callbacks)
        self._mrs = dict(mrs)

    def _write(self) -> Generator[Any, None, dict[str, Any]]:
        """The MRs as files, where navigation has them; see :meth:`.ComputedRun._write`."""
        self._report(0.0, _("preparing the images"))
        yield
        self._inputs = {name: mr_fingerprint(node) for name, node in self._mrs.items()}
        self._job = job = self._engine.job()
        paths = {}
        for number, (name, node) in enumerate(self._mrs.items()):
            paths[name] = path = job.folder / f"{name}.mha"
            for share in write_volume_steps(node, path, before_to_world(node) @ ijk_to_ras(node)):
                self._report(WRITTEN * (number + share) / len(self._mrs), _("preparing the images"))
                yield
        first = next(iter(paths.values()))
        return {"inputs": paths, "reference": first}

    def _finish(self, labels: FileImage, told: SegmentationAnswer) -> None:
        title = _("Tumour outline, computed, not drawn by a person")
        node, middle = self._drawn(labels, told.segments, self._mrs, self._inputs, told, title)
        seconds = time.monotonic() - self._began
        self._done(Outlined(node, middle, told.volumes_ml, self._segmenter.label, seconds, told.notice))
