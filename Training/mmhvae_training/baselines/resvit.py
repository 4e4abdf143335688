"""ResViT as a method: the unified model, any subset to all targets, in two stages.

What differs from the original, and why:

- L1 on all observed targets: they are harmonised, so that a given image is not its target either.
- The subsets are MMHVAE's. The transformer starts from random weights, for want of ImageNet-21k's.
- 192 pixels: padded to ``side`` 256, or 144 tokens at 192; see :class:`.resvit_network.ResViTGenerator`.
- The batch normalisations' running statistics, over all subsets, serve in evaluation: what averages the weights must
  carry these buffers over.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

import torch
from monai.networks.nets.patchgan_discriminator import PatchDiscriminator
from torch import Tensor, nn

from ..data import Batch
from .configuration import ResViTConfig
from .method import Images, Losses, Pass, Phase, Step, evaluating, judging, least_squares, mean_terms, seeded
from .resvit_network import ResViTGenerator
from .stacks import field_of_view, stacked, unstacked
from .translation import absolute_error, known, translated, truth

STAGE_2 = 2 / 3  # share of the run at which the transformers come in: 100 of the original's 150 epochs


@dataclass(frozen=True)
class ResViT:
    """See :class:`.method.Baseline`. The adversary is pix2pix's 70 x 70 PatchGAN; it sees what was given, too."""

    config: ResViTConfig
    modalities: tuple[str, ...]
    network: nn.Module
    adversary: nn.Module

    @classmethod
    def new(cls, config: ResViTConfig, modalities: tuple[str, ...]) -> ResViT:
        """With fresh weights, from torch's random numbers."""
        count = len(modalities)
        patches = PatchDiscriminator(
            spatial_dims=2, channels=config.discriminator_width, in_channels=2 * count, out_channels=1, num_layers_d=3
        )
        return cls(config, modalities, ResViTGenerator(count, config), patches)

    @property
    def betas(self) -> tuple[float, float]:
        """Of Adam."""
        return self.config.betas

    def phase(self, share: float) -> Phase:
        """Stage 1 without transformers for two thirds of the run, then all; each half constant, half falling to 0."""
        fine = share >= STAGE_2
        within = (share - STAGE_2) / (1 - STAGE_2) if fine else share / STAGE_2
        rate = self.config.fine_tuning_rate if fine else self.config.learning_rate
        return Phase(rate * min(1.0, 2 * (1 - within)), transformers=fine)

    def losses(self, batch: Batch, passes: Sequence[Pass], phase: Phase) -> Step:
        """100 L1 over the observed targets, and what the discriminator misses in them."""
        terms: list[Losses] = []
        outputs: list[Images] = []
        for chosen in passes:
            with seeded(chosen.seed, batch.mask.device):
                given = {name: batch.inputs[name] for name in chosen.subset}
                stack = self._translated(given, batch.mask, phase.transformers)
            with judging(self.adversary):
                missed = least_squares(self._scores(stack, batch, chosen), 1)
            image = self.config.pixel_weight * absolute_error(stack, batch, self.modalities)
            terms.append({"image": image, "adversarial": missed})
            outputs.append(unstacked(stack.detach(), self.modalities, self.modalities))
        return Step(mean_terms(terms), outputs)

    def adversary_losses(self, batch: Batch, passes: Sequence[Pass], outputs: Sequence[Mapping[str, Tensor]]) -> Losses:
        """Half of: the targets for real, the outputs for synthetic."""
        terms = []
        for chosen, images in zip(passes, outputs, strict=True):
            real = least_squares(self._scores(truth(batch, self.modalities), batch, chosen), 1)
            fake = least_squares(self._scores(stacked(images, self.modalities), batch, chosen), 0)
            terms.append((real + fake) / 2)
        return {"discriminator": torch.stack(terms).mean()}

    @torch.no_grad()
    def synthesise(
        self,
        inputs: Mapping[str, Tensor],
        targets: Collection[str],
        mask: Tensor | None = None,
        generator: torch.Generator | None = None,
    ) -> Images:
        """One pass of the generator, transformers included; nothing is random."""
        mask = field_of_view(inputs, self.modalities) if mask is None else mask
        with evaluating(self.network):
            return unstacked(self._translated(inputs, mask, True), self.modalities, targets)

    def _translated(self, inputs: Mapping[str, Tensor], mask: Tensor, transformers: bool) -> Tensor:
        def network(stack: Tensor) -> Tensor:
            return self.network(stack, transformers)

        return translated(network, inputs, self.modalities, mask, self.config.side)

    def _scores(self, candidate: Tensor, batch: Batch, chosen: Pass) -> Tensor:
        """Scores (B, 1, h, w) of what was given beside the candidate's observed modalities."""
        given = stacked({name: batch.inputs[name] for name in chosen.subset}, self.modalities)
        return self.adversary(torch.cat([given, known(candidate, batch, self.modalities)], dim=1))[-1]
