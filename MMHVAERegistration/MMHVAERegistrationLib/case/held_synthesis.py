"""The synthesis of another module's Apply, whose answer is kept in memory instead of being put into the scene."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from mmhvae.answers import ReconstructionAnswer
from MMHVAESynthesisLib.nodes import FileImage
from MMHVAESynthesisLib.synthesis import AnswerFiles, Provenance, ReadResults, SynthesisRun


@dataclass(frozen=True)
class Held:
    """A whole answer, and what it was made of; its images lie in world coordinates."""

    read: ReadResults
    made: Provenance

    @property
    def images(self) -> Mapping[str, FileImage]:
        """Synthetic images by modality."""
        return self.read.images

    @property
    def uncertainty(self) -> Mapping[str, FileImage]:
        """Their uncertainty by modality, possibly of none."""
        return self.read.uncertainty

    @property
    def ultrasound(self) -> FileImage | None:
        """The reconstruction, where the ultrasound is a sweep."""
        return self.read.ultrasound

    @property
    def notice(self) -> str:
        """What the user should know of how it went."""
        return self.read.notice


class HeldSynthesis(SynthesisRun):
    """As :class:`MMHVAESynthesisLib.synthesis.SynthesisRun`; a :class:`Held` is told, which would have been stored."""

    def _finish(self, read: ReadResults) -> None:
        self._done(Held(read, self._made))


class HeldReconstruction(HeldSynthesis):
    """The volume of a sweep alone, where no model takes part."""

    def _settings(self) -> dict[str, Any]:
        return {}

    def _submit(self, parameters: dict[str, Any]) -> None:
        self._ask("reconstruct", parameters["sweep"])

    def _files(self, answer: dict[str, Any]) -> AnswerFiles:
        return AnswerFiles({}, {}, ReconstructionAnswer.from_json(answer).ultrasound)
