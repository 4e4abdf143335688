"""A baseline as a method of the training loop: MMHVAE's slices and subsets, and the game with its adversary, if any."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, cast

import numpy as np
import torch
from lightning_fabric import Fabric
from lightning_fabric.wrappers import _FabricOptimizer
from torch import Tensor, nn

from ..data import Batch, Sampler
from ..loop import (
    Method,
    RunState,
    average_gradients,
    average_losses,
    showcase,
    stop_at_trouble,
    subsets_grid,
    updates_of,
)
from ..objective import Subset
from .method import Baseline, Images, Losses, Pass, Phase
from .methods import new_baseline
from .run_configuration import BaselineConfiguration


@dataclass(kw_only=True)
class BaselineState(RunState):
    """A baseline's run: beside the network its adversary, if it has one."""

    baseline: Baseline[Any]
    adversary_optimiser: _FabricOptimizer | None

    def content(self) -> dict[str, Any]:
        """What a checkpoint holds of it."""
        content = super().content()
        if self.baseline.adversary is not None and self.adversary_optimiser is not None:
            content["adversary"] = self.baseline.adversary.state_dict()
            content["adversary_optimiser"] = self.adversary_optimiser.optimizer.state_dict()
        return content

    def restore(self, content: dict[str, Any]) -> None:
        """Continue from a checkpoint."""
        super().restore(content)
        if self.baseline.adversary is not None and self.adversary_optimiser is not None:
            self.baseline.adversary.load_state_dict(content["adversary"])
            self.adversary_optimiser.optimizer.load_state_dict(content["adversary_optimiser"])


def new_baseline_state(configuration: BaselineConfiguration, fabric: Fabric) -> BaselineState:
    """A freshly initialised run on the fabric's device; the seed determines weights, data order and noise."""
    torch.manual_seed(configuration.seed)
    baseline = new_baseline(configuration.settings, configuration.architecture.modalities)
    baseline.network.to(fabric.device)

    def adam(network: nn.Module) -> _FabricOptimizer:
        rate = baseline.phase(0).learning_rate
        optimiser = torch.optim.Adam(network.parameters(), rate, baseline.config.betas)
        return cast(_FabricOptimizer, fabric.setup_optimizers(optimiser))

    return BaselineState(
        network=baseline.network,
        average=copy.deepcopy(baseline.network).requires_grad_(False),
        optimiser=adam(baseline.network),
        rng=np.random.default_rng(configuration.seed),
        noise=torch.Generator(fabric.device).manual_seed(configuration.seed),
        baseline=baseline,
        adversary_optimiser=adam(baseline.adversary.to(fabric.device)) if baseline.adversary is not None else None,
    )


@dataclass(frozen=True)
class BaselineMethod(Method[BaselineConfiguration, BaselineState]):
    """A run of a baseline."""

    sampler: Sampler

    @property
    def steps(self) -> int:
        """Length of the run."""
        return max(1, round(self.configuration.optimisation.epochs * self.sampler.steps_per_epoch))

    def losses(self, fabric: Fabric) -> dict[str, float]:
        """One draw of slices, and the updates that are made of it, network first, then adversary."""
        state, config = self.state, self.configuration
        phase = state.baseline.phase(state.step / self.steps)
        for optimiser in (state.optimiser, state.adversary_optimiser):
            for group in optimiser.optimizer.param_groups if optimiser is not None else ():
                group["lr"] = phase.learning_rate
        whole = self.sampler.draw(state.step, state.rng)  # every modality observed in one case, each (B, 1, H, W)
        batch = whole.share(fabric.global_rank, fabric.world_size).to(fabric.device)
        losses: dict[str, float] = {}
        for subsets in updates_of(whole.observed, config.mixture, state.rng):
            passes = [self._pass(subset, fabric.global_rank) for subset in subsets]
            terms, outputs = self._update_network(fabric, batch, passes, phase)
            losses = self.apply(fabric, terms)
            losses |= average_losses(fabric, self._update_adversary(fabric, batch, passes, outputs))
            stop_at_trouble(losses, state, config)
        return losses | {"learning_rate": phase.learning_rate}

    def _pass(self, subset: Subset, rank: int) -> Pass:
        """Every device draws the same seed and adds its own rank: the same subset, other noise."""
        return Pass(subset, int(self.state.rng.integers(2**62)) + rank)

    def _update_network(
        self, fabric: Fabric, batch: Batch, passes: Sequence[Pass], phase: Phase
    ) -> tuple[Losses, list[Images]]:
        """Gradients of the passes' mean, one pass in memory at a time; their terms and outputs."""
        self.state.optimiser.zero_grad()
        terms: list[Losses] = []
        outputs: list[Images] = []
        for chosen in passes:
            with fabric.autocast():
                step = self.state.baseline.losses(batch, [chosen], phase)
            fabric.backward(torch.stack(list(step.losses.values())).sum() / len(passes))
            terms.append({name: value.detach() for name, value in step.losses.items()})
            outputs += step.outputs
        average_gradients(fabric, self.state.network)
        return {name: torch.stack([term[name] for term in terms]).mean() for name in terms[0]}, outputs

    def _update_adversary(
        self, fabric: Fabric, batch: Batch, passes: Sequence[Pass], outputs: Sequence[Images]
    ) -> Losses:
        baseline, optimiser = self.state.baseline, self.state.adversary_optimiser
        if baseline.adversary is None or optimiser is None:
            return {}
        optimiser.zero_grad()
        with fabric.autocast():
            losses = baseline.adversary_losses(batch, passes, outputs)
        fabric.backward(torch.stack(list(losses.values())).sum())
        average_gradients(fabric, baseline.adversary)
        optimiser.step()
        return losses

    def synthesise(self, fabric: Fabric) -> Tensor:
        """All targets of all subsets, of the fullest slice that there is, with averaged weights."""
        size, modalities = self.configuration.architecture.image_size, self.configuration.architecture.modalities
        scene = showcase(self.sampler.training_set.all_cases, size).to(fabric.device)
        averaged = replace(self.state.baseline, network=self.state.average)

        def synthesised(subset: Subset) -> Images:
            noise = torch.Generator(fabric.device).manual_seed(0)
            inputs = {name: scene.inputs[name] for name in subset}
            return averaged.synthesise(inputs, modalities, scene.mask, noise)

        return subsets_grid(synthesised, scene, modalities)
