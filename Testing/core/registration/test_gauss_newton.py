"""Gauss-Newton's climb of a bowl whose optimum is known: where it ends, and when it says that it is at rest."""

from __future__ import annotations

import numpy as np
import pytest
from mmhvae.images.transforms import Matrix, translation_matrix
from mmhvae.registration.gauss_newton import climb
from mmhvae.registration.windows import Derivatives

PEAK = np.array([3.0, -1.0, 2.0])


class Bowl:
    """-|t - PEAK|^2 / 2 over translations t, whose Hessian is stated `overstated` times too large."""

    def __init__(self, overstated: float) -> None:
        self.overstated = overstated

    def differentiate(self, poses: Matrix) -> Derivatives:
        away = PEAK - poses[:, :3, 3]
        gradients = np.concatenate([np.zeros_like(away), away], axis=1)
        hessians = np.tile(self.overstated * np.eye(6), (len(poses), 1, 1))
        return Derivatives(-0.5 * (away**2).sum(axis=1), gradients, hessians)


@pytest.mark.parametrize(
    ("start", "iterations", "at_rest"),
    [
        ((0.0, 0.0, 0.0), 1, False),  # still on its way
        ((0.0, 0.0, 0.0), 12, True),
        (PEAK - (0.05, 0.0, 0.0), 0, True),  # nearer than what counts
        (PEAK - (0.5, 0.0, 0.0), 0, False),
    ],
)
def test_a_pose_is_at_rest_where_little_is_left_to_go(start, iterations, at_rest):
    found = climb(Bowl(3.0), translation_matrix(np.array(start))[None], iterations, 40.0, 3.0, 0.02, lambda _: None)
    assert bool(found.converged[0]) is at_rest
    if at_rest:
        assert np.linalg.norm(found.poses[0, :3, 3] - PEAK) < 0.3


def test_a_refused_step_is_no_rest():
    """Damping makes the next step short where the last one did not help; the peak may be far all the same."""

    class Wall(Bowl):
        def differentiate(self, poses: Matrix) -> Derivatives:
            found = super().differentiate(poses)
            found.values[np.linalg.norm(poses[:, :3, 3], axis=1) > 1e-9] = -100.0
            return found

    found = climb(Wall(1.0), np.eye(4)[None], 2, 40.0, 3.0, 0.1, lambda _: None)
    assert not found.converged[0]
    assert found.poses[0] == pytest.approx(np.eye(4))
