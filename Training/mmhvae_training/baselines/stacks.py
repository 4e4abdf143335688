"""Images by modality <-> one stack of channels, which is how methods that concatenate see them."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

import torch
import torch.nn.functional as F
from mmhvae.network import BACKGROUND
from torch import Tensor


def presence(names: Collection[str], modalities: Sequence[str]) -> Tensor:
    """Which channels of a stack are among ``names``, (M,) of bool."""
    return torch.tensor([name in names for name in modalities])


def stacked(images: Mapping[str, Tensor], modalities: Sequence[str], missing: Tensor | None = None) -> Tensor:
    """The images (B, 1, H, W) in the order of ``modalities``, (B, M, H, W).

    Args:
        missing: (B, M, H, W), whose channels stand where there is no image; None: zeros, mid-grey in [-1, 1], which
            is neither an image's background nor, unless by chance, its tissue.
    """
    some = next(iter(images.values()))
    fill = some.new_zeros(len(some), len(modalities), *some.shape[2:]) if missing is None else missing
    return torch.cat([images.get(name, fill[:, m : m + 1]) for m, name in enumerate(modalities)], dim=1)


def unstacked(stack: Tensor, modalities: Sequence[str], names: Collection[str]) -> dict[str, Tensor]:
    """Those of ``names`` out of a stack, each (B, 1, H, W)."""
    return {name: stack[:, m : m + 1] for m, name in enumerate(modalities) if name in names}


def on_background(images: Tensor, mask: Tensor) -> Tensor:
    """Images (B, M, H, W) in float32, -1 outside ``mask`` (B, 1, H, W)."""
    return torch.where(mask.bool(), images.float(), BACKGROUND)


def field_of_view(inputs: Mapping[str, Tensor], modalities: Sequence[str]) -> Tensor:
    """Where the first modality present shows something, as :class:`mmhvae.network.MMHVAE` takes it; (B, 1, H, W)."""
    return inputs[next(name for name in modalities if name in inputs)] > BACKGROUND


def padded(image: Tensor, side: int) -> Tensor:
    """The image (B, C, H, W) in the middle of a square of ``side`` pixels of background."""
    height, width = image.shape[-2:]
    top, left = (side - height) // 2, (side - width) // 2
    return F.pad(image, (left, side - width - left, top, side - height - top), value=BACKGROUND)


def cropped(image: Tensor, height: int, width: int) -> Tensor:
    """The middle (B, C, height, width) of a padded image: undoes :func:`padded`."""
    top, left = (image.shape[-2] - height) // 2, (image.shape[-1] - width) // 2
    return image[..., top : top + height, left : left + width]
