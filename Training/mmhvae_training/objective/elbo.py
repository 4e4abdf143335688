"""One pass of the mixture: encode r', sample z_L to z_1, decode, and what that costs (equations 9 and 19).

For a fixed decoder the bound's optimum over q(z | x_r') has the mean of the true posterior p(z | x_r'), but, since
the pass must also explain the observed modalities outside r', the precision of p(z | x_r). Only with r' = r, or with
reconstruction alone as appendix 7.2 writes it, is it the true posterior itself.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from mmhvae.network import BACKGROUND, MMHVAE, Encoding, MMHVAEConfig
from torch import Tensor

from ..configuration import LossConfig, MixtureConfig
from ..data import Batch
from .losses import fluid_weight, image_loss
from .subsets import Subset


@dataclass(frozen=True)
class Pass:
    """One subset r' to encode, and everything random about it; drawn apart from being run."""

    subset: Subset
    temperature: float
    noise: tuple[Tensor, ...]  # coarse to fine, (B, *latent_shapes[level])

    def share(self, rank: int, world: int) -> Pass:
        """The noise of one of ``world`` devices that split the batch."""
        return Pass(self.subset, self.temperature, tuple(level.chunk(world)[rank] for level in self.noise))


@dataclass(frozen=True)
class PassResult:
    """Outputs and losses of one pass.

    Attributes:
        outputs: modality -> (B, 1, H, W), -1 outside the field of view.
        image: observed modality -> image loss, a scalar.
        kl_levels: (levels,), coarse to fine: nats over voxels x M, mean over the batch.
    """

    outputs: dict[str, Tensor]
    image: dict[str, Tensor]
    kl_levels: Tensor


def draw_pass(
    subset: Subset,
    batch_size: int,
    architecture: MMHVAEConfig,
    mixture: MixtureConfig,
    rng: np.random.Generator,
    noise: torch.Generator,
) -> Pass:
    """Temperature from ``rng``, standard normal noise for every level from ``noise``, on its device."""
    shapes = architecture.latent_shapes
    drawn = tuple(torch.randn(batch_size, *s, generator=noise, device=noise.device) for s in shapes)
    return Pass(subset, float(rng.uniform(*mixture.temperatures)), drawn)


def run_pass(
    network: MMHVAE,
    encodings: Mapping[str, Encoding],
    chosen: Pass,
    batch: Batch,
    targets: Collection[str],
    config: LossConfig,
) -> PassResult:
    """Algorithm 1, lines 10 to 21: sample, decode ``targets``, compare the observed ones."""
    subset = {name: encodings[name] for name in chosen.subset}
    z1, kl_levels = network.fuse(subset, chosen.temperature, noise=chosen.noise, compute_kl=True)
    decoded = network.decode(z1, targets)
    outputs = {name: torch.where(batch.mask, image.float(), BACKGROUND) for name, image in decoded.items()}
    weight = fluid_weight(batch.fluid, config.fluid_weight)
    norm, correlation = config.norm, config.correlation_weight
    image = {
        name: image_loss(outputs[name], batch.targets[name], batch.mask, norm, correlation, weight)
        for name in batch.observed
    }
    values = batch.mask[0].numel() * len(network.config.modalities)  # voxels x M
    levels = torch.stack([level.float().mean() for level in kl_levels or ()]) / values
    return PassResult(outputs, image, levels)


def negative_elbo(result: PassResult, kl_weight: float, config: LossConfig, modalities: int) -> Tensor:
    """Image loss over the observed modalities plus weighted divergence, a scalar."""
    total = torch.stack(list(result.image.values())).sum()
    divisor = len(result.image) if config.observed == "mean" else modalities
    return total / divisor + kl_weight * result.kl_levels.sum()


def leaves_of(encodings: Mapping[str, Encoding]) -> dict[str, Encoding]:
    """Copies that are cut from the encoders' graph and collect the gradient of every pass that uses them.

    With them each pass goes backward by itself and frees its memory, and the encoders go backward once.
    """
    return {
        name: Encoding(tuple(_leaf(skip) for skip in encoding.skips), _leaf(encoding.bottom))
        for name, encoding in encodings.items()
    }


def backward_through_encoders(encodings: Mapping[str, Encoding], leaves: Mapping[str, Encoding]) -> None:
    """Carry the gradients that the passes left in ``leaves`` on into the encoders."""
    roots, gradients = [], []
    for name, encoding in encodings.items():
        for root, leaf in zip(_tensors(encoding), _tensors(leaves[name]), strict=True):
            if root.requires_grad and leaf.grad is not None:
                roots.append(root)
                gradients.append(leaf.grad)
    if roots:
        torch.autograd.backward(roots, gradients)


def _leaf(tensor: Tensor) -> Tensor:
    return tensor.detach().requires_grad_(tensor.requires_grad)


def _tensors(encoding: Encoding) -> Sequence[Tensor]:
    return [*encoding.skips, encoding.bottom]
