"""Training of an MMHVAE on simulated cases: the ELBO with its mixture over subsets (equations 8, 9 and 19).

One loop that reads from top to bottom. Everything random comes from two generators whose states are part of
the checkpoint, so that a resumed run continues as if it had not been interrupted.
"""

from __future__ import annotations

import copy
import json
import math
import os
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from mmhvae.bundle import load_bundle
from mmhvae.exceptions import InputError
from mmhvae.network import MMHVAE, MMHVAEConfig
from torch import Tensor

from .augmentation import apply_intensity_change, draw_intensity_change
from .depthwise import speed_up_on_cpu
from .losses import Norm, image_loss
from .slices import Batch, TrainingCase, draw_batch
from .subsets import draw_subset

CHECKPOINT = "checkpoint.pt"
RUN = "run.json"  # what the bundle made of the run will tell of it


@dataclass(frozen=True)
class TrainingConfig:
    """The run. Defaults are those of the starter bundle; the paper's schedule needs a GPU and real data."""

    steps: int = 2400
    batch_size: int = 4
    subsets_per_step: int = 2  # T of Algorithm 1
    learning_rate: float = 2e-3  # Adamax, cosine to final_learning_rate
    final_learning_rate: float = 1e-4
    kl_weight: float = 0.001
    kl_warmup: int = 300  # steps, linear
    image_norm: Norm = "l2"  # the paper's; the release has l1
    correlation_weight: float = 0.03
    # Noise of the latents, drawn for each pass. The ELBO's is 1; but the decoders normalise by the noise they see,
    # and after a short training a network that only knows 1 has shifted grey levels at the 0.5 of inference.
    temperatures: tuple[float, float] = (0.0, 1.0)
    gradient_clip: float = 1.0
    average_decay: float = 0.995  # of the weights' moving average, which is what the bundle gets
    checkpoint_every: int = 100
    keep_every: int = 500  # averaged weights that stay, to choose among by more than the simulated loss
    incomplete_share: float = 0.0  # of the steps, drawn from the incomplete cases
    seed: int = 0


@dataclass
class TrainingState:
    """All that a resumed run needs."""

    network: MMHVAE
    average: MMHVAE
    optimiser: torch.optim.Optimizer
    rng: np.random.Generator
    noise: torch.Generator
    step: int = 0


def new_state(architecture: MMHVAEConfig, config: TrainingConfig) -> TrainingState:
    """A freshly initialised run; the seed determines weights, data order and noise."""
    torch.manual_seed(config.seed)
    network = MMHVAE(architecture)
    speed_up_on_cpu(network)
    average = copy.deepcopy(network).requires_grad_(False)
    optimiser = torch.optim.Adamax(network.parameters(), config.learning_rate)
    noise = torch.Generator().manual_seed(config.seed)
    return TrainingState(network, average, optimiser, np.random.default_rng(config.seed), noise)


def start_from(state: TrainingState, path: Path) -> dict[str, Any]:
    """Begin a new run with the weights of a bundle, or with the averaged ones of another run: fine-tuning.

    Returns:
        What is known of how those weights were trained.

    Raises:
        InputError: ``path`` is neither, or its network is another one.
    """
    if (path / RUN).exists():
        weights = torch.load(path / CHECKPOINT, weights_only=True)["average"]
        history = json.loads((path / RUN).read_text(encoding="utf-8"))
    else:
        bundle = load_bundle(path)
        weights, history = bundle.network.state_dict(), dict(bundle.manifest.training)
    for network in (state.network, state.average):
        try:
            network.load_state_dict(weights)
        except RuntimeError as error:
            raise InputError(f"The network of {path} is not the one to be trained; start from another.") from error
    return history


def train(
    state: TrainingState,
    cases: Sequence[TrainingCase],
    config: TrainingConfig,
    folder: Path,
    incomplete: Sequence[TrainingCase] = (),
) -> None:
    """Run until ``config.steps``; losses go to ``losses.jsonl``, the state to ``checkpoint.pt`` in ``folder``.

    ``incomplete`` cases lack modalities, as most patients do; ``config.incomplete_share`` of the steps use them.
    """
    started = time.monotonic()
    while state.step < config.steps:
        for group in state.optimiser.param_groups:
            group["lr"] = learning_rate(state.step, config)
        # No draw where there is nothing to choose, so that such runs keep their order of cases.
        real = bool(incomplete) and state.rng.random() < config.incomplete_share
        losses = training_step(state, incomplete if real else cases, config)
        state.step += 1
        _update_average(state, config)
        if state.step % 20 == 0 or state.step == config.steps:
            minutes = round((time.monotonic() - started) / 60, 2)
            record = {"step": state.step, "minutes": minutes, "incomplete": real, **losses}
            with (folder / "losses.jsonl").open("a") as log:
                log.write(json.dumps(record) + "\n")
        if state.step % config.checkpoint_every == 0 or state.step == config.steps:
            save_checkpoint(state, folder / CHECKPOINT)
        if state.step % config.keep_every == 0:
            _write_whole({"average": state.average.state_dict()}, folder / f"average-{state.step:06d}.pt")


