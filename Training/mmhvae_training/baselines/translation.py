"""What MM-GAN and ResViT share: images and zeros concatenated, one pass through a network, L1 on what is known."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ..data import Batch
from .method import Baseline, Config, Images, Inputs, Losses, Noise, Pass, Phase, Step, judging, mean_terms, seeded
from .stacks import cropped, on_background, padded, presence, stacked, unstacked


class Translator(Baseline[Config]):
    """All targets in one pass of a generator, which an adversary judges."""

    adversary: nn.Module

    @property
    @abstractmethod
    def weights(self) -> tuple[float, float]:
        """Of the L1 over the observed targets, and of what the adversary misses in them."""

    def losses(self, batch: Batch, passes: Sequence[Pass], phase: Phase) -> Step:
        """The two weighted terms."""
        terms: list[Losses] = []
        outputs: list[Images] = []
        for chosen in passes:
            with seeded(chosen.seed, batch.mask.device):
                given = {name: batch.inputs[name] for name in chosen.subset}
                stack = self._translated(given, batch.mask, phase.transformers)
            with judging(self.adversary):
                missed = self._missed(stack, batch, chosen)
            pixel, adversarial = self.weights
            image = pixel * absolute_error(stack, batch, self.modalities)
            terms.append({"image": image, "adversarial": adversarial * missed})
            outputs.append(unstacked(stack.detach(), self.modalities, self.modalities))
        return Step(mean_terms(terms), outputs)

    def _stack(self, inputs: Inputs, mask: Tensor, noise: Noise) -> Tensor:
        """One pass, transformers included; nothing is random."""
        return self._translated(inputs, mask, True)

    @abstractmethod
    def _translated(self, inputs: Inputs, mask: Tensor, transformers: bool) -> Tensor:
        """Every modality (B, M, H, W)."""

    @abstractmethod
    def _missed(self, stack: Tensor, batch: Batch, chosen: Pass) -> Tensor:
        """How far the stack is from being taken for real, a scalar."""


def translated(
    network: Callable[[Tensor], Tensor],
    inputs: Inputs,
    modalities: Sequence[str],
    mask: Tensor,
    side: int,
) -> Tensor:
    """Every modality (B, M, H, W) of those in ``inputs`` (B, 1, H, W).

    Args:
        side: of the squares that the network takes. The images are laid on background, missing ones are zeros
            throughout, and the middle is cut out again; nothing is resized, since it is compared pixel by pixel.
    """
    height, width = mask.shape[-2:]
    given = stacked({name: padded(image, side) for name, image in inputs.items()}, modalities)
    return on_background(cropped(network(given), height, width), mask)


def next_multiple(shape: Sequence[int], divisor: int) -> int:
    """The smallest multiple of ``divisor`` that is no smaller than any of ``shape``."""
    return -(-max(shape) // divisor) * divisor


def known(stack: Tensor, batch: Batch, modalities: Sequence[str]) -> Tensor:
    """The stack (B, M, H, W) with zeros in the modalities that the case lacks: nothing is learnt of those."""
    there = presence(batch.targets, modalities).to(stack.device)[:, None, None]
    return torch.where(there, stack, 0.0)


def truth(batch: Batch, modalities: Sequence[str]) -> Tensor:
    """The targets (B, M, H, W), zeros where the case has none."""
    return stacked(batch.targets, modalities)


def absolute_error(stack: Tensor, batch: Batch, modalities: Sequence[str]) -> Tensor:
    """Mean absolute difference from the targets, over pixels and over the modalities that the case has, a scalar."""
    observed = presence(batch.targets, modalities)
    return F.l1_loss(stack[:, observed], truth(batch, modalities)[:, observed])
