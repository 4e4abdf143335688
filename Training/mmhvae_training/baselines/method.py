"""What trainer, evaluator and stopwatch ask of a method: losses of a batch, and images of whatever there is.

Images are (B, 1, H, W) by modality in [-1, 1], -1 outside the field of view: inputs raw (each slice's own range),
targets harmonised, so that every method also harmonises what it is given. A modality that a case lacks is no target
of it, and gives no gradient.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import ClassVar, Generic, TypeVar

import torch
from torch import Tensor, nn

from ..data import Batch
from ..objective import Subset
from .configuration import BaselineConfig
from .stacks import field_of_view, unstacked

Images = dict[str, Tensor]
Inputs = Mapping[str, Tensor]
Losses = dict[str, Tensor]
Noise = torch.Generator | None
Config = TypeVar("Config", bound=BaselineConfig)


@dataclass(frozen=True)
class Pass:
    """One subset r' that is shown, and the seed of all that is random while it is: noise, times, dropout."""

    subset: Subset
    seed: int


@dataclass(frozen=True)
class Phase:
    """What holds at a step: Adam's rate, and whether ResViT's transformers take part."""

    learning_rate: float
    transformers: bool = True


@dataclass(frozen=True)
class Step:
    """Terms whose sum the network minimises, and each pass's outputs, cut from the graph."""

    losses: Losses
    outputs: list[Images]


class Synthesiser(ABC):
    """What makes images of images."""

    network: nn.Module

    @torch.no_grad()
    def synthesise(
        self,
        inputs: Mapping[str, Tensor],
        targets: Collection[str],
        mask: Tensor | None = None,
        generator: torch.Generator | None = None,
    ) -> Images:
        """The targets of any non-empty subset, in evaluation mode and without gradient.

        Args:
            mask: (B, 1, H, W), true inside the field of view; by default where the first modality present shows
                something.
            generator: source of the noise, on the inputs' device, for methods that need it.
        """
        with evaluating(self.network):
            return self._images(inputs, targets, mask, generator)

    @abstractmethod
    def _images(self, inputs: Inputs, targets: Collection[str], mask: Tensor | None, noise: Noise) -> Images: ...


@dataclass(frozen=True)
class Baseline(Synthesiser, Generic[Config]):
    """A network that is compared with MMHVAE, its settings, its losses, and its adversary where it has one.

    ``dataclasses.replace(baseline, network=average)`` synthesises with averaged weights.
    """

    DRAWS: ClassVar[bool] = False
    """Whether its images depend on the noise's generator."""

    config: Config
    modalities: tuple[str, ...]
    network: nn.Module  # what the optimiser updates and the moving average follows
    adversary: nn.Module | None = None

    def phase(self, share: float) -> Phase:
        """What holds after that share of the run, from 0 to 1; the same throughout unless a method says otherwise."""
        return Phase(self.config.learning_rate)

    @abstractmethod
    def losses(self, batch: Batch, passes: Sequence[Pass], phase: Phase) -> Step:
        """Terms of the passes' mean; a pure function of weights and arguments.

        The training loop's ``Method.losses`` is another thing: a whole step, which draws, updates and gives numbers.
        :class:`.baseline_method.BaselineMethod` makes one of these terms, for one pass after the other.
        """

    @abstractmethod
    def _stack(self, inputs: Inputs, mask: Tensor, noise: Noise) -> Tensor:
        """Every modality of those that are there, (B, M, H, W)."""

    def _images(self, inputs: Inputs, targets: Collection[str], mask: Tensor | None, noise: Noise) -> Images:
        mask = field_of_view(inputs, self.modalities) if mask is None else mask
        return unstacked(self._stack(inputs, mask, noise), self.modalities, targets)

    def adversary_losses(self, batch: Batch, passes: Sequence[Pass], outputs: Sequence[Inputs]) -> Losses:
        """Terms whose sum the adversary minimises, of the outputs of :meth:`losses`; none without an adversary."""
        return {}


def mean_terms(terms: Sequence[Losses]) -> Losses:
    """Each term's mean over the passes."""
    return {name: torch.stack([of_pass[name] for of_pass in terms]).mean() for name in terms[0]}


@contextmanager
def seeded(seed: int, device: torch.device) -> Iterator[None]:
    """Torch's random numbers begin at ``seed``, and afterwards go on as if nothing had been drawn."""
    with torch.random.fork_rng([device] if device.type == "cuda" else []):
        torch.manual_seed(seed)
        yield


@contextmanager
def evaluating(network: nn.Module) -> Iterator[None]:
    """Dropout off and normalisation by what training remembered; afterwards as it was."""
    training = network.training
    network.eval()
    try:
        yield
    finally:
        network.train(training)


@contextmanager
def judging(adversary: nn.Module) -> Iterator[nn.Module]:
    """The adversary while it scores for the network's sake: its own weights collect no gradient."""
    adversary.requires_grad_(False)
    try:
        yield adversary
    finally:
        adversary.requires_grad_(True)


def least_squares(scores: Tensor, label: float) -> Tensor:
    """Mean squared distance of a discriminator's scores from ``label`` (Mao et al., 2017), a scalar."""
    return (scores - label).square().mean()
