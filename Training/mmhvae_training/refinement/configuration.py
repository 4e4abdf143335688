"""What a run of the refinement is: typed settings, one group an idea."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from mmhvae.network import RefinementConfig
from mmhvae.settings import SynthesisSettings

from ..configuration import AdamWConfig, Norm, RunSettings, require


@dataclass(frozen=True)
class SynthesesConfig:
    """What is learnt from: what a bundle's 2-D network makes of simulated cases, and the truth beside it.

    Args:
        cases: folder with one folder a case, as simulate.py writes them.
        bundle: whose network is refined; the refinement belongs to its weights.
        cache: folder that keeps the syntheses, so that a resumed run need not make them again.
        views: syntheses a case, each with a slicing axis, inputs and noise of its own.
        ultrasound_alone: share of the views with the ultrasound as the only input; the others have any inputs.
        temperatures: range of the noise's factor.
        crop: voxels (S, H, W) of a patch; even.
        margin: voxels at a patch's border that are shown and not judged: what they depend on is cut off.
        batch_size: patches of a step, over all devices together.
    """

    cases: Path
    bundle: Path
    cache: Path
    views: int = 1
    ultrasound_alone: float = 0.6
    temperatures: tuple[float, float] = (0.0, SynthesisSettings.temperature)
    crop: tuple[int, int, int] = (64, 64, 64)
    margin: int = 8
    batch_size: int = 2

    def __post_init__(self) -> None:
        require(self.batch_size >= 1, "data.batch_size should be at least 1.")
        require(self.views >= 1, "data.views should be at least 1.")
        require(0 <= self.ultrasound_alone <= 1, "data.ultrasound_alone should be between 0 and 1.")
        require(0 <= self.temperatures[0] <= self.temperatures[1], "data.temperatures should be a rising range.")
        require(all(side >= 2 and side % 2 == 0 for side in self.crop), "data.crop should have even sides.")
        require(0 <= self.margin < min(self.crop) / 2, "data.margin should leave something of data.crop.")


@dataclass(frozen=True)
class RefinementLossConfig:
    """How far a refined volume is from the truth, over the voxels of all that was not given.

    Args:
        norm: ``l1`` or ``l2`` squared, of volumes in [0, 1].
        correlation_weight: of one minus the local correlation in cubes of 9 voxels.
    """

    norm: Norm = "l1"
    correlation_weight: float = 0.0


@dataclass(frozen=True)
class CosineConfig(AdamWConfig):
    """AdamW whose rate falls along a cosine to 0."""

    steps: int = 2000
    learning_rate: float = 2e-3
    weight_decay: float = 1e-4
    gradient_clip: float | None = 1.0

    def rate(self, step: int) -> float:
        """The learning rate of a step, counted from 0."""
        return self.learning_rate * 0.5 * (1 + math.cos(math.pi * step / self.steps))


@dataclass(frozen=True, kw_only=True)
class RefinementRun(RunSettings):
    """A run of the refinement."""

    data: SynthesesConfig
    architecture: RefinementConfig = field(default_factory=RefinementConfig)
    loss: RefinementLossConfig = field(default_factory=RefinementLossConfig)
    optimisation: CosineConfig = field(default_factory=CosineConfig)

    def network_description(self) -> dict[str, Any]:
        """What a checkpoint says of its network."""
        return {"refinement": asdict(self.architecture)}
