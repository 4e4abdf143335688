"""Can a lesion be seen in its ultrasound: against a count over all pairs of voxels, and on made images."""

from __future__ import annotations

import numpy as np
import pytest
from mmhvae_training.simulation.lesions.visible_contrast import roc_area, visibility
from mmhvae_training.simulation.tissues import TISSUES


def test_the_roc_area_counts_pairs() -> None:
    rng = np.random.default_rng(0)
    first, second = rng.integers(0, 9, 40).astype(float), rng.integers(2, 7, 30).astype(float)
    pairs = [(a > b) + 0.5 * (a == b) for a in first for b in second]
    assert roc_area(first, second) == pytest.approx(np.mean(pairs))


def scene() -> tuple[np.ndarray, np.ndarray]:
    """Shares (C, 40, 40, 40) of a ball of solid tumour in white matter, and where the ball is."""
    distance = np.linalg.norm(np.indices((40, 40, 40)) - 20, axis=0)
    shares = np.zeros((len(TISSUES), 40, 40, 40), np.float32)
    shares[TISSUES.index("core")] = distance < 8
    shares[TISSUES.index("white")] = distance >= 8
    return shares, distance < 8


@pytest.mark.parametrize(("ratio", "roc"), [(2.0, 1.0), (1.0, 0.5), (0.3, 0.0)])
def test_ratio_and_roc_area_of_a_ball(ratio: float, roc: float) -> None:
    shares, ball = scene()
    us = np.where(ball, 60 * ratio, 60).astype(np.float32) + np.random.default_rng(1).normal(0, 5, ball.shape)
    found = visibility(us.astype(np.float32), shares, np.ones(ball.shape, bool), 1.0)
    assert set(found) == {"solid"}
    assert found["solid"]["ratio"] == pytest.approx(ratio, abs=0.1)
    assert found["solid"]["roc"] == pytest.approx(roc, abs=0.06)
    assert found["solid"]["ml"] == pytest.approx(ball.sum() / 1000)


def test_what_is_outside_the_field_of_view_does_not_count() -> None:
    shares, ball = scene()
    assert visibility(np.zeros(ball.shape, np.float32), shares, ~ball, 1.0) == {}