def training_step(state: TrainingState, cases: Sequence[TrainingCase], config: TrainingConfig) -> dict[str, float]:
    """One update from one batch: Algorithm 1, lines 3 to 25, without the adversarial term.

    Raises:
        FloatingPointError: the loss is no longer finite; the last checkpoint is still good.
    """
    batch = _augmented(draw_batch(cases, config.batch_size, state.network.config.image_size, state.rng), state.rng)
    subsets = [draw_subset(batch.observed, state.rng) for _ in range(config.subsets_per_step)]
    needed = {name: batch.inputs[name] for name in batch.observed if any(name in subset for subset in subsets)}
    encodings = state.network.encode(needed)  # deterministic, shared by the T passes
    image_term, kl_term = torch.zeros(()), torch.zeros(())
    for subset in subsets:
        chosen = {name: encodings[name] for name in subset}
        temperature = float(state.rng.uniform(*config.temperatures))
        z1, kl_levels = state.network.fuse(chosen, temperature, state.noise, compute_kl=True)
        outputs = state.network.decode(z1, batch.observed)
        image_term = image_term + _observed_image_loss(outputs, batch, config)
        image_size = state.network.config.image_size
        per_value = image_size**2 * len(state.network.config.modalities)
        kl_term = kl_term + torch.stack(kl_levels or ()).sum(0).mean() / per_value
    loss = image_term + config.kl_weight * min(1.0, state.step / max(1, config.kl_warmup)) * kl_term
    if not torch.isfinite(loss):
        raise FloatingPointError(f"The loss is {loss.item()} at step {state.step}.")
    state.optimiser.zero_grad()
    loss.backward()
    torch.nn.utils.clip_grad_norm_(state.network.parameters(), config.gradient_clip)
    state.optimiser.step()
    passes = config.subsets_per_step
    return {"image": round(image_term.item() / passes, 5), "kl": round(kl_term.item() / passes, 5)}


def learning_rate(step: int, config: TrainingConfig) -> float:
    """Cosine from ``learning_rate`` to ``final_learning_rate`` over the run."""
    share = 0.5 * (1 + math.cos(math.pi * step / config.steps))
    return config.final_learning_rate + share * (config.learning_rate - config.final_learning_rate)


def save_checkpoint(state: TrainingState, path: Path) -> None:
    """Write the state whole or not at all."""
    content: dict[str, Any] = {
        "network": state.network.state_dict(),
        "average": state.average.state_dict(),
        "optimiser": state.optimiser.state_dict(),
        "rng": json.dumps(state.rng.bit_generator.state),
        "noise": state.noise.get_state(),
        "step": state.step,
        "architecture": asdict(state.network.config),
    }
    _write_whole(content, path)


def _write_whole(content: dict[str, Any], path: Path) -> None:
    temporary = path.with_suffix(".writing")
    torch.save(content, temporary)
    os.replace(temporary, path)


def load_checkpoint(state: TrainingState, path: Path) -> None:
    """Continue from ``path``: weights, moving average, optimiser, both random states and the step."""
    content = torch.load(path, weights_only=True)
    state.network.load_state_dict(content["network"])
    state.average.load_state_dict(content["average"])
    state.optimiser.load_state_dict(content["optimiser"])
    state.rng.bit_generator.state = json.loads(content["rng"])
    state.noise.set_state(content["noise"])
    state.step = content["step"]


def _observed_image_loss(outputs: dict[str, Tensor], batch: Batch, config: TrainingConfig) -> Tensor:
    losses = []
    for name in batch.observed:
        masked = torch.where(batch.mask, outputs[name], -1.0)
        target = batch.targets[name]
        losses.append(image_loss(masked, target, batch.mask, config.image_norm, config.correlation_weight))
    return torch.stack(losses).mean()


def _augmented(batch: Batch, rng: np.random.Generator) -> Batch:
    inputs = {
        name: apply_intensity_change(image, batch.mask, draw_intensity_change(rng))
        for name, image in batch.inputs.items()
    }
    return Batch(inputs, batch.targets, batch.mask)


@torch.no_grad()
def _update_average(state: TrainingState, config: TrainingConfig) -> None:
    # The decay grows with the steps, so that the random initial weights are soon forgotten.
    decay = min(config.average_decay, (1 + state.step) / (10 + state.step))
    for mean, value in zip(state.average.parameters(), state.network.parameters(), strict=True):
        mean.lerp_(value, 1 - decay)
