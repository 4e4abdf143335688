"""What a run of the personalised network is: typed settings, one group an idea."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal

from ..configuration import AdamWConfig, RunSettings, require
from ..segmentation import PatientsConfig
from .algorithms import Constraints
from .configuration import PersonalisedConfig

Task = Literal["pretraining", "transfer", "segmentation"]


@dataclass(frozen=True)
class VolumesConfig(PatientsConfig):
    """Patients, and the sub-volumes that are drawn of them; the contrastive loss needs two a device.

    Args:
        spacing: whole millimetres; volumes are averaged over blocks of so many voxels.
        flip, quarter_turn: how often each axis is flipped, and the patient turned about z.
    """

    batch_size: int = 2
    spacing: int = 1
    flip: float = 0.2
    quarter_turn: float = 0.2

    def __post_init__(self) -> None:
        super().__post_init__()
        require(self.spacing >= 1, "data.spacing should be a whole number of millimetres, at least 1.")


@dataclass(frozen=True, kw_only=True)
class PersonalisedRun(RunSettings):
    """A run of the personalised network. A step goes through all modalities, one update each.

    Args:
        task: pre-training (Algorithm 1), or fine-tuning (Algorithm 2) for transfer or segmentation.
        optimisation: AdamW at a constant rate, as in the paper and its authors' code.
        start_from: folder of another run, whose averaged weights this one begins with, output layer aside.
    """

    data: VolumesConfig
    task: Task = "pretraining"
    architecture: PersonalisedConfig = field(default_factory=PersonalisedConfig)
    constraints: Constraints = field(default_factory=Constraints)
    optimisation: AdamWConfig = field(default_factory=AdamWConfig)
    start_from: Path | None = None

    def __post_init__(self) -> None:
        labelled = self.architecture.classes is not None
        require(labelled == (self.task == "segmentation"), "architecture.classes belongs to task segmentation, only.")
        terms = self.constraints
        learns = terms.decomposition or terms.inpainting or terms.equivariance or terms.contrastive
        require(learns or self.task != "pretraining", "The constraints leave nothing to learn; switch another one on.")
        heads = terms.equivariance or terms.contrastive
        fits = not heads or self.architecture.network == "swin" or self.task != "pretraining"
        require(fits, "A U-Net has no heads: constraints.contrastive and .equivariance should be false.")
        enough = self.data.batch_size >= 2 or not self._contrasts
        require(enough, "data.batch_size should be 2 or more a device, for the contrastive loss.")

    @property
    def _contrasts(self) -> bool:
        return self.task == "pretraining" and self.constraints.contrastive

    def shared_sizes(self) -> dict[str, int]:
        """Settings that must divide evenly among the devices."""
        name, pairs = "half of data.batch_size", self.data.batch_size // 2
        return {name: pairs} if self._contrasts else super().shared_sizes()

    def network_description(self) -> dict[str, Any]:
        """What a checkpoint says of its network, its crop included."""
        return {"architecture": asdict(self.architecture), "spacing": self.data.spacing}
