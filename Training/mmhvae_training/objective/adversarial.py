"""The adversarial game, least squares (Mao et al., 2017): equations 15 and 16 with bounded terms, as the release."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import torch
from mmhvae.network import MMHVAEConfig
from torch import Tensor, nn

from ..configuration import AdversarialConfig
from ..data import Batch
from .discriminators import Discriminator
from .elbo import Pass, PassResult
from .pools import ImagePool
from .subsets import is_partial


def new_discriminators(architecture: MMHVAEConfig, config: AdversarialConfig) -> nn.ModuleDict | None:
    """One discriminator a modality; None where the weight of the adversarial term is 0."""
    if config.weight == 0:
        return None
    size, width = architecture.image_size, config.base_width
    return nn.ModuleDict({name: Discriminator(size, width) for name in architecture.modalities})


def generator_loss(
    discriminators: nn.ModuleDict, outputs: Mapping[str, Tensor], judged: Sequence[str]
) -> dict[str, Tensor]:
    """Modality -> how far its discriminator is from taking the synthetic image for real; Algorithm 1, line 17."""
    return {name: (discriminators[name](outputs[name]) - 1).square().mean() for name in judged}


def sees_discriminators(chosen: Pass, config: AdversarialConfig) -> bool:
    """Whether the outputs of this pass enter the generator's adversarial term."""
    return config.passes == "all" or is_partial(chosen.subset)


def fakes_of(passes: Sequence[Pass], results: Sequence[PassResult]) -> dict[str, Tensor]:
    """Modality -> synthetic images (N, 1, H, W) from the passes whose input lacked it, cut from the graph."""
    found: dict[str, list[Tensor]] = {}
    for chosen, result in zip(passes, results, strict=True):
        for name in result.outputs.keys() - set(chosen.subset):
            found.setdefault(name, []).append(result.outputs[name].detach())
    return {name: torch.cat(images) for name, images in found.items()}


def real_images(
    batch: Batch,
    pools: Mapping[str, ImagePool],
    config: AdversarialConfig,
    rng: np.random.Generator,
    rank: int = 0,
    world: int = 1,
) -> dict[str, Tensor]:
    """Modality -> real images: the batch's own, or, where it is missing, what its pool remembers (line 28).

    All of ``world`` devices draw the same images from their pools, which are alike, and each keeps its share.
    """
    real = dict(batch.targets)
    if config.missing == "train":
        for name, pool in pools.items():
            if name not in real and len(pool):
                drawn = pool.draw(config.pool_drawn, rng).chunk(world)[rank]
                real[name] = drawn.to(batch.mask.device)
    return real


def discriminators_loss(
    discriminators: nn.ModuleDict, real: Mapping[str, Tensor], fake: Mapping[str, Tensor]
) -> dict[str, Tensor]:
    """Modality -> real term plus fake term, without a half (equation 15); only where there is something of both."""
    losses = {}
    for name in sorted(real.keys() & fake.keys()):
        of_real = (discriminators[name](real[name]) - 1).square().mean()
        losses[name] = of_real + discriminators[name](fake[name]).square().mean()
    return losses
