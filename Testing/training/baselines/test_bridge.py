"""The Brownian bridge: its ends, its variance, and the way back."""

from __future__ import annotations

from itertools import pairwise

import pytest
import torch
from mmhvae_training.baselines.bridge import BrownianBridge

BRIDGE = BrownianBridge()
ALL = torch.arange(1000)


def test_it_begins_near_the_target_and_ends_near_what_is_given():
    m, d = BRIDGE.m(ALL), BRIDGE.d(ALL)
    torch.testing.assert_close(m[[0, -1]], torch.tensor([0.001, 0.999]))
    assert (m.diff() > 0).all()
    torch.testing.assert_close(d[[0, -1]], torch.full((2,), 2 * 0.001 * 0.999))
    assert d.max() == pytest.approx(0.5, abs=1e-5)
    torch.testing.assert_close(d, d.flip(0))
    torch.testing.assert_close(BrownianBridge(variance=3.0).d(ALL), 3 * d)


@pytest.mark.parametrize("t", [0, 300, 999])
def test_a_draw_has_the_mean_between_both_and_the_variance_d(t):
    generator = torch.Generator().manual_seed(t)
    x0, y, noise = torch.full((4, 1, 50, 50), 0.8), torch.full((4, 1, 50, 50), -0.4), None
    noise = torch.randn(x0.shape, generator=generator)
    times = torch.full((4,), t)
    x = BRIDGE.at(times, x0, y, noise)
    m, d = float(BRIDGE.m(times)[0]), float(BRIDGE.d(times)[0])
    assert float(x.var()) == pytest.approx(d, rel=0.06)  # 10 000 draws: 1.4 % is a standard deviation
    assert float(x.mean()) == pytest.approx((1 - m) * 0.8 - m * 0.4, abs=4 * (d / 10_000) ** 0.5)


@pytest.mark.parametrize("count", [3, 4, 18, 100, 500])
def test_the_schedule_falls_from_the_last_time_to_0(count):
    times = BRIDGE.schedule(count)
    assert len(times) == count
    assert (times[0], times[-2:]) == (999, [1, 0])
    assert all(a > b for a, b in pairwise(times))


def test_18_evaluations_are_bbdms_linear_schedule():
    assert BRIDGE.schedule(18)[:4] == [999, 936, 874, 811]
    assert BRIDGE.schedule(18)[-4:] == [124, 62, 1, 0]


def test_no_step_needs_a_negative_variance_nor_more_than_there_is():
    generator = torch.Generator().manual_seed(0)
    for t, n in torch.randint(0, 1000, (500, 2), generator=generator).tolist():
        if t > n:
            q = float(BRIDGE.step_variance(t, n))
            assert 0 <= q <= float(BRIDGE.d(torch.tensor(n))) + 1e-9


@pytest.mark.parametrize(("t", "n"), [(999, 936), (500, 400), (62, 1), (1, 0)])
def test_a_step_with_the_true_target_lands_where_the_bridge_is_then(t, n):
    """The way back has the way there's mean and variance at every time: equation by equation, by many draws."""
    generator = torch.Generator().manual_seed(t)
    x0, y = torch.full((1, 1, 200, 200), 0.8), torch.full((1, 1, 200, 200), -0.4)
    first, second = torch.randn(2, *x0.shape, generator=generator)
    x = BRIDGE.step(t, n, BRIDGE.at(torch.tensor([t]), x0, y, first), x0, y, second)
    m, d = float(BRIDGE.m(torch.tensor(n))), float(BRIDGE.d(torch.tensor(n)))
    assert float(x.var()) == pytest.approx(d, rel=0.04)
    assert float(x.mean()) == pytest.approx((1 - m) * 0.8 - m * 0.4, abs=5 * (d / 40_000) ** 0.5)


@pytest.mark.parametrize("evaluations", [3, 7, 18])
def test_who_knows_the_target_comes_back_to_it_in_any_number_of_steps(evaluations):
    generator = torch.Generator().manual_seed(1)
    x0, y = torch.randn(2, 2, 3, 8, 8, generator=generator)
    asked: list[tuple[int, float]] = []

    def clean(x, t):
        asked.append((t, float((x - x0).abs().mean())))
        return x0

    torch.testing.assert_close(BRIDGE.reverse(y, clean, evaluations, generator), x0)
    assert [t for t, _ in asked] == BRIDGE.schedule(evaluations)
    assert asked[0][1] == pytest.approx(float((y - x0).abs().mean()))  # it starts at y
    assert asked[-1][1] < 0.06  # and is close to x_0 before the last answer: its standard deviation is 0.045


def test_the_noise_is_the_generators():
    y = torch.zeros(1, 1, 8, 8)

    def run(seed):
        return BRIDGE.reverse(y, lambda x, t: 0.5 * x, 5, torch.Generator().manual_seed(seed))

    assert torch.equal(run(3), run(3))
    assert not torch.equal(run(3), run(4))
