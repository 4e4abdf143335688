"""What one registration found: the pose, and how far it can be trusted."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from mmhvae.settings import RegistrationSettings
from MMHVAESynthesisLib.nodes import Matrix

GOOD, CHECK, FAILED = "good", "check", "failed"


@dataclass(frozen=True)
class Outcome:
    """One registration.

    Attributes:
        world: (4, 4), from where the navigation shows the MRs to where they belong, world coordinates, RAS mm.
        verdict: "good", "check" or "failed".
        expected_error_mm: or None where it cannot be told.
        reason: one or two plain sentences.
        evidence: what the verdict was judged by.
        witnessed: which routes agree within how many mm, a sentence.
        moved_mm, moved_deg: from the start, over the field of view.
        start: where it started, "navigation", or where it was put by "hand" or by the "centres".
        similarity_before, similarity_after: of the metric.
        contrasts: modalities that took part.
        settings: with which it was made.
        bundle, weights_sha256: of the model, "" where none took part.
        inputs: what was registered, see :mod:`.outcome_inputs`.
        region, region_kind: name of what the ultrasound was registered within, and "box", "segmentation" or "segment";
            "" for all of it.
        region_share: of the ultrasound's field of view that lies within, 0 to 1; None for all of it.
        device, seconds, notice: how the work went.
    """

    world: Matrix
    verdict: str
    expected_error_mm: float | None
    reason: str
    moved_mm: float
    moved_deg: float
    start: str = "navigation"
    evidence: Mapping[str, Any] = field(default_factory=dict)
    similarity_before: float = 0.0
    similarity_after: float = 0.0
    contrasts: tuple[str, ...] = ()
    settings: RegistrationSettings = field(default_factory=RegistrationSettings)
    bundle: str = ""
    weights_sha256: str = ""
    inputs: Mapping[str, Any] = field(default_factory=dict)
    region: str = ""
    region_kind: str = ""
    region_share: float | None = None
    device: str = ""
    seconds: float = 0.0
    notice: str = ""
    witnessed: str = ""

    @property
    def is_direct(self) -> bool:
        """Whether the ultrasound itself was registered."""
        return self.settings.method == "direct"

    @property
    def preview(self) -> bool:
        """Whether it stopped early."""
        return self.settings.preview

    def to_json(self) -> dict[str, Any]:
        """For a node's attribute; every digit is kept."""
        plain = {"world": self.world.ravel().tolist(), "contrasts": list(self.contrasts)}
        return vars(self) | plain | {"settings": self.settings.to_json()}

    @staticmethod
    def from_json(stored: Mapping[str, Any]) -> Outcome:
        """The inverse of :meth:`to_json`."""
        world, contrasts = np.reshape(stored["world"], (4, 4)), tuple(stored["contrasts"])
        settings = RegistrationSettings.from_json(stored["settings"])
        return Outcome(**dict(stored) | {"world": world, "contrasts": contrasts, "settings": settings})
