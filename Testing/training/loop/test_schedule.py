"""The schedule of MODEL.md, at its corners."""

from __future__ import annotations

from pathlib import Path

import pytest
from mmhvae_training.configuration.configuration import AdversarialConfig, Configuration, DataConfig
from mmhvae_training.loop.schedule import Schedule

DEFAULT = Configuration(run=Path("run"), data=DataConfig(cases=Path("cases")))
EPOCH = 7  # steps


@pytest.fixture
def schedule() -> Schedule:
    return Schedule(DEFAULT, EPOCH)


def test_the_adversarial_term_begins_late_and_discriminators_earlier(schedule):
    phases = {epoch: schedule.at(epoch * EPOCH) for epoch in (0, 788, 789, 790, 799, 800, 999)}
    assert [e for e, p in phases.items() if p.fill_pools] == [789, 790, 799, 800, 999]
    assert [e for e, p in phases.items() if p.train_discriminators] == [790, 799, 800, 999]
    assert {e: p.adversarial_weight for e, p in phases.items() if p.adversarial_weight} == {800: 0.025, 999: 0.025}
    assert schedule.at(800 * EPOCH - 1).adversarial_weight == 0
    assert [s for s in range(770 * EPOCH, 800 * EPOCH) if schedule.at(s).reset_moments] == [780 * EPOCH]


def test_the_divergence_warms_up_over_50_epochs(schedule):
    weights = [schedule.at(epoch * EPOCH).kl_weight for epoch in (0, 25, 50, 900)]
    assert weights == pytest.approx([0, 0.0005, 0.001, 0.001])


def test_the_learning_rate_is_a_cosine_that_the_reset_does_not_touch(schedule):
    assert schedule.steps == 1000 * EPOCH
    rates = [schedule.at(epoch * EPOCH).learning_rate for epoch in (0, 500, 1000)]
    assert rates == pytest.approx([2e-3, (2e-3 + 1e-4) / 2, 1e-4])
    around = [schedule.at(780 * EPOCH + step).learning_rate for step in (-1, 0, 1)]
    assert around[0] > around[1] > around[2] > 0.99 * around[0]


def test_without_weight_there_is_no_game():
    quiet = Configuration(run=Path("run"), data=DEFAULT.data, adversarial=AdversarialConfig(weight=0))
    last = Schedule(quiet, EPOCH).at(999 * EPOCH)
    assert (last.fill_pools, last.train_discriminators, last.adversarial_weight) == (False, False, 0)
