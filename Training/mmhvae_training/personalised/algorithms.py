"""Algorithms 1 and 2: what is minimised, modality by modality.

Both are generators: each value is one update's losses, under "loss" their weighted sum. Whoever iterates goes backward
and steps before asking for the next one, so that gradients are cleared for every modality (the authors' code clears
them once a batch and steps four times with what has accumulated).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from .anchor import Anchor, AnchorKind
from .inputs import Subset, shown
from .losses import contrastive_loss, decomposition_loss, invariance_loss, rotation_loss, task_loss
from .network import ROTATIONS, PersonalisedNetwork
from .views import cut_out, turned, turned_back

Losses = dict[str, Tensor]


@dataclass(frozen=True)
class Constraints:
    """Which terms there are: the rows of the paper's Tables 4 and 7. The prior O is the network's own switch."""

    contrastive: bool = True
    decomposition: bool = True
    equivariance: bool = True
    invariance: bool = True
    anchor: AnchorKind = "running"


@dataclass(frozen=True)
class SubVolumes:
    """Crops of patients at one place in all modalities.

    Attributes:
        images: (B, M, *crop), normalised; foreground: the same shape, true in the brain.
        labels: (B, *crop) of int64, for segmentation.
    """

    images: Tensor
    foreground: Tensor
    labels: Tensor | None = None

    def share(self, rank: int, world: int) -> SubVolumes:
        """Those of one of ``world`` devices that split the batch."""
        labels = None if self.labels is None else self.labels.chunk(world)[rank]
        return SubVolumes(self.images.chunk(world)[rank], self.foreground.chunk(world)[rank], labels)

    def to(self, device: torch.device) -> SubVolumes:
        """On a device."""
        labels = None if self.labels is None else self.labels.to(device)
        return SubVolumes(self.images.to(device), self.foreground.to(device), labels)


def pretraining(
    network: PersonalisedNetwork, batch: SubVolumes, constraints: Constraints, generator: torch.Generator
) -> Iterator[Losses]:
    """Algorithm 1: every modality once, in random order, turned and cut out."""
    anchor = Anchor(constraints.anchor)
    for modality in torch.randperm(batch.images.shape[1], generator=generator).tolist():
        image = shown(batch.images, (modality,))
        turns = torch.randint(ROTATIONS, (len(image),), generator=generator)
        straight = turned(image, turns)
        features = network.encode(cut_out(straight, generator))
        fused = network.personalise(features.z)
        judged = network.judged(features.z, fused)
        losses: Losses = {}
        if constraints.equivariance:
            losses["equivariance"] = rotation_loss(network.rotation_logits(judged), turns.to(judged.device))
        if constraints.contrastive:
            other = _second_view(network, straight, generator)
            losses["contrastive"] = contrastive_loss(network.contrastive_vectors(judged), other)
        if constraints.invariance and anchor.value is not None:
            losses["invariance"] = invariance_loss(fused, anchor.value)
        anchor.add(fused)
        if constraints.decomposition:
            output = turned_back(network.decode(fused, features), turns)
            losses["decomposition"] = decomposition_loss(output, batch.images, batch.foreground)
        if losses:  # invariance alone says nothing of the first modality
            yield {"loss": torch.stack(list(losses.values())).sum(), **losses}


@torch.no_grad()
def _second_view(network: PersonalisedNetwork, straight: Tensor, generator: torch.Generator) -> Tensor:
    """Contrastive vectors of the view turned once more and cut out again; no gradient."""
    turns = torch.randint(ROTATIONS, (len(straight),), generator=generator)
    z = network.encode(cut_out(turned(straight, turns), generator)).z
    fused = network.personalise(z) if network.config.heads == "fused" else z
    return network.contrastive_vectors(network.judged(z, fused))


def fine_tuning(
    network: PersonalisedNetwork, batch: SubVolumes, subsets: Sequence[Subset], constraints: Constraints
) -> Iterator[Losses]:
    """Algorithm 2: the task with each of the subsets in turn, and invariance to those before.

    The task is segmentation where the network has classes, and synthesis of all modalities where it has none.
    """
    anchor = Anchor(constraints.anchor)
    for subset in subsets:
        features = network.encode(shown(batch.images, subset))
        fused = network.personalise(features.z)
        losses = {"task": _task(network, network.decode(fused, features), batch)}
        if constraints.invariance and anchor.value is not None:
            losses["invariance"] = invariance_loss(fused, anchor.value)
        anchor.add(fused)
        yield {"loss": torch.stack(list(losses.values())).sum(), **losses}


def _task(network: PersonalisedNetwork, output: Tensor, batch: SubVolumes) -> Tensor:
    if network.config.classes is None:
        return decomposition_loss(output, batch.images, batch.foreground)
    if batch.labels is None:
        raise ValueError("A network with classes should be tuned on patients with labels.")
    if int(batch.labels.max()) >= network.config.classes or int(batch.labels.min()) < 0:
        raise ValueError(f"labels should lie between 0 and {network.config.classes - 1}; the network has no others.")
    return task_loss(output, batch.labels)
