"""What outlining in MR and in ultrasound share as runs: the engine's answer becomes a node that knows what it is of."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Generator, Mapping, Sequence
from typing import Any, ClassVar

from mmhvae.answers import SegmentAnswer, SegmentationAnswer, UltrasoundOutlineAnswer
from mmhvae.bundle import InstalledBundle
from mmhvae.protocol import Message
from MMHVAESynthesisLib.engine import Callbacks, Engine, EngineRun, moved_to
from MMHVAESynthesisLib.nodes import FileImage, Fingerprint, ijk_to_world, read_steps, segment_fingerprints
from numpy.typing import NDArray

from .outline_inputs import OutlineMade, looks_of, remember
from .outline_nodes import middle_of, store_outline

#: Shares of the progress at which the engine has its files, and has answered.
WRITTEN, ANSWERED = 0.1, 0.95
Told = SegmentationAnswer | UltrasoundOutlineAnswer


class ComputedRun(EngineRun):
    """One outline, by the engine's task ``TASK``, which answers with an ``ANSWER``; at the end the scene is changed.

    Args:
        engine: does the work.
        nodes: that are read.
        segmenter: the installed model that outlines.
        device: "auto", or one that the engine lists.
        callbacks: who hears of it.
    """

    TASK: ClassVar[str]
    ANSWER: ClassVar[type[Any]]

    def __init__(
        self, engine: Engine, nodes: list[Any], segmenter: InstalledBundle, device: str, callbacks: Callbacks
    ) -> None:
        super().__init__(engine, nodes, callbacks)
        self._segmenter, self._device = segmenter, device

    @abstractmethod
    def _write(self) -> Generator[Any, None, dict[str, Any]]:
        """The images as files; gives the parameters for the engine, without the model and the device."""

    @abstractmethod
    def _finish(self, labels: FileImage, told: Any) -> None:
        """Put the labels into the scene, and tell what came of it."""

    def _begin(self) -> None:
        by = {"bundle": str(self._segmenter.path), "device": self._device}
        self._run_steps(self._write(), lambda images: self._ask(self.TASK, images | by))

    def _engine_progressed(self, fraction: float, message: str) -> None:
        self._report(WRITTEN + (ANSWERED - WRITTEN) * fraction, message)

    def _answered(self, answer: Message) -> None:
        try:
            told = self.ANSWER.from_json(answer)
            self._job = kept = self._engine.job()
            path = moved_to(told.labels, kept)
            self._run_steps(read_steps(path), lambda labels: self._finish(labels, told))
        except Exception as error:
            self._raised(error)

    def _drawn(
        self,
        labels: FileImage,
        segments: Sequence[SegmentAnswer],
        sources: Mapping[str, Any],
        inputs: Mapping[str, Fingerprint],
        told: Told,
        title: str,
    ) -> tuple[Any, NDArray[Any] | None]:
        """The outline as a node named ``title`` beside the first source, and a place within it, (3,) RAS mm in world.

        Both are None where there is no tumour.

        Args:
            sources, inputs: what was outlined, by name: nodes, and their fingerprints when they were written.
        """
        drawn_on = next(iter(sources.values()))
        if labels.array.shape[::-1] != drawn_on.GetImageData().GetDimensions():
            raise ValueError(f"the grid of the outline is not that of {drawn_on.GetName()}")
        if not labels.array.any():
            return None, None
        node = store_outline(labels.array, segments, drawn_on, title)
        found, model = tuple(segment_fingerprints(node)), self._segmenter.name
        remember(node, OutlineMade(inputs, found, looks_of(node), model, told.weights_sha256), sources)
        return node, (ijk_to_world(drawn_on) @ [*middle_of(labels.array), 1.0])[:3]
