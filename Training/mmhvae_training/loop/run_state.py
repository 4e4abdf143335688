"""What every method's run holds: a network and its average, an optimiser, and the random states; saved and restored."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, cast

import numpy as np
import torch
from lightning_fabric import Fabric
from lightning_fabric.wrappers import _FabricOptimizer
from torch import nn

from ..configuration import AdamWConfig
from ..networks import keep_small_volumes_exact


@dataclass(kw_only=True)
class RunState:
    """The network at ``step``, and all that a resumed run needs; methods with more to remember extend it.

    ``rng`` decides what every device must decide alike: cases, crops, subsets. ``noise`` is a generator of tensors,
    drawn for the whole batch on every device; each uses its share. It draws only tensors of its own device.
    """

    network: nn.Module
    average: nn.Module
    optimiser: _FabricOptimizer
    rng: np.random.Generator
    noise: torch.Generator
    step: int = 0

    def content(self) -> dict[str, Any]:
        """What a checkpoint holds of it: tensors, numbers and texts."""
        return {
            "network": self.network.state_dict(),
            "average": self.average.state_dict(),
            "optimiser": self.optimiser.optimizer.state_dict(),
            "rng": json.dumps(self.rng.bit_generator.state),
            "noise": self.noise.get_state(),
            "step": self.step,
        }

    def restore(self, content: dict[str, Any]) -> None:
        """Continue from a checkpoint.

        Raises:
            KeyError, RuntimeError, ValueError: it is of another kind of run.
        """
        self.network.load_state_dict(content["network"])
        self.average.load_state_dict(content["average"])
        self.optimiser.optimizer.load_state_dict(content["optimiser"])
        self.rng.bit_generator.state = json.loads(content["rng"])
        self.noise.set_state(content["noise"])
        self.step = content["step"]


def same_content(a: Any, b: Any) -> bool:
    """Whether two checkpoints hold the same, bit for bit."""
    if isinstance(a, torch.Tensor):
        return torch.equal(a, b)
    if isinstance(a, dict):
        return a.keys() == b.keys() and all(same_content(a[key], b[key]) for key in a)
    if isinstance(a, (list, tuple)):
        return len(a) == len(b) and all(same_content(x, y) for x, y in zip(a, b, strict=True))
    return bool(a == b)


@torch.no_grad()
def update_average(state: RunState, decay: float) -> None:
    """Move the averaged weights towards the present ones."""
    # The decay grows with the steps, so that the random initial weights are soon forgotten.
    decay = min(decay, (1 + state.step) / (10 + state.step))
    for mean, value in zip(state.average.parameters(), state.network.parameters(), strict=True):
        mean.lerp_(value, 1 - decay)
    for kept, present in zip(state.average.buffers(), state.network.buffers(), strict=True):
        kept.copy_(present)  # such as batch normalisation's running statistics, which are averages already


def fresh_state(
    network: nn.Module,
    optimiser: torch.optim.Optimizer,
    fabric: Fabric,
    seed: int,
    noise_on: torch.device | None = None,
) -> RunState:
    """The state of a run that begins with this network, which is on the fabric's device already.

    Args:
        noise_on: where the method draws its noise; None: on the fabric's device.
    """
    if fabric.device.type == "cpu":
        keep_small_volumes_exact(network)
    return RunState(
        network=network,
        average=copy.deepcopy(network).requires_grad_(False),
        optimiser=cast(_FabricOptimizer, fabric.setup_optimizers(optimiser)),
        rng=np.random.default_rng(seed),
        noise=torch.Generator(noise_on or fabric.device).manual_seed(seed),
    )


def adamw_state(
    make: Callable[[], nn.Module],
    configuration: AdamWConfig,
    fabric: Fabric,
    seed: int,
    noise_on: torch.device | None = None,
) -> RunState:
    """The state of a run that begins with what ``make`` gives, all of whose weights AdamW updates at one rate.

    Args:
        noise_on: see :func:`fresh_state`.
    """
    torch.manual_seed(seed)
    network = make().to(fabric.device)
    rate, decay = configuration.learning_rate, configuration.weight_decay
    adamw = torch.optim.AdamW(network.parameters(), rate, weight_decay=decay)
    return fresh_state(network, adamw, fabric, seed, noise_on)
