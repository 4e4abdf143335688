"""What is trained and judged: an encoder whose bottleneck represents the patient, and a decoder of all modalities."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import ClassVar

from torch import Tensor, nn

from .configuration import PersonalisedConfig


@dataclass(frozen=True)
class Features:
    """What an encoder makes of one input: z, and everything else that the decoder sees of this modality.

    Attributes:
        z: (B, C, g, g, g), the bottleneck; of the paper's E: (B, 16 f, g, g, g).
        hidden: by falling resolution; of E h0 to h3, (B, f, S/2), (B, 2 f, S/4), (B, 4 f, S/8), (B, 8 f, S/16).
        image: (B, M, S, S, S), the input itself, through which D knows the modality.
    """

    z: Tensor
    hidden: tuple[Tensor, ...]
    image: Tensor


class RepresentationNetwork(nn.Module, ABC):
    """A network in three parts.

    Shapes:
        forward: (B, M, *crop) -> (B, outputs, *crop).
    """

    OUTPUT_LAYER: ClassVar[str]
    """How the names of the last layer's parameters begin."""

    def __init__(self, config: PersonalisedConfig) -> None:
        super().__init__()
        self.config = config

    @abstractmethod
    def encode(self, image: Tensor) -> Features:
        """(B, M, *crop) -> features."""

    def personalise(self, z: Tensor) -> Tensor:
        """X' of equation 6's right-hand side; z itself without a prior."""
        return z

    @abstractmethod
    def decode(self, fused: Tensor, features: Features) -> Tensor:
        """All modalities at once (B, M, *crop), or logits of the classes."""

    def forward(self, image: Tensor) -> Tensor:
        features = self.encode(image)
        return self.decode(self.personalise(features.z), features)
