"""One outline in the ultrasound, compared with the pre-operative one where that lies now."""

from __future__ import annotations

import time
from collections.abc import Callable, Generator
from dataclasses import dataclass
from typing import Any

import numpy as np
from mmhvae import InputError
from mmhvae.answers import OutlineAgreement, UltrasoundOutlineAnswer
from mmhvae.bundle import InstalledBundle
from MMHVAESynthesisLib.engine import Callbacks, Engine
from MMHVAESynthesisLib.nodes import (
    FLIP,
    FileImage,
    Matrix,
    fingerprint,
    layer_steps,
    parent_to_world,
    require_known_place,
    write_image_steps,
    write_volume_steps,
)
from numpy.typing import NDArray
from slicer.i18n import tr as _

from .computed_run import WRITTEN, ComputedRun
from .outline_inputs import US, outlines

#: Of an outline that was computed in MR only the core is compared: oedema is no part of the one in ultrasound.
CORE = ("computed-2", "computed-3")


@dataclass(frozen=True)
class UltrasoundOutlined:
    """What came of it.

    Attributes:
        node: None where no tumour was found.
        volume_ml: of what was found.
        model: that found it.
        compared: the pre-operative outline's node, None where there was none, and ``between``: its pose against the
            ultrasound's then (4, 4).
        agreement: of the two; None where there was nothing to compare.
        middle: a place within the tumour, (3,) RAS mm in world; None where there is none.
        notice: how the work went, where that is worth a word.
    """

    node: Any
    volume_ml: float
    model: str
    compared: Any
    between: Matrix | None
    agreement: OutlineAgreement | None
    middle: NDArray[np.float64] | None
    seconds: float
    notice: str


class UltrasoundOutlineRun(ComputedRun):
    """One outline; an :class:`UltrasoundOutlined` is told.

    Args:
        engine, segmenter, device, callbacks: see :class:`ComputedRun`.
        ultrasound: the volume node, on whose grid the tumour is drawn, and with which it lies.
        preoperative: the segmentation node to compare with, where it lies now; None: none.
    """

    TASK, ANSWER = "outline_ultrasound", UltrasoundOutlineAnswer

    def __init__(
        self,
        engine: Engine,
        ultrasound: Any,
        preoperative: Any,
        segmenter: InstalledBundle,
        device: str,
        callbacks: Callbacks,
    ) -> None:
        nodes = [node for node in (ultrasound, preoperative) if node is not None]
        super().__init__(engine, nodes, segmenter, device, callbacks)
        self._ultrasound, self._preoperative = ultrasound, preoperative
        self._between: Matrix | None = None

    def _write(self) -> Generator[Any, None, dict[str, Any]]:
        """The ultrasound and the other outline as files, both in the world; see :meth:`.ComputedRun._write`."""
        self._report(0.0, _("preparing the images"))
        yield
        self._made = {US: fingerprint(self._ultrasound)}
        self._job = job = self._engine.job()
        path = job.folder / "us.mha"
        for share in write_volume_steps(self._ultrasound, path):
            self._report(WRITTEN * share, _("preparing the images"))
            yield
        if self._preoperative is None:
            return {"ultrasound": path}
        return {"ultrasound": path, "compare_with": (yield from self._write_other())}

    def _write_other(self) -> Generator[Any, None, dict[str, Any]]:
        node, paths = self._preoperative, {}
        require_known_place(node)
        above = parent_to_world(node)
        self._between = between(node, self._ultrasound)
        layers = yield from layer_steps(node, _wanted(node))
        if not layers:
            raise InputError(_("{name} holds no segments; choose another one.").format(name=node.GetName()))
        assert self._job is not None
        for number, layer in enumerate(layers):
            paths[str(number)] = path = self._job.folder / f"other-{number}.mha"
            place = FLIP @ above @ layer.ijk_to_ras
            yield from write_image_steps((layer.array != 0).astype(np.uint8), place, path, node.GetName())
        return paths

    def _finish(self, labels: FileImage, told: UltrasoundOutlineAnswer) -> None:
        title, sources = _("Tumour in the ultrasound, computed, not drawn by a person"), {US: self._ultrasound}
        node, middle = self._drawn(labels, [told.segment], sources, self._made, told, title)
        outlined = UltrasoundOutlined(
            node=node,
            volume_ml=told.volume_ml,
            model=self._segmenter.label,
            compared=self._preoperative,
            between=self._between,
            agreement=told.agreement,
            middle=middle,
            seconds=time.monotonic() - self._began,
            notice=told.notice,
        )
        self._done(outlined)


def between(segmentation: Any, ultrasound: Any) -> Matrix:
    """(4, 4) from a segmentation's own coordinates to the ultrasound's: what a registration changes."""
    matrix: Matrix = np.linalg.inv(parent_to_world(ultrasound)) @ parent_to_world(segmentation)
    return matrix


def _wanted(node: Any) -> Callable[[str], bool]:
    """Which segments are compared: the core of an outline that was computed in MR, all of any other."""
    segmentation = node.GetSegmentation()
    core = [name for name in CORE if segmentation.GetSegment(name) is not None]
    if core and any(node is other for other in outlines()):
        return lambda name: name in core
    return lambda name: True
