"""What holds at a step: learning rate, weights, and which parts train. A pure function of the step."""

from __future__ import annotations

import math
from dataclasses import dataclass

from ..configuration import Configuration


@dataclass(frozen=True)
class Phase:
    """One step's place in the schedule."""

    learning_rate: float
    kl_weight: float
    adversarial_weight: float  # 0 until the generator sees the discriminators
    fill_pools: bool
    train_discriminators: bool
    reset_moments: bool


@dataclass(frozen=True)
class Schedule:
    """The schedule of a run with ``steps_per_epoch`` steps an epoch."""

    configuration: Configuration
    steps_per_epoch: int

    @property
    def steps(self) -> int:
        """Length of the run."""
        return max(1, round(self.configuration.optimisation.epochs * self.steps_per_epoch))

    def at(self, step: int) -> Phase:
        """The phase of ``step``, counted from 0."""
        loss, adversarial = self.configuration.loss, self.configuration.adversarial
        warm = min(1.0, step / (loss.kl_warmup * self.steps_per_epoch)) if loss.kl_warmup > 0 else 1.0
        gan = adversarial.weight > 0
        reset = self.configuration.optimisation.reset_at
        return Phase(
            learning_rate=self.learning_rate(step),
            kl_weight=loss.kl_weight * warm,
            adversarial_weight=adversarial.weight if step >= self._step(adversarial.generator_from) else 0.0,
            fill_pools=gan and step >= self._step(adversarial.pools_from),
            train_discriminators=gan and step >= self._step(adversarial.discriminators_from),
            reset_moments=reset is not None and step == self._step(reset),
        )

    def learning_rate(self, step: int) -> float:
        """Cosine from ``learning_rate`` to ``final_learning_rate`` over the run."""
        optimisation = self.configuration.optimisation
        share = 0.5 * (1 + math.cos(math.pi * step / self.steps))
        span = optimisation.learning_rate - optimisation.final_learning_rate
        return optimisation.final_learning_rate + share * span

    def _step(self, epoch: float) -> int:
        return round(epoch * self.steps_per_epoch)
