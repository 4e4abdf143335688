"""What a run of the brain extractor is: typed settings, one group an idea."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from mmhvae.segmentation import MODALITIES, PlainUNetConfig

from ..configuration import PolynomialConfig, RunSettings, require
from ..segmentation import PatientsConfig

LEVELS = 5


@dataclass(frozen=True)
class HeadsConfig(PatientsConfig):
    """Patients, and the heads that are drawn around their brains.

    Args:
        batch_size: heads of a step, each shown in one contrast.
        spacing: mm, of the isotropic grid that is worked on.
        smallest, largest: sides (voxels) between which a grid's are drawn.
        heads: share with something around the brain; the others are stripped already.
        recoloured: share of those whose tissues have any grey level, so that no scanner's is learnt by heart.
        weights: how often T1, ceT1, T2 and FLAIR are drawn, relative to one another.
    """

    batch_size: int = 2
    spacing: float = 3.0
    smallest: int = 48
    largest: int = 80
    heads: float = 0.85
    recoloured: float = 0.5
    weights: tuple[float, ...] = (1.0,) * len(MODALITIES)

    def __post_init__(self) -> None:
        super().__post_init__()
        require(1 <= self.spacing <= 6, "data.spacing should be between 1 and 6 mm.")
        require(0 < self.smallest <= self.largest, "data.smallest should be positive, and not above data.largest.")
        for name in ("heads", "recoloured"):
            require(0 <= getattr(self, name) <= 1, f"data.{name} should be between 0 and 1.")
        drawn = len(self.weights) == len(MODALITIES) and min(self.weights) >= 0 and sum(self.weights) > 0
        require(drawn, f"data.weights should be {len(MODALITIES)} numbers, none below 0 and one above.")


def _small() -> PlainUNetConfig:
    """0.4 million weights: a network that learns where a brain ends needs few, and sees the head in one look."""
    strides = ((1, 1, 1), *((2, 2, 2),) * (LEVELS - 1))
    return PlainUNetConfig((8, 16, 32, 40, 40), ((3, 3, 3),) * LEVELS, strides, (2,) * LEVELS, (2,) * (LEVELS - 1))


@dataclass(frozen=True, kw_only=True)
class BrainConfiguration(RunSettings):
    """A run of the brain extractor; ``start_from`` is another run or its bundle, whose weights it begins with."""

    data: HeadsConfig
    start_from: Path | None = None
    architecture: PlainUNetConfig = field(default_factory=_small)
    optimisation: PolynomialConfig = field(default_factory=PolynomialConfig)

    def __post_init__(self) -> None:
        multiple = max(self.architecture.multiple)
        whole = self.data.smallest % multiple == self.data.largest % multiple == 0
        require(whole, f"data.smallest and data.largest should be divisible by {multiple}.")

    def network_description(self) -> dict[str, Any]:
        """What a checkpoint says of its network."""
        return {"architecture": asdict(self.architecture), "brain_spacing": self.data.spacing}
