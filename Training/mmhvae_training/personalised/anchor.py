"""The anchor of the invariance loss: what the modalities seen so far say X' is."""

from __future__ import annotations

from typing import Literal

from torch import Tensor

AnchorKind = Literal["running", "mean"]


class Anchor:
    """Grows with every modality of a step; never carries a gradient.

    Args:
        kind: ``running``, A <- (A + X') / 2 as in Algorithm 1, so that four modalities weigh 1/8, 1/8, 1/4 and 1/2; or
            their ``mean``, as the text at equation 3 has it.
    """

    def __init__(self, kind: AnchorKind = "running") -> None:
        self.kind = kind
        self.value: Tensor | None = None
        self.count = 0

    def add(self, fused: Tensor) -> None:
        """One more modality's X'."""
        self.count += 1
        share = 1.0 if self.value is None else 0.5 if self.kind == "running" else 1 / self.count
        fused = fused.detach()
        self.value = fused if self.value is None else self.value + share * (fused - self.value)
