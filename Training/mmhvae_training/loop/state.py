"""All that a resumed run needs, and how a run begins: freshly, or with the weights of another."""

from __future__ import annotations

import copy
from dataclasses import dataclass
from typing import Any, cast

import numpy as np
import torch
from lightning_fabric import Fabric
from lightning_fabric.wrappers import _FabricOptimizer
from mmhvae.network import MMHVAE
from torch import nn

from ..configuration import Configuration
from ..networks import SharedExpertMMHVAE, build_network, speed_up_on_cpu
from ..objective import ImagePool, new_discriminators
from .run_state import RunState


@dataclass(kw_only=True)
class TrainingState(RunState):
    """An MMHVAE's run: its networks, their judges, and the pools of real images."""

    network: MMHVAE
    average: MMHVAE
    discriminators: nn.ModuleDict | None
    discriminator_optimiser: _FabricOptimizer | None
    pools: dict[str, ImagePool]

    def content(self) -> dict[str, Any]:
        """What a checkpoint holds of it."""
        content = super().content() | {"pools": {name: pool.state() for name, pool in self.pools.items()}}
        if self.discriminators is not None and self.discriminator_optimiser is not None:
            content["discriminators"] = self.discriminators.state_dict()
            content["discriminator_optimiser"] = self.discriminator_optimiser.optimizer.state_dict()
        return content

    def restore(self, content: dict[str, Any]) -> None:
        """Continue from a checkpoint."""
        super().restore(content)
        if self.discriminators is not None and self.discriminator_optimiser is not None:
            self.discriminators.load_state_dict(content["discriminators"])
            self.discriminator_optimiser.optimizer.load_state_dict(content["discriminator_optimiser"])
        for name, images in content["pools"].items():
            self.pools[name].restore(images)


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
