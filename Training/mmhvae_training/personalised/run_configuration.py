"""What a run of the personalised network is: typed settings, one group an idea."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal

from ..configuration import DeviceConfig, OutputConfig, plain, require
from .algorithms import Constraints
from .configuration import PersonalisedConfig

Task = Literal["pretraining", "transfer", "segmentation"]


@dataclass(frozen=True)
class VolumesConfig:
    """Which patients are learnt from.

    Args:
        folder: of BraTS' layout, one folder a patient.
        split: JSON with lists of names; those of ``part`` are read.
        spacing: whole millimetres; volumes are averaged over blocks of so many voxels.
        batch_size: sub-volumes a step, over all devices together; the contrastive loss needs two a device.
        flip, quarter_turn: how often each axis is flipped, and the patient turned about z.
    """

    folder: Path
    split: Path
    part: str = "train"
    spacing: int = 1
    batch_size: int = 2
    flip: float = 0.2
    quarter_turn: float = 0.2

    def __post_init__(self) -> None:
        require(self.batch_size >= 1, "data.batch_size should be at least 1.")
        require(self.spacing >= 1, "data.spacing should be a whole number of millimetres, at least 1.")


@dataclass(frozen=True)
class ConstantAdamWConfig:
    """AdamW at a constant rate, as in the paper and its authors' code.

    Args:
        steps: length of the run; a step goes through all modalities, one update each.
    """

    steps: int = 1000
    learning_rate: float = 2e-4
    weight_decay: float = 1e-5
    gradient_clip: float | None = None
    average_decay: float = 0.995

    def __post_init__(self) -> None:
        require(self.steps >= 1, "optimisation.steps should be at least 1.")


@dataclass(frozen=True)
class PersonalisedRun:
    """A run; ``run`` is its folder.

    Args:
        task: pre-training (Algorithm 1), or fine-tuning (Algorithm 2) for transfer or segmentation.
        start_from: folder of another run, whose averaged weights this one begins with, output layer aside.
    """

    run: Path
    data: VolumesConfig
    task: Task = "pretraining"
    architecture: PersonalisedConfig = field(default_factory=PersonalisedConfig)
    constraints: Constraints = field(default_factory=Constraints)
    optimisation: ConstantAdamWConfig = field(default_factory=ConstantAdamWConfig)
    output: OutputConfig = field(default_factory=OutputConfig)
    device: DeviceConfig = field(default_factory=DeviceConfig)
    start_from: Path | None = None
    seed: int = 0

    def __post_init__(self) -> None:
        labelled = self.architecture.classes is not None
        require(labelled == (self.task == "segmentation"), "architecture.classes belongs to task segmentation, only.")
        enough = self.data.batch_size >= 2 or not self._contrasts
        require(enough, "data.batch_size should be 2 or more a device, for the contrastive loss.")

    @property
    def _contrasts(self) -> bool:
        return self.task == "pretraining" and self.constraints.contrastive

    def plain(self) -> dict[str, Any]:
        """As nested dictionaries, lists, numbers and texts: what JSON can hold."""
        return plain(self)

    def shared_sizes(self) -> dict[str, int]:
        """Settings that must divide evenly among the devices."""
        name, pairs = "half of data.batch_size", self.data.batch_size // 2
        return {name: pairs} if self._contrasts else {"data.batch_size": self.data.batch_size}

    def network_description(self) -> dict[str, Any]:
        """What a checkpoint says of its network, its crop included."""
        return {"architecture": asdict(self.architecture), "spacing": self.data.spacing}
