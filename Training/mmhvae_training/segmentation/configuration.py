"""What a run of the segmenter is: typed settings, one group an idea."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from mmhvae.segmentation import UNetConfig

from ..configuration import AdamWConfig, DeviceConfig, RunSettings, require


@dataclass(frozen=True)
class PatientsConfig:
    """Which patients are learnt from.

    Args:
        folder: of BraTS' layout, one folder a patient.
        split: JSON with lists of names; those of ``part`` are read.
        batch_size: of a step, over all devices together.
    """

    folder: Path
    split: Path
    part: str = "train"
    batch_size: int = 1

    def __post_init__(self) -> None:
        require(self.batch_size >= 1, "data.batch_size should be at least 1.")


@dataclass(frozen=True)
class ViewsConfig(PatientsConfig):
    """Patients, and the views that are drawn of them.

    Args:
        crop: voxels (D, H, W) of a view.
        heads: share of the views with a simulated head around the brain.
        alone: share of the views that show one contrast alone, each as often as the others; the rest shows all four in
            a quarter, or any of the 15 subsets. The first segmenter (0) had not learnt even its own patients from one
            contrast: whole tumour by T2 0.57, enhancing tumour by ceT1 0.36.
    """

    crop: tuple[int, int, int] = (96, 112, 96)
    heads: float = 0.6
    alone: float = 0.0

    def __post_init__(self) -> None:
        super().__post_init__()
        require(0 <= self.heads <= 1, "data.heads should be between 0 and 1.")
        require(0 <= self.alone <= 1, "data.alone should be between 0 and 1.")


@dataclass(frozen=True)
class TrapezoidConfig(AdamWConfig):
    """AdamW with a warm-up, a plateau and a linear way down to 0, which can be moved while the run is on the plateau.

    Args:
        warm_up, decay: steps in which the learning rate rises at the start and falls at the end.
        last_layer: times the learning rate at which the last layer learns. Normalised features reach the logits through
            it alone, and Adam's steps are of one size: at 1, one view is not learnt by heart in 60 steps (Dice loss
            0.32), at 10 it is in 40 (0.12).
    """

    steps: int = 5000
    learning_rate: float = 2e-3
    warm_up: int = 50
    decay: int = 4200
    weight_decay: float = 1e-4
    gradient_clip: float | None = 3.0
    average_decay: float = 0.995
    last_layer: float = 8.0

    def __post_init__(self) -> None:
        super().__post_init__()
        require(self.last_layer > 0, "optimisation.last_layer should be above 0.")
        require(self.warm_up >= 1 and self.decay >= 1, "optimisation.warm_up and .decay should be at least 1.")

    def rate(self, step: int) -> float:
        """The learning rate of a step, counted from 0."""
        return self.learning_rate * min(1.0, (step + 1) / self.warm_up, (self.steps - step) / self.decay)


@dataclass(frozen=True, kw_only=True)
class SegmenterConfiguration(RunSettings):
    """A run of the segmenter; ``start_from`` is another run or a segmenter's bundle, whose weights it begins with."""

    data: ViewsConfig
    start_from: Path | None = None
    architecture: UNetConfig = field(default_factory=UNetConfig)
    optimisation: TrapezoidConfig = field(default_factory=TrapezoidConfig)
    device: DeviceConfig = field(default_factory=lambda: DeviceConfig(precision="bf16-mixed"))

    def __post_init__(self) -> None:
        whole = all(side % self.architecture.multiple == 0 for side in self.data.crop)
        require(whole, f"data.crop should have sides divisible by {self.architecture.multiple}.")

    def network_description(self) -> dict[str, Any]:
        """What a checkpoint says of its network."""
        return {"architecture": asdict(self.architecture), "crop": list(self.data.crop)}
