"""The two updates of a step: the data model's (Algorithm 1, lines 5 to 25) and the discriminators' (lines 26 to 33)."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
import torch
from lightning_fabric import Fabric
from mmhvae.network import MMHVAE
from torch import Tensor

from ..configuration import Configuration
from ..data import Batch
from ..objective import (
    Pass,
    PassResult,
    backward_through_encoders,
    discriminators_loss,
    fakes_of,
    generator_loss,
    leaves_of,
    negative_elbo,
    real_images,
    run_pass,
    sees_discriminators,
)
from .devices import average_gradients
from .run_state import RunState
from .schedule import Phase
from .state import TrainingState

Losses = dict[str, Tensor]


def update_network(
    fabric: Fabric,
    state: TrainingState,
    batch: Batch,
    passes: Sequence[Pass],
    phase: Phase,
    configuration: Configuration,
    judged: Sequence[str],
) -> tuple[Losses, list[PassResult]]:
    """Gradients of all passes, without the update itself: see :func:`apply_gradients`.

    Args:
        batch: this device's share.
        passes: the T subsets r', each with its share of the noise.
        judged: modalities that have a discriminator and real images somewhere in the training set.

    Returns:
        Losses, each a mean over the passes, and the passes' outputs, cut from the graph.
    """
    network, config = state.network, configuration.loss
    adversarial = phase.adversarial_weight > 0 or phase.train_discriminators
    targets = dict.fromkeys([*batch.observed, *judged]) if adversarial else batch.observed
    needed = {name: batch.inputs[name] for name in batch.observed if any(name in p.subset for p in passes)}
    state.optimiser.zero_grad()
    with fabric.autocast():
        encodings = network.encode(needed)  # deterministic, shared by the T passes
    leaves, results = leaves_of(encodings), []
    logged: defaultdict[str, list[Tensor]] = defaultdict(list)
    for chosen in passes:
        with fabric.autocast():
            result = run_pass(network, leaves, chosen, batch, list(targets), config)
            loss = negative_elbo(result, phase.kl_weight, config, len(network.config.modalities))
            if phase.adversarial_weight > 0 and sees_discriminators(chosen, configuration.adversarial):
                scores = _judged_by(state, result, judged)
                loss = loss + phase.adversarial_weight * torch.stack(list(scores.values())).mean()
                _collect(logged, {f"generator/{name}": score for name, score in scores.items()})
        fabric.backward(loss)  # frees the memory of this pass
        _collect(logged, pass_losses(network, result))
        results.append(replace(result, outputs={name: image.detach() for name, image in result.outputs.items()}))
    backward_through_encoders(encodings, leaves)
    average_gradients(fabric, network)
    return {name: torch.stack(values).mean() for name, values in logged.items()}, results


def apply_gradients(fabric: Fabric, state: RunState, clip: float | None) -> Tensor:
    """Clip, and update the network; returns the gradient's norm before clipping."""
    limit = float("inf") if clip is None else clip
    norm = fabric.clip_gradients(state.network, state.optimiser, max_norm=limit, error_if_nonfinite=False)
    assert norm is not None
    if torch.isfinite(norm) or fabric.strategy.precision.state_dict():  # a scaler skips such steps by itself
        state.optimiser.step()
    return norm


def update_discriminators(
    fabric: Fabric,
    state: TrainingState,
    batch: Batch,
    passes: Sequence[Pass],
    results: Sequence[PassResult],
    configuration: Configuration,
    rng: np.random.Generator,
) -> Losses:
    """One update of every discriminator for which this step has real and synthetic images."""
    assert state.discriminators is not None
    assert state.discriminator_optimiser is not None
    real = real_images(batch, state.pools, configuration.adversarial, rng, fabric.global_rank, fabric.world_size)
    state.discriminator_optimiser.zero_grad()
    with fabric.autocast():
        losses = discriminators_loss(state.discriminators, real, fakes_of(passes, results))
    if not losses:
        return {}
    fabric.backward(torch.stack(list(losses.values())).sum())
    average_gradients(fabric, state.discriminators)
    state.discriminator_optimiser.step()
    return {f"discriminator/{name}": loss for name, loss in losses.items()}


def pass_losses(network: MMHVAE, result: PassResult) -> Losses:
    """Losses of a pass under the names of the log: overall, a modality, a level."""
    groups = sorted(getattr(network, "groups", range(1, len(network.levels) + 2)), reverse=True)
    kl = {f"kl/z{group}": level for group, level in zip(groups, result.kl_levels, strict=True)}
    image = torch.stack(list(result.image.values())).mean()
    by_modality = {f"image/{name}": loss for name, loss in result.image.items()}
    return {"image": image, "kl": result.kl_levels.sum(), **by_modality, **kl}


def _judged_by(state: TrainingState, result: PassResult, judged: Sequence[str]) -> Losses:
    assert state.discriminators is not None
    state.discriminators.requires_grad_(False)  # they judge; the gradient is the network's
    scores = generator_loss(state.discriminators, result.outputs, judged)
    state.discriminators.requires_grad_(True)
    return scores


def _collect(logged: defaultdict[str, list[Tensor]], losses: Mapping[str, Tensor]) -> None:
    for name, value in losses.items():
        logged[name].append(value.detach())
