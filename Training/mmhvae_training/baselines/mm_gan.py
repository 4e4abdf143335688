"""MM-GAN as a method: all targets at once from zeros where images are missing, one discriminator that sees the truth.

What differs from the original, and why:

- Implicit conditioning, which puts the given images in the place of their outputs, is off: targets are harmonised, so
  a given image is not its target. All observed targets enter the L1 loss (the original without conditioning), and
  the discriminator still takes a given modality for real.
- The subsets are MMHVAE's, not its own curriculum.
- A modality that a case lacks is zeros in both stacks that the discriminator compares, and its scores count nowhere.
- 192 is no multiple of 2^8: see :class:`.configuration.MMGANConfig`.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from ..data import Batch
from .configuration import MMGANConfig
from .method import Images, Losses, Pass, Phase, Step, evaluating, judging, least_squares, mean_terms, seeded
from .mm_gan_network import MMGANDiscriminator, MMGANGenerator
from .stacks import field_of_view, stacked, unstacked
from .translation import absolute_error, known, next_multiple, translated, truth


@dataclass(frozen=True)
class MMGAN:
    """See :class:`.method.Baseline`."""

    config: MMGANConfig
    modalities: tuple[str, ...]
    network: nn.Module
    adversary: nn.Module

    @classmethod
    def new(cls, config: MMGANConfig, modalities: tuple[str, ...]) -> MMGAN:
        """With fresh weights, from torch's random numbers."""
        network = MMGANGenerator(len(modalities), config.levels, config.width, config.dropout)
        return cls(config, modalities, network, MMGANDiscriminator(len(modalities), config.width))

    @property
    def betas(self) -> tuple[float, float]:
        """Of Adam."""
        return self.config.betas

    def phase(self, share: float) -> Phase:
        """The same throughout."""
        return Phase(self.config.learning_rate)

    def losses(self, batch: Batch, passes: Sequence[Pass], phase: Phase) -> Step:
        """0.9 L1 over the observed targets, 0.1 of what the discriminator misses in them."""
        terms: list[Losses] = []
        outputs: list[Images] = []
        for chosen in passes:
            with seeded(chosen.seed, batch.mask.device):
                stack = self._translated({name: batch.inputs[name] for name in chosen.subset}, batch.mask)
            with judging(self.adversary):
                missed = [least_squares(scores, 1) for scores in self._scores(stack, batch).values()]
            weight = self.config.pixel_weight
            image = weight * absolute_error(stack, batch, self.modalities)
            terms.append({"image": image, "adversarial": (1 - weight) * torch.stack(missed).mean()})
            outputs.append(unstacked(stack.detach(), self.modalities, self.modalities))
        return Step(mean_terms(terms), outputs)

    def adversary_losses(self, batch: Batch, passes: Sequence[Pass], outputs: Sequence[Mapping[str, Tensor]]) -> Losses:
        """Half of: the truth for real, and of the outputs those that were given for real, the others for synthetic."""
        real = torch.stack([least_squares(s, 1) for s in self._scores(truth(batch, self.modalities), batch).values()])
        fake = []
        for chosen, images in zip(passes, outputs, strict=True):
            scores = self._scores(stacked(images, self.modalities), batch)
            fake += [least_squares(of_one, float(name in chosen.subset)) for name, of_one in scores.items()]
        return {"discriminator": (real.mean() + torch.stack(fake).mean()) / 2}

    @torch.no_grad()
    def synthesise(
        self,
        inputs: Mapping[str, Tensor],
        targets: Collection[str],
        mask: Tensor | None = None,
        generator: torch.Generator | None = None,
    ) -> Images:
        """One pass of the generator; nothing is random."""
        mask = field_of_view(inputs, self.modalities) if mask is None else mask
        with evaluating(self.network):
            return unstacked(self._translated(inputs, mask), self.modalities, targets)

    def _translated(self, inputs: Mapping[str, Tensor], mask: Tensor) -> Tensor:
        side = next_multiple(mask.shape[-2:], 2**self.config.levels)
        return translated(self.network, inputs, self.modalities, mask, side)

    def _scores(self, candidate: Tensor, batch: Batch) -> dict[str, Tensor]:
        """Observed modality -> its map of scores (B, 1, h, w)."""
        scores = self.adversary(known(candidate, batch, self.modalities), truth(batch, self.modalities))
        return unstacked(scores, self.modalities, batch.targets)
