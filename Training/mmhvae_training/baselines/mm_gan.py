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

from collections.abc import Sequence

import torch
from torch import Tensor

from ..data import Batch
from .configuration import MMGANConfig
from .method import Inputs, Losses, Pass, least_squares
from .mm_gan_network import MMGANDiscriminator, MMGANGenerator
from .stacks import stacked, unstacked
from .translation import Translator, known, next_multiple, translated, truth


class MMGAN(Translator[MMGANConfig]):
    """A U-Net and a discriminator that sees the truth."""

    @classmethod
    def new(cls, config: MMGANConfig, modalities: tuple[str, ...]) -> MMGAN:
        """With fresh weights, from torch's random numbers."""
        network = MMGANGenerator(len(modalities), config.levels, config.width, config.dropout)
        return cls(config, modalities, network, MMGANDiscriminator(len(modalities), config.width))

    @property
    def weights(self) -> tuple[float, float]:
        """Those of the original: 0.9 and 0.1."""
        return self.config.pixel_weight, 1 - self.config.pixel_weight

    def adversary_losses(self, batch: Batch, passes: Sequence[Pass], outputs: Sequence[Inputs]) -> Losses:
        """Half of: the truth for real, and of the outputs those that were given for real, the others for synthetic."""
        real = torch.stack([least_squares(s, 1) for s in self._scores(truth(batch, self.modalities), batch).values()])
        fake = []
        for chosen, images in zip(passes, outputs, strict=True):
            scores = self._scores(stacked(images, self.modalities), batch)
            fake += [least_squares(of_one, float(name in chosen.subset)) for name, of_one in scores.items()]
        return {"discriminator": (real.mean() + torch.stack(fake).mean()) / 2}

    def _translated(self, inputs: Inputs, mask: Tensor, transformers: bool) -> Tensor:
        side = next_multiple(mask.shape[-2:], 2**self.config.levels)
        return translated(self.network, inputs, self.modalities, mask, side)

    def _missed(self, stack: Tensor, batch: Batch, chosen: Pass) -> Tensor:
        return torch.stack([least_squares(scores, 1) for scores in self._scores(stack, batch).values()]).mean()

    def _scores(self, candidate: Tensor, batch: Batch) -> dict[str, Tensor]:
        """Observed modality -> its map of scores (B, 1, h, w)."""
        scores = self.adversary(known(candidate, batch, self.modalities), truth(batch, self.modalities))
        return unstacked(scores, self.modalities, batch.targets)
