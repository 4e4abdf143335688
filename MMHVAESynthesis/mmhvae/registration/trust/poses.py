"""Poses around a result, and how far apart two are: what evidence and witnesses share."""

from __future__ import annotations

import numpy as np

from ...images import Matrix, exp_se3
from ..problem import RigidProblem

SEED = 0
#: Poses that know nothing: so many, this far off (mm).
RANDOM_POSES, RANDOM_REACH = 48, (8.0, 20.0)
#: Starts around the result: so many, this far off (mm); and the best of the random poses beside them.
NEAR_STARTS, NEAR_REACH, FAR_STARTS = 6, 5.0, 4
#: An optimum farther from the result than this (mm) is another one.
ANOTHER = 3.0
#: Distances (mm) count up to this: beyond it all poses are equally wrong.
FARTHEST = 30.0
COARSE, FINE = 3.0, 2.0
ITERATIONS = 6
#: So many tracks of a route go on from the coarse level to the fine one.
FINE_TRACKS = 3


def displaced(problem: RigidProblem, count: int, reach: tuple[float, float]) -> Matrix:
    """(count, 4, 4): the start moved at random, by ``reach`` mm at the centre and half as much by turning."""
    rng = np.random.default_rng(SEED)
    axes = rng.standard_normal((count, 2, 3))
    axes /= np.linalg.norm(axes, axis=-1, keepdims=True)
    lengths = rng.uniform(*reach, (count, 1))
    return problem.start @ exp_se3(
        np.concatenate([axes[:, 0] * lengths / 2 / problem.view.radius, axes[:, 1] * lengths], 1)
    )


def apart(problem: RigidProblem, pose: Matrix, other: Matrix) -> float:
    """Mean distance (mm) between where two poses take the field of view."""
    return min(float(problem.displacement(pose, other).mean()), FARTHEST)
