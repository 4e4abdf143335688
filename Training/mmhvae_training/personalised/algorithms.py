"""Algorithms 1 and 2: what is minimised, modality by modality.

Both are generators: each value is one update's losses, under "loss" their weighted sum. Whoever iterates goes backward
and steps before asking for the next one, so that gradients are cleared for every modality (the authors' code clears
them once a batch and steps four times with what has accumulated).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import cast

import torch
from torch import Tensor

from .anchor import Anchor, AnchorKind
from .inputs import Subset, shown
from .losses import (
    contrastive_loss,
    decomposition_loss,
    inpainting_loss,
    invariance_loss,
    rotation_loss,
    task_loss,
)
from .network import ROTATIONS, PersonalisedNetwork
from .representation import RepresentationNetwork
from .views import cut_out, turned, turned_back

Losses = dict[str, Tensor]


@dataclass(frozen=True)
class Constraints:
    """Which terms there are: the rows of the paper's Tables 4 and 7. The prior O is the network's own switch.

    Args:
        inpainting: the third term of Tang et al. (CVPR 2022), whose pre-training the paper compares with: what was cut
            out of the own input. With it, `contrastive` and `equivariance`, and nothing else, a run is theirs.
    """

    contrastive: bool = True
    decomposition: bool = True
    equivariance: bool = True
    invariance: bool = True
    inpainting: bool = False
    anchor: AnchorKind = "running"


@dataclass(frozen=True)
class Share:
    """Which part of a batch is one device's: the ``rank``-th of ``world``."""

    rank: int = 0
    world: int = 1

    def of(self, batch: Tensor) -> Tensor:
        """(B, ...) -> (B / world, ...)."""
        return batch.chunk(self.world)[self.rank]


WHOLE = Share()


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

    def share(self, share: Share) -> SubVolumes:
        """Those of one of the devices that split the batch."""
        labels = None if self.labels is None else share.of(self.labels)
        return SubVolumes(share.of(self.images), share.of(self.foreground), labels)

    def to(self, device: torch.device) -> SubVolumes:
        """On a device."""
        labels = None if self.labels is None else self.labels.to(device)
        return SubVolumes(self.images.to(device), self.foreground.to(device), labels)


def pretraining(
    network: RepresentationNetwork,
    batch: SubVolumes,
    constraints: Constraints,
    generator: torch.Generator,
    share: Share = WHOLE,
) -> Iterator[Losses]:
    """Algorithm 1: every modality once, in random order, turned and cut out.

    Every device draws for the whole batch, so that it is turned and cut out as one device would, pieces of another
    device's sub-volumes included; the losses are of its share. The contrastive loss sees the negatives of that share
    only: with it several devices learn something else than one.

    Args:
        batch: the whole one.
        generator: of the CPU, wherever the batch is.
        share: this device's.
    """
    own, anchor = batch.share(share), Anchor(constraints.anchor)
    for modality in torch.randperm(batch.images.shape[1], generator=generator).tolist():
        views = _Views.of(shown(batch.images, (modality,), network.config.missing), generator, share)
        features = network.encode(views.covered)
        fused = network.personalise(features.z)
        losses: Losses = {}
        if constraints.equivariance or constraints.contrastive:
            heads = cast(PersonalisedNetwork, network)  # the run's configuration sees to it
            losses |= _head_losses(heads, heads.judged(features.z, fused), views, constraints, generator)
        if constraints.invariance and anchor.value is not None:
            losses["invariance"] = invariance_loss(fused, anchor.value)
        anchor.add(fused)
        if constraints.decomposition or constraints.inpainting:
            output = network.decode(fused, features)
            if constraints.decomposition:
                made = turned_back(output, views.turns)
                losses["decomposition"] = decomposition_loss(made, own.images, own.foreground)
            if constraints.inpainting:
                losses["inpainting"] = inpainting_loss(output, share.of(views.straight))
        if losses:  # invariance alone says nothing of the first modality
            yield {"loss": torch.stack(list(losses.values())).sum(), **losses}


@dataclass(frozen=True)
class _Views:
    """One modality of a batch, turned: all of it, and of the device's share the turns and what is cut out.

    Attributes:
        straight: (B, M, *crop), turned, nothing cut out.
        turns: (B / world,); covered: (B / world, M, *crop), with boxes cut out.
    """

    share: Share
    straight: Tensor
    turns: Tensor
    covered: Tensor

    @staticmethod
    def of(images: Tensor, generator: torch.Generator, share: Share) -> _Views:
        """Drawn for all of ``images`` (B, M, *crop)."""
        turns = torch.randint(ROTATIONS, (len(images),), generator=generator)
        straight = turned(images, turns)
        return _Views(share, straight, share.of(turns), share.of(cut_out(straight, generator)))


def _head_losses(
    network: PersonalisedNetwork, judged: Tensor, views: _Views, constraints: Constraints, generator: torch.Generator
) -> Losses:
    """Rotation and contrast, of (B / world, 16 f, n)."""
    losses: Losses = {}
    if constraints.equivariance:
        losses["equivariance"] = rotation_loss(network.rotation_logits(judged), views.turns.to(judged.device))
    if constraints.contrastive:
        other = _second_view(network, views, generator)
        losses["contrastive"] = contrastive_loss(network.contrastive_vectors(judged), other)
    return losses


@torch.no_grad()
def _second_view(network: PersonalisedNetwork, views: _Views, generator: torch.Generator) -> Tensor:
    """Contrastive vectors of the view turned once more and cut out again; no gradient."""
    z = network.encode(_Views.of(views.straight, generator, views.share).covered).z
    fused = network.personalise(z) if network.config.heads == "fused" else z
    return network.contrastive_vectors(network.judged(z, fused))


def fine_tuning(
    network: RepresentationNetwork, batch: SubVolumes, subsets: Sequence[Subset], constraints: Constraints
) -> Iterator[Losses]:
    """Algorithm 2: the task with each of the subsets in turn, and invariance to those before.

    The task is segmentation where the network has classes, and synthesis of all modalities where it has none.
    """
    anchor = Anchor(constraints.anchor)
    for subset in subsets:
        features = network.encode(shown(batch.images, subset, network.config.missing))
        fused = network.personalise(features.z)
        losses = {"task": _task(network, network.decode(fused, features), batch)}
        if constraints.invariance and anchor.value is not None:
            losses["invariance"] = invariance_loss(fused, anchor.value)
        anchor.add(fused)
        yield {"loss": torch.stack(list(losses.values())).sum(), **losses}


def _task(network: RepresentationNetwork, output: Tensor, batch: SubVolumes) -> Tensor:
    if network.config.classes is None:
        return decomposition_loss(output, batch.images, batch.foreground)
    if batch.labels is None:
        raise ValueError("A network with classes should be tuned on patients with labels.")
    if int(batch.labels.max()) >= network.config.classes or int(batch.labels.min()) < 0:
        raise ValueError(f"labels should lie between 0 and {network.config.classes - 1}; the network has no others.")
    return task_loss(output, batch.labels)
