"""A baseline's run: typed settings, as :mod:`mmhvae_training.configuration` has them for MMHVAE."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any, Literal

from mmhvae.network import MMHVAEConfig

from ..configuration import DataConfig, EpochsConfig, MixtureConfig, RunSettings, require
from .configuration import M2DNConfig, MMGANConfig, ResViTConfig


@dataclass(frozen=True)
class ImagesConfig:
    """Which images a slice has, and its pixels a side."""

    modalities: tuple[str, ...] = MMHVAEConfig().modalities
    image_size: int = MMHVAEConfig().image_size


@dataclass(frozen=True, kw_only=True)
class BaselineConfiguration(RunSettings):
    """A run of ``method``, whose own group of settings is used, learning rates among them.

    Data and mixture are MMHVAE's: the same slices and, with ``mixture.subsets`` and ``per_step``, the same subsets,
    until MMHVAE's pools draw from the same generator.
    """

    data: DataConfig
    method: Literal["mm-gan", "resvit", "m2dn"]
    architecture: ImagesConfig = field(default_factory=ImagesConfig)
    mm_gan: MMGANConfig = field(default_factory=MMGANConfig)
    resvit: ResViTConfig = field(default_factory=ResViTConfig)
    m2dn: M2DNConfig = field(default_factory=M2DNConfig)
    mixture: MixtureConfig = field(default_factory=MixtureConfig)
    optimisation: EpochsConfig = field(default_factory=EpochsConfig)

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

    def network_description(self) -> dict[str, Any]:
        """What a checkpoint says of its network."""
        return {"method": self.method, "settings": asdict(self.settings), "architecture": asdict(self.architecture)}
