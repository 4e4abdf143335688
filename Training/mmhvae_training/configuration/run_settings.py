"""What every method's run has: a folder, batches, an optimisation, output, devices and a seed."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any, Literal, Protocol, TypeVar

from mmhvae.exceptions import InputError


def require(holds: bool, rule: str) -> None:
    """Raise an InputError with ``rule`` unless it holds."""
    if not holds:
        raise InputError(rule)


class Batches(Protocol):
    """What is learnt from; ``batch_size`` of it a step, over all devices together."""

    @property
    def batch_size(self) -> int: ...


@dataclass(frozen=True)
class OptimisationConfig:
    """What every optimisation has; each method adds its own rates.

    Args:
        gradient_clip: largest norm of the gradient; None: any.
        average_decay: of the moving average of the weights, which is what is evaluated and what a bundle gets; 0: the
            last weights.
    """

    gradient_clip: float | None = None
    average_decay: float = 0.995

    def three_steps(self) -> OptimisationConfig:
        """The same for a run of three steps."""
        raise NotImplementedError  # no abstract class: jsonargparse would ask for the name of a subclass


@dataclass(frozen=True)
class EpochsConfig(OptimisationConfig):
    """A run by epochs.

    Args:
        epochs: length of the run.
        steps_per_epoch: None: one step a case.
    """

    epochs: float = 1000.0
    steps_per_epoch: int | None = None

    def __post_init__(self) -> None:
        require(self.epochs > 0, "optimisation.epochs should be positive.")
        require(self.steps_per_epoch is None or self.steps_per_epoch >= 1, "steps_per_epoch should be at least 1.")

    def three_steps(self) -> EpochsConfig:
        """Three epochs of a step."""
        return replace(self, epochs=3, steps_per_epoch=1)


@dataclass(frozen=True)
class AdamWConfig(OptimisationConfig):
    """A run by steps, with AdamW; at a constant rate, unless a method says otherwise.

    Args:
        steps: length of the run.
    """

    steps: int = 1000
    learning_rate: float = 2e-4
    weight_decay: float = 1e-5

    def __post_init__(self) -> None:
        require(self.steps >= 1, "optimisation.steps should be at least 1.")

    def three_steps(self) -> AdamWConfig:
        """Three steps."""
        return replace(self, steps=3)


@dataclass(frozen=True)
class PolynomialConfig(AdamWConfig):
    """AdamW whose rate falls to 0 as nnU-Net's does, by (1 - step / steps) to the ``power``."""

    steps: int = 2000
    learning_rate: float = 1e-3
    weight_decay: float = 3e-5
    gradient_clip: float | None = 12.0
    average_decay: float = 0.99
    power: float = 0.9

    def rate(self, step: int) -> float:
        """The learning rate of a step, counted from 0."""
        return self.learning_rate * max(0.0, 1 - step / self.steps) ** self.power


@dataclass(frozen=True)
class OutputConfig:
    """How often, in steps, the run's folder gets a checkpoint, kept averages, a line of losses, and an image grid."""

    checkpoint_every: int = 100
    keep_every: int = 500
    log_every: int = 20
    images_every: int = 500

    def __post_init__(self) -> None:
        require(min(asdict(self).values()) >= 1, "The intervals of output should be at least 1 step.")


@dataclass(frozen=True)
class DeviceConfig:
    """Where to compute: passed on to Lightning Fabric.

    Args:
        accelerator: what computes.
        devices: how many split every batch evenly (DDP). ``auto``: one GPU; on a CPU one process a core, or as many
            as share the batch evenly, since small convolutions do not scale over threads.
        precision: of the arithmetic.
    """

    accelerator: Literal["auto", "cpu", "cuda", "mps"] = "auto"
    devices: int | Literal["auto"] = "auto"
    precision: Literal["32-true", "16-mixed", "bf16-mixed"] = "32-true"

    def __post_init__(self) -> None:
        require(self.devices == "auto" or self.devices >= 1, "device.devices should be at least 1, or auto.")


Run = TypeVar("Run", bound="RunSettings")


@dataclass(frozen=True, kw_only=True)
class RunSettings(ABC):
    """A run; ``run`` is its folder. Each method adds its groups, ``data`` and ``optimisation`` among them."""

    run: Path
    data: Batches
    optimisation: OptimisationConfig
    output: OutputConfig = field(default_factory=OutputConfig)
    device: DeviceConfig = field(default_factory=DeviceConfig)
    seed: int = 0

    def plain(self) -> dict[str, Any]:
        """As nested dictionaries, lists, numbers and texts: what JSON can hold."""
        return {name: _plain(value) for name, value in asdict(self).items()}

    def shared_sizes(self) -> dict[str, int]:
        """Settings that must divide evenly among the devices, by name."""
        return {"data.batch_size": self.data.batch_size}

    def rehearsal(self: Run, folder: Path) -> Run:
        """Three steps in ``folder`` that go through every phase and write all outputs."""
        output = replace(self.output, checkpoint_every=1, keep_every=1, log_every=1, images_every=3)
        return replace(self, run=folder, optimisation=self.optimisation.three_steps(), output=output)

    @abstractmethod
    def network_description(self) -> dict[str, Any]:
        """What a checkpoint says of its network beside the weights."""


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _plain(item) for name, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    return str(value) if isinstance(value, Path) else value
