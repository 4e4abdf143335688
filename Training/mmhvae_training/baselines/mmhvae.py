"""MMHVAE as a method that synthesises, and its kin: MoPoE, with z_L alone, and MHVAE, of two modalities."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass

import torch
from mmhvae.network import MMHVAE
from torch import Tensor

from .method import Images, evaluating


@dataclass(frozen=True)
class MMHVAESynthesiser:
    """See :class:`.method.Synthesiser`; ``temperature`` scales the noise of every latent."""

    network: MMHVAE
    temperature: float = 0.5

    @property
    def modalities(self) -> tuple[str, ...]:
        """In the network's order."""
        return self.network.config.modalities

    @torch.no_grad()
    def synthesise(
        self,
        inputs: Mapping[str, Tensor],
        targets: Collection[str],
        mask: Tensor | None = None,
        generator: torch.Generator | None = None,
    ) -> Images:
        """One pass: encode, fuse, decode."""
        with evaluating(self.network):
            return dict(self.network(inputs, targets, self.temperature, mask, generator).images)
