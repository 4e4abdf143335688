"""What MM-GAN and ResViT share: images and zeros concatenated, one pass through a network, L1 on what is known."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

from ..data import Batch
from .stacks import cropped, on_background, padded, presence, stacked


def translated(
    network: Callable[[Tensor], Tensor],
    inputs: Mapping[str, Tensor],
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
