"""The measure that any synthesis has to beat: one grey level for a whole volume, the best there is."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from mmhvae.images import MODALITIES

from ..objective import subsets_of
from .judged_case import SIDE, SPACING_MM, JudgedCase
from .network_source import Prediction


@dataclass(frozen=True)
class ConstantSource:
    """Every target as its own mean in the field of view, which no other constant's squared error undercuts.

    It knows the truth and no input, so that its scores are the same for every subset.

    Attributes:
        spacing: mm, at which cases are judged.
        side: pixels of their slices.
    """

    spacing: float = SPACING_MM
    side: int = SIDE
    modalities: tuple[str, ...] = tuple(MODALITIES)
    facts: dict[str, Any] = field(default_factory=lambda: {"image": "best constant"})

    def predictions(self, case: JudgedCase) -> Iterator[Prediction]:
        """The same images for every subset of the observed modalities, all slices at once."""
        inside = case.mask.astype(np.float32)
        images = {name: inside * truth[case.mask].mean() for name, truth in case.truths.items()}
        observed = [name for name in self.modalities if name in case.inputs]
        for subset in sorted(subsets_of(observed), key=len):
            yield Prediction(subset, slice(0, len(case.numbers)), images)
