"""All that a resumed run needs, and how a run begins: freshly, or with the weights of another."""

from __future__ import annotations

import copy
from dataclasses import dataclass
from typing import cast

import numpy as np
import torch
from lightning_fabric import Fabric
from lightning_fabric.wrappers import _FabricOptimizer
from mmhvae.network import MMHVAE
from torch import nn

from ..configuration import Configuration
from ..networks import SharedExpertMMHVAE, build_network, speed_up_on_cpu
from ..objective import ImagePool, new_discriminators


@dataclass
class TrainingState:
    """Networks, optimisers, memories and random states at ``step``.

    ``rng`` decides what every device must decide alike: cases, slices, subsets, pools. ``noise`` is that of the
    latents, drawn for the whole batch on every device; each uses its share.
    """

    network: MMHVAE
    average: MMHVAE
    optimiser: _FabricOptimizer
    discriminators: nn.ModuleDict | None
    discriminator_optimiser: _FabricOptimizer | None
    pools: dict[str, ImagePool]
    rng: np.random.Generator
    noise: torch.Generator
    step: int = 0


def new_state(configuration: Configuration, fabric: Fabric) -> TrainingState:
    """A freshly initialised run on the fabric's device; the seed determines weights, data order and noise.

    Raises:
        InputError: the network or the discriminators don't fit the image size.
    """
    seed, device = configuration.seed, fabric.device
    torch.manual_seed(seed)
    architecture, variant = configuration.architecture, configuration.variant
    network = (SharedExpertMMHVAE(architecture) if variant.plain else build_network(architecture, variant)).to(device)
    discriminators = new_discriminators(configuration.architecture, configuration.adversarial)
    if device.type == "cpu":
        speed_up_on_cpu(network)
    judge = None
    if discriminators is not None:
        discriminators.to(device)
        adam = torch.optim.Adam(discriminators.parameters(), configuration.adversarial.learning_rate)
        judge = _set_up(fabric, adam)
    adamax = torch.optim.Adamax(network.parameters(), configuration.optimisation.learning_rate)
    return TrainingState(
        network=network,
        average=copy.deepcopy(network).requires_grad_(False),
        optimiser=_set_up(fabric, adamax),
        discriminators=discriminators,
        discriminator_optimiser=judge,
        pools={name: ImagePool(configuration.adversarial.pool_size) for name in configuration.architecture.modalities},
        rng=np.random.default_rng(seed),
        noise=torch.Generator(device).manual_seed(seed),
    )


def _set_up(fabric: Fabric, optimiser: torch.optim.Optimizer) -> _FabricOptimizer:
    return cast(_FabricOptimizer, fabric.setup_optimizers(optimiser))


@torch.no_grad()
def update_average(state: TrainingState, decay: float) -> None:
    """Move the averaged weights towards the present ones."""
    # The decay grows with the steps, so that the random initial weights are soon forgotten.
    decay = min(decay, (1 + state.step) / (10 + state.step))
    for mean, value in zip(state.average.parameters(), state.network.parameters(), strict=True):
        mean.lerp_(value, 1 - decay)
