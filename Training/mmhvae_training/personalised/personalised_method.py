"""The personalised network as a method of the training loop: Algorithm 1 or Algorithm 2, a step of all modalities."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from lightning_fabric import Fabric
from mmhvae import InputError
from torch import Tensor

from ..loop import CHECKPOINT, Method, RunState, adamw_state, read_checkpoint, read_run
from .algorithms import Losses, Share, SubVolumes, fine_tuning, pretraining
from .inputs import Subset, all_subsets, shown
from .representation import RepresentationNetwork
from .run_configuration import PersonalisedRun
from .unet import new_network
from .volumes import PatientVolume, draw_sub_volumes


def new_personalised(configuration: PersonalisedRun, fabric: Fabric) -> RunState:
    """A freshly initialised network and its optimiser."""
    optimisation, seed = configuration.optimisation, configuration.seed
    # Turns and boxes are numbers that Python reads one by one: drawn on the CPU, whatever device the network is on.
    on_cpu = torch.device("cpu")
    return adamw_state(lambda: new_network(configuration.architecture), optimisation, fabric, seed, noise_on=on_cpu)


def start_from(state: RunState, folder: Path) -> dict[str, Any]:
    """Begin with the averaged weights of another run; the output layer stays new where its size differs.

    Returns:
        How those weights were trained.

    Raises:
        InputError: the folder holds no run, a damaged one, or one of another network or crop.
    """
    history, weights = read_run(folder), read_checkpoint(folder / CHECKPOINT, "average")["average"]
    assert isinstance(state.network, RepresentationNetwork)
    own, last = state.network.state_dict(), state.network.OUTPUT_LAYER
    fresh = {name: own[name] for name in own if name.startswith(last)}
    fitting = {name: weights.get(name) for name in fresh}
    if any(tensor is None or tensor.shape != fresh[name].shape for name, tensor in fitting.items()):
        weights = {**weights, **fresh}
    for network in (state.network, state.average):
        try:
            network.load_state_dict(weights)
        except RuntimeError as error:
            raise InputError(f"The network of {folder} is not the one to be trained; start from another.") from error
    return history


@dataclass(frozen=True)
class PersonalisedMethod(Method[PersonalisedRun, RunState]):
    """A run of the personalised network."""

    volumes: Sequence[PatientVolume]

    @property
    def steps(self) -> int:
        """Length of the run."""
        return self.configuration.optimisation.steps

    def losses(self, fabric: Fabric) -> dict[str, float]:
        """One batch, and an update for each modality or subset; the mean of each loss over them."""
        logged: dict[str, list[float]] = {}
        for losses in self._updates(self._batch(), fabric):
            for name, value in self.update(fabric, losses["loss"], losses).items():
                logged.setdefault(name, []).append(value)
        return {name: sum(values) / len(values) for name, values in logged.items()}

    def _batch(self) -> SubVolumes:
        """The whole one, the same on every device."""
        data, crop = self.configuration.data, self.configuration.architecture.crop
        return draw_sub_volumes(self.volumes, crop, data.batch_size, data.flip, data.quarter_turn, self.state.rng)

    def _updates(self, batch: SubVolumes, fabric: Fabric) -> Iterator[Losses]:
        network, constraints = self.state.network, self.configuration.constraints
        share = Share(fabric.global_rank, fabric.world_size)
        assert isinstance(network, RepresentationNetwork)
        if self.configuration.task == "pretraining":
            updates = pretraining(network, batch.to(fabric.device), constraints, self.state.noise, share)
        else:
            own = batch.share(share).to(fabric.device)
            updates = fine_tuning(network, own, self._subsets(), constraints)
        while True:
            with fabric.autocast():
                losses = next(updates, None)
            if losses is None:
                return
            yield losses

    def _subsets(self) -> list[Subset]:
        """Transfer: every modality alone, in random order. Segmentation: a random subset, and one to agree with."""
        modalities, rng = len(self.configuration.architecture.modalities), self.state.rng
        if self.configuration.task == "transfer":
            return [(int(modality),) for modality in rng.permutation(modalities)]
        subsets = all_subsets(modalities)
        return [subsets[int(number)] for number in rng.choice(len(subsets), 2, replace=False)]

    def synthesise(self, fabric: Fabric) -> Tensor:
        """Middle slices of the first patient's first crop: a row a modality shown alone; the truth below; (1, H, W)."""
        crop, volume = self.configuration.architecture.crop, self.volumes[0]
        part = volume.cut(tuple(slice(0, side) for side in crop))
        images = part.images.to(fabric.device)[None]  # (1, M, *crop)
        rows = []
        for modality in range(images.shape[1]):
            with torch.no_grad(), fabric.autocast():
                output = self.state.average(shown(images, (modality,), self.configuration.architecture.missing)).float()
            rows.append(output if part.labels is None else output.argmax(dim=1, keepdim=True).float())
        rows.append(images if part.labels is None else part.labels.to(fabric.device)[None, None].float())
        middle = [torch.cat(list(row[0, :, crop[0] // 2]), dim=1) for row in rows]
        picture = torch.cat(middle, dim=0).cpu()
        return ((picture - picture.min()) / (picture.max() - picture.min()).clamp(min=1e-6))[None]
