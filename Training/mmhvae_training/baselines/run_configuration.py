"""A baseline's run: typed settings, as :mod:`mmhvae_training.configuration` has them for MMHVAE."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal

from mmhvae.network import MMHVAEConfig

from ..configuration import DataConfig, DeviceConfig, MixtureConfig, OutputConfig, plain, require
from .configuration import M2DNConfig, MMGANConfig, ResViTConfig


@dataclass(frozen=True)
class ImagesConfig:
    """Which images a slice has, and its pixels a side."""

    modalities: tuple[str, ...] = MMHVAEConfig().modalities
    image_size: int = MMHVAEConfig().image_size


@dataclass(frozen=True)
class LengthConfig:
    """How long a run is; its learning rates are its method's.

    Args:
        epochs: length of the run.
        steps_per_epoch: None: one step a case.
        gradient_clip: largest norm of the gradient; None: any.
        average_decay: of the moving average of the weights, which is what is evaluated; 0 evaluates the last ones.
    """

    epochs: float = 1000.0
    steps_per_epoch: int | None = None
    gradient_clip: float | None = None
    average_decay: float = 0.995

    def __post_init__(self) -> None:
        require(self.epochs > 0, "optimisation.epochs should be positive.")
        require(self.steps_per_epoch is None or self.steps_per_epoch >= 1, "steps_per_epoch should be at least 1.")


@dataclass(frozen=True)
class BaselineConfiguration:
    """A run of ``method``, whose own group of settings is used; ``run`` is its folder.

    Data and mixture are MMHVAE's: the same slices and, with ``mixture.subsets`` and ``per_step``, the same subsets.
    """

    run: Path
    data: DataConfig
    method: Literal["mm-gan", "resvit", "m2dn"]
    architecture: ImagesConfig = field(default_factory=ImagesConfig)
    mm_gan: MMGANConfig = field(default_factory=MMGANConfig)
    resvit: ResViTConfig = field(default_factory=ResViTConfig)
    m2dn: M2DNConfig = field(default_factory=M2DNConfig)
    mixture: MixtureConfig = field(default_factory=MixtureConfig)
    optimisation: LengthConfig = field(default_factory=LengthConfig)
    output: OutputConfig = field(default_factory=OutputConfig)
    device: DeviceConfig = field(default_factory=DeviceConfig)
    seed: int = 0

    def __post_init__(self) -> None:
        require(self.mixture.temperatures == (1.0, 1.0), "mixture.temperatures are MMHVAE's alone; leave them out.")
        fits = self.method != "resvit" or self.resvit.side >= self.architecture.image_size
        require(fits, "resvit.side should be at least architecture.image_size.")

    @property
    def settings(self) -> MMGANConfig | ResViTConfig | M2DNConfig:
        """The method's own group."""
        if self.method == "mm-gan":
            return self.mm_gan
        return self.resvit if self.method == "resvit" else self.m2dn

    def plain(self) -> dict[str, Any]:
        """As nested dictionaries, lists, numbers and texts: what JSON can hold."""
        return plain(self)

    def shared_sizes(self) -> dict[str, int]:
        """Settings that must divide evenly among the devices."""
        return {"data.batch_size": self.data.batch_size}

    def network_description(self) -> dict[str, Any]:
        """What a checkpoint says of its network."""
        return {"method": self.method, "settings": asdict(self.settings), "architecture": asdict(self.architecture)}
