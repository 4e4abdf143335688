"""MMHVAE with fixed channels, as MONAI's tools expect a network: copied into MONAI bundles as scripts/network.py."""

from __future__ import annotations

from typing import Any

import torch
from mmhvae.network import BACKGROUND, MMHVAE, MMHVAEConfig
from torch import Tensor, nn


class FixedChannelMMHVAE(nn.Module):
    """One tensor in, one tensor out.

    Args:
        temperature: of the latents; 0 gives the most probable images.
        architecture: fields of :class:`MMHVAEConfig`.
    """

    def __init__(self, temperature: float = 0.0, **architecture: Any) -> None:
        super().__init__()
        self.temperature = temperature
        self.mmhvae = MMHVAE(MMHVAEConfig(**architecture))

    def forward(self, x: Tensor) -> Tensor:
        """(B, 2 M, H, W) -> (B, M, H, W), M modalities in the configuration's order.

        The first M channels are the images in [-1, 1], -1 outside the field of view; the last M say by a pixel above
        0.5 that the image of the same place is present. Where it is not, its channel is not looked at.

        Raises:
            ValueError: another number of channels, or nothing is present.
        """
        names = self.mmhvae.config.modalities
        if x.shape[1] != 2 * len(names):
            raise ValueError(f"The input should have {2 * len(names)} channels: an image and a presence a modality.")
        images, presence = x.chunk(2, dim=1)  # (B, M, H, W) each
        present = presence.amax((2, 3)) > 0.5  # (B, M)
        if not present.any(1).all():
            raise ValueError("At least one modality should be present in every image of the batch.")
        output = torch.full_like(images, BACKGROUND)
        for pattern in present.unique(dim=0):  # images that share their modalities go through together
            chosen = (present == pattern).all(1).nonzero().flatten()
            inputs = {name: images[chosen, n : n + 1] for n, name in enumerate(names) if pattern[n]}
            made = self.mmhvae(inputs, temperature=self.temperature).images
            output[chosen] = torch.cat([made[name] for name in names], dim=1)
        return output
