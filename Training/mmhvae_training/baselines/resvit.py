"""ResViT as a method: the unified model, any subset to all targets, in two stages.

What differs from the original, and why:

- L1 on all observed targets: they are harmonised, so that a given image is not its target either.
- The subsets are MMHVAE's. The transformer starts from random weights, for want of ImageNet-21k's.
- 192 pixels: padded to ``side`` 256, or 144 tokens at 192; see :class:`.resvit_network.ResViTGenerator`.
- The batch normalisations' running statistics, over all subsets, serve in evaluation: what averages the weights must
  carry these buffers over.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from monai.networks.nets.patchgan_discriminator import PatchDiscriminator
from torch import Tensor

from ..data import Batch
from .configuration import ResViTConfig
from .method import Inputs, Losses, Pass, Phase, least_squares
from .resvit_network import ResViTGenerator
from .stacks import stacked
from .translation import Translator, known, translated, truth

STAGE_2 = 2 / 3  # share of the run at which the transformers come in: 100 of the original's 150 epochs


class ResViT(Translator[ResViTConfig]):
    """The adversary is pix2pix's 70 x 70 PatchGAN; it sees what was given, too."""

    @classmethod
    def new(cls, config: ResViTConfig, modalities: tuple[str, ...]) -> ResViT:
        """With fresh weights, from torch's random numbers."""
        count = len(modalities)
        patches = PatchDiscriminator(
            spatial_dims=2, channels=config.discriminator_width, in_channels=2 * count, out_channels=1, num_layers_d=3
        )
        return cls(config, modalities, ResViTGenerator(count, config), patches)

    @property
    def weights(self) -> tuple[float, float]:
        """Those of the original: 100 and 1."""
        return self.config.pixel_weight, 1.0

    def phase(self, share: float) -> Phase:
        """Stage 1 without transformers for two thirds of the run, then all; each half constant, half falling to 0."""
        fine = share >= STAGE_2
        within = (share - STAGE_2) / (1 - STAGE_2) if fine else share / STAGE_2
        rate = self.config.fine_tuning_rate if fine else self.config.learning_rate
        return Phase(rate * min(1.0, 2 * (1 - within)), transformers=fine)

    def adversary_losses(self, batch: Batch, passes: Sequence[Pass], outputs: Sequence[Inputs]) -> Losses:
        """Half of: the targets for real, the outputs for synthetic."""
        terms = []
        for chosen, images in zip(passes, outputs, strict=True):
            real = least_squares(self._scores(truth(batch, self.modalities), batch, chosen), 1)
            fake = least_squares(self._scores(stacked(images, self.modalities), batch, chosen), 0)
            terms.append((real + fake) / 2)
        return {"discriminator": torch.stack(terms).mean()}

    def _translated(self, inputs: Inputs, mask: Tensor, transformers: bool) -> Tensor:
        def network(stack: Tensor) -> Tensor:
            return self.network(stack, transformers)

        return translated(network, inputs, self.modalities, mask, self.config.side)

    def _missed(self, stack: Tensor, batch: Batch, chosen: Pass) -> Tensor:
        return least_squares(self._scores(stack, batch, chosen), 1)

    def _scores(self, candidate: Tensor, batch: Batch, chosen: Pass) -> Tensor:
        """Scores (B, 1, h, w) of what was given beside the candidate's observed modalities."""
        given = stacked({name: batch.inputs[name] for name in chosen.subset}, self.modalities)
        return self.adversary(torch.cat([given, known(candidate, batch, self.modalities)], dim=1))[-1]
