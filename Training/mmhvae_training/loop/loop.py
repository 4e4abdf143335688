"""Training of an MMHVAE: Algorithm 1, from top to bottom."""

from __future__ import annotations

import math
from pathlib import Path

from lightning_fabric import Fabric

from ..configuration import Configuration, MixtureConfig
from ..data import Batch, Sampler
from ..objective import Subset, draw_pass, draw_subset, enumerated_subsets
from ..script import StoppedError
from .checkpoints import CHECKPOINT, keep_average, read_checkpoint, save_checkpoint
from .devices import average_losses
from .grids import image_grid, showcase
from .logbook import Logbook
from .schedule import Phase, Schedule
from .state import TrainingState, update_average
from .updates import apply_gradients, update_discriminators, update_network


class NumericalTroubleError(StoppedError):
    """The run cannot go on: a loss or gradient is no number, or the divergence exploded."""


def train(
    fabric: Fabric, state: TrainingState, sampler: Sampler, configuration: Configuration, logbook: Logbook | None
) -> None:
    """Run from ``state.step`` to the schedule's end.

    Every device draws the same batch and the same random numbers and works on its share; only the first has a logbook
    and writes checkpoints.

    Raises:
        NumericalTroubleError: with the reason and where the last good checkpoint lies.
        InputError: a file cannot be written.
    """
    schedule, output = Schedule(configuration, sampler.steps_per_epoch), configuration.output
    while state.step < schedule.steps:
        losses = training_step(fabric, state, sampler, schedule.at(state.step), configuration)
        state.step += 1
        update_average(state, configuration.optimisation.average_decay)

        last = state.step == schedule.steps
        if logbook and (state.step % output.log_every == 0 or last):
            logbook.write(state.step, schedule.steps, losses)
        if logbook and (state.step % output.images_every == 0 or last):
            scene = showcase(sampler.training_set.all_cases, configuration.architecture.image_size)
            logbook.show(state.step, image_grid(state.average, scene.to(fabric.device)))
        if fabric.is_global_zero and (state.step % output.checkpoint_every == 0 or last):
            save_checkpoint(state, configuration, fabric)
        if fabric.is_global_zero and state.step % output.keep_every == 0:
            keep_average(state, configuration.run)
    fabric.barrier()


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

    for subsets in updates_of(whole.observed, mixture, state):
        drawn = [draw_pass(s, size, architecture, mixture, state.rng, state.noise) for s in subsets]
        passes = [chosen.share(rank, world) for chosen in drawn]
        tensors, results = update_network(fabric, state, batch, passes, phase, configuration, judged)
        losses = average_losses(fabric, tensors)
        stop_at_trouble(losses, state, configuration)
        losses["gradient"] = float(apply_gradients(fabric, state, configuration.optimisation.gradient_clip))
        stop_at_trouble(losses, state, configuration)
        if phase.train_discriminators:
            tensors = update_discriminators(fabric, state, batch, passes, results, configuration, state.rng)
            losses |= average_losses(fabric, tensors)
            stop_at_trouble(losses, state, configuration)
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


def updates_of(observed: tuple[str, ...], mixture: MixtureConfig, state: TrainingState) -> list[list[Subset]]:
    """The subsets r' of each update that is made of one draw of slices."""
    if mixture.subsets == "release":
        return enumerated_subsets(observed)
    return [[draw_subset(observed, state.rng) for _ in range(mixture.per_step)]]


def stop_at_trouble(losses: dict[str, float], state: TrainingState, configuration: Configuration) -> None:
    """Raise if the run went wrong: before the network's weights take harm, and before anything is saved."""
    wrong = next((name for name, value in losses.items() if not math.isfinite(value)), None)
    scaled = configuration.device.precision == "16-mixed"  # its scaler meets infinite gradients by itself
    if wrong and not (scaled and wrong == "gradient"):
        reason = f"{wrong} is {losses[wrong]}"
    elif losses["kl"] > configuration.loss.kl_limit:
        reason = f"the divergence exploded: kl is {losses['kl']:.3g}, more than loss.kl_limit"
    else:
        return
    raise NumericalTroubleError(
        f"Stopped at step {state.step}, because {reason}. {_last_good(configuration.run / CHECKPOINT)} "
        "Lower optimisation.learning_rate, or set optimisation.gradient_clip, in a new run that starts from it."
    )


def _last_good(path: Path) -> str:
    if not path.exists():
        return "No checkpoint was saved yet."
    return f"The last good checkpoint is {path}, of step {read_checkpoint(path)['step']}."
