"""What the training loop asks of a method: MMHVAE, the personalised network, the tumour segmenter, a baseline."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Generic, TypeVar

from lightning_fabric import Fabric
from torch import Tensor

from ..configuration import RunSettings
from .devices import average_gradients, average_losses
from .run_state import RunState
from .trouble import stop_at_trouble
from .updates import apply_gradients

#: What a group of parameters says of its learning rate: times the run's.
SPEED = "speed"
Settings = TypeVar("Settings", bound=RunSettings)
State = TypeVar("State", bound=RunState)


@dataclass(frozen=True)
class Method(ABC, Generic[Settings, State]):
    """A way to train a network: it knows its data, losses and schedule; the loop knows runs, logs and checkpoints."""

    configuration: Settings
    state: State

    @property
    @abstractmethod
    def steps(self) -> int:
        """Length of the run."""

    @property
    def average_decay(self) -> float:
        """Of the moving average of the weights."""
        return self.configuration.optimisation.average_decay

    @abstractmethod
    def losses(self, fabric: Fabric) -> dict[str, float]:
        """One step: draw, go backward, update. Its losses, the same numbers on every device.

        Raises:
            NumericalTroubleError: before the weights take harm.
        """

    @abstractmethod
    def synthesise(self, fabric: Fabric) -> Tensor | None:
        """A picture (1, H, W) in [0, 1] of what the averaged network makes now; None where there is nothing to see."""

    def set_rate(self, rate: float) -> None:
        """The learning rate of the update to come; a group of parameters may have a ``speed``, so many times that."""
        for group in self.state.optimiser.optimizer.param_groups:
            group["lr"] = rate * group.get(SPEED, 1.0)

    def own_numbers(self, fabric: Fabric) -> list[int]:
        """Which of the step's ``batch_size`` examples are this device's; counted over the whole run."""
        size = self.configuration.data.batch_size
        return [self.state.step * size + number for number in range(size)[fabric.global_rank :: fabric.world_size]]

    def update(self, fabric: Fabric, loss: Tensor, terms: Mapping[str, Tensor]) -> dict[str, float]:
        """Minimise ``loss`` by one update; its terms as numbers, and the gradient's norm."""
        self.state.optimiser.zero_grad()
        fabric.backward(loss)
        average_gradients(fabric, self.state.network)
        return self.apply(fabric, terms)

    def apply(self, fabric: Fabric, terms: Mapping[str, Tensor]) -> dict[str, float]:
        """Update the network by the gradients that it has, unless a term or their norm is no number."""
        numbers = average_losses(fabric, terms)
        stop_at_trouble(numbers, self.state, self.configuration)
        norm = apply_gradients(fabric, self.state, self.configuration.optimisation.gradient_clip)
        stop_at_trouble({"gradient": float(norm)}, self.state, self.configuration)
        return {**numbers, "gradient": float(norm)}
