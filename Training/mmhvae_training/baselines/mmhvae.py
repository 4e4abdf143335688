"""MMHVAE as a method that synthesises, and its kin: MoPoE, with z_L alone, and MHVAE, of two modalities."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from mmhvae.network import MMHVAE
from mmhvae.settings import SynthesisSettings
from torch import Tensor

from .method import Images, Inputs, Noise, Synthesiser


@dataclass(frozen=True)
class MMHVAESynthesiser(Synthesiser):
    """``temperature`` scales the noise of every latent."""

    network: MMHVAE
    temperature: float = SynthesisSettings.temperature

    @property
    def modalities(self) -> tuple[str, ...]:
        """In the network's order."""
        return self.network.config.modalities

    def _images(self, inputs: Inputs, targets: Collection[str], mask: Tensor | None, noise: Noise) -> Images:
        """One pass: encode, fuse, decode."""
        return dict(self.network(inputs, targets, self.temperature, mask, noise).images)
