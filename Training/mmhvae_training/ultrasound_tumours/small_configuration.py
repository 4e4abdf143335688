"""What a run of the small network is: typed settings, one group an idea."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from ..configuration import PolynomialConfig, RunSettings, require


@dataclass(frozen=True)
class ExamplesConfig:
    """What is learnt from: patches of one fold's cases.

    Args:
        folder: of a data set that make_segmentation_dataset.py made.
        fold: number of the fold.
        batch_size: patches of a step, over all devices together.
        patch: voxels (D, H, W).
        spacing: mm, of the isotropic grid that is worked on.
        tumour_share: of the patches that are centred in the tumour; the others are anywhere in the field of view.
    """

    folder: Path
    fold: int = 0
    batch_size: int = 2
    patch: tuple[int, int, int] = (64, 64, 64)
    spacing: float = 1.0
    tumour_share: float = 0.67

    def __post_init__(self) -> None:
        require(self.batch_size >= 1, "data.batch_size should be at least 1.")
        require(0.25 <= self.spacing <= 4, "data.spacing should be between 0.25 and 4 mm.")
        require(0 <= self.tumour_share <= 1, "data.tumour_share should be between 0 and 1.")


@dataclass(frozen=True)
class SmallUNetConfig:
    """MONAI's DynUNet, which is nnU-Net's plain network: channels of each level, each half as fine.

    The default has 1.40 million parameters; nnU-Net's own choice begins at 32 channels and has twice the levels.
    """

    channels: tuple[int, ...] = (16, 32, 64, 128)

    def __post_init__(self) -> None:
        enough = len(self.channels) >= 3 and min(self.channels) >= 1
        require(enough, "architecture.channels should be three or more positive numbers.")

    @property
    def multiple(self) -> int:
        """Every side of a patch is a multiple of this many voxels."""
        return 2 ** (len(self.channels) - 1)


@dataclass(frozen=True, kw_only=True)
class SmallConfiguration(RunSettings):
    """A run of the small network."""

    data: ExamplesConfig
    architecture: SmallUNetConfig = field(default_factory=SmallUNetConfig)
    optimisation: PolynomialConfig = field(default_factory=PolynomialConfig)

    def __post_init__(self) -> None:
        multiple = self.architecture.multiple
        whole = all(side > 0 and side % multiple == 0 for side in self.data.patch)
        require(whole, f"data.patch should have sides divisible by {multiple}.")

    def network_description(self) -> dict[str, Any]:
        """What a checkpoint says of its network."""
        data = {"patch": list(self.data.patch), "spacing": self.data.spacing}
        return {"architecture": asdict(self.architecture), **data}
