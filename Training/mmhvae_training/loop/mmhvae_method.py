"""MMHVAE as a method of the training loop: Algorithm 1, one step from top to bottom."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from lightning_fabric import Fabric
from torch import Tensor

from ..configuration import Configuration, MixtureConfig
from ..data import Batch, Sampler
from ..objective import Subset, draw_pass, draw_subset, enumerated_subsets
from .devices import average_losses
from .grids import image_grid, showcase
from .method import Method
from .schedule import Phase, Schedule
from .state import TrainingState
from .trouble import stop_at_trouble
from .updates import apply_gradients, update_discriminators, update_network


@dataclass(frozen=True)
class MMHVAEMethod(Method[Configuration, TrainingState]):
    """A run of MMHVAE."""

    sampler: Sampler

    @property
    def schedule(self) -> Schedule:
        """Learning rate, weights and phases by step."""
        return Schedule(self.configuration, self.sampler.steps_per_epoch)

    @property
    def steps(self) -> int:
        """Length of the run."""
        return self.schedule.steps

    def losses(self, fabric: Fabric) -> dict[str, float]:
        """One step; see :func:`training_step`."""
        phase = self.schedule.at(self.state.step)
        return training_step(fabric, self.state, self.sampler, phase, self.configuration)

    def synthesise(self, fabric: Fabric) -> Tensor:
        """All targets of all subsets, of the fullest slice that there is."""
        scene = showcase(self.sampler.training_set.all_cases, self.configuration.architecture.image_size)
        return image_grid(self.state.average, scene.to(fabric.device))


def training_step(
    fabric: Fabric, state: TrainingState, sampler: Sampler, phase: Phase, configuration: Configuration
) -> dict[str, float]:
    """One draw of slices, and the updates that are made of it: one, or in the release's way up to seven."""
    rank, world, size = fabric.global_rank, fabric.world_size, configuration.data.batch_size
    architecture, mixture = configuration.architecture, configuration.mixture
    judged = [name for name in architecture.modalities if name in sampler.training_set.modalities]
    begin_step(state, phase)
    whole = sampler.draw(state.step, state.rng)  # every modality observed in one case, each (B, 1, H, W)
    batch = whole.share(rank, world).to(fabric.device)  # (B / world, 1, H, W)
    if phase.fill_pools:
        remember(state, whole)

    for subsets in updates_of(whole.observed, mixture, state.rng):
        drawn = [draw_pass(s, size, architecture, mixture, state.rng, state.noise) for s in subsets]
        passes = [chosen.share(rank, world) for chosen in drawn]
        tensors, results = update_network(fabric, state, batch, passes, phase, configuration, judged)
        losses = average_losses(fabric, tensors)
        _stop_at_trouble(losses, state, configuration)
        losses["gradient"] = float(apply_gradients(fabric, state, configuration.optimisation.gradient_clip))
        _stop_at_trouble(losses, state, configuration)
        if phase.train_discriminators:
            tensors = update_discriminators(fabric, state, batch, passes, results, configuration, state.rng)
            losses |= average_losses(fabric, tensors)
            _stop_at_trouble(losses, state, configuration)
    return losses | {"learning_rate": phase.learning_rate}


def begin_step(state: TrainingState, phase: Phase) -> None:
    """Set the learning rate, and make Adamax forget its moments where the schedule says so."""
    for group in state.optimiser.optimizer.param_groups:
        group["lr"] = phase.learning_rate
    if phase.reset_moments:
        state.optimiser.optimizer.state.clear()


def remember(state: TrainingState, batch: Batch) -> None:
    """Put the real images of the whole batch into the pools of their modalities."""
    for name, images in batch.targets.items():
        state.pools[name].push(images, state.rng)


def updates_of(observed: tuple[str, ...], mixture: MixtureConfig, rng: np.random.Generator) -> list[list[Subset]]:
    """The subsets r' of each update that is made of one draw of slices."""
    if mixture.subsets == "release":
        return enumerated_subsets(observed)
    return [[draw_subset(observed, rng) for _ in range(mixture.per_step)]]


def _stop_at_trouble(losses: dict[str, float], state: TrainingState, configuration: Configuration) -> None:
    exploded = losses["kl"] > configuration.loss.kl_limit
    reason = f"the divergence exploded: kl is {losses['kl']:.3g}, more than loss.kl_limit" if exploded else ""
    stop_at_trouble(losses, state, configuration, reason)
