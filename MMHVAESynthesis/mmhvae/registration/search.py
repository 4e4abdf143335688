"""The search for the best pose, coarse to fine.

At the coarsest level a grid of starts around the given pose is scored and the best of them climb; the best tracks go on
from level to level. The track that started at the given pose is never dropped before the 2 mm level, because
navigation is usually right within millimetres and a coarse similarity may prefer a wrong pose.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence

import numpy as np

from ..exceptions import Progress
from ..images import Matrix, exp_se3
from ..settings import Method
from . import adam
from .gauss_newton import Optimum
from .levels import Level
from .objective import Objective
from .problem import RigidProblem

#: Starts are turned about each axis by this (radians).
START_ROTATION = 0.14
#: Adam's steps a level, and its step as a share of the level's spacing.
ADAM_ITERATIONS = 60
ADAM_STEP = 0.2


def search(problem: RigidProblem, levels: Sequence[Level], method: Method, progress: Progress) -> Optimum:
    """Where the finest level's tracks ended. Adam follows the given start alone, as the paper does."""
    poses = problem.start[None]
    share = 0.9 / len(levels)
    radius = problem.view.radius
    for number, level in enumerate(levels):
        if method == "adam":
            report = _reporter(progress, level, 0.1 + share * number, share / ADAM_ITERATIONS)
            objective = problem.objective(level)
            optimum = adam.ascend(objective, poses, ADAM_ITERATIONS, radius, ADAM_STEP * level.spacing, report)
        else:
            poses = _starts(problem.objective(level), problem.start, level) if number == 0 else poses
            report = _reporter(progress, level, 0.1 + share * number, share / level.iterations)
            optimum = problem.climb(poses, level.spacing, on_iteration=report, tolerance=level.tolerance)
        poses = _survivors(optimum, level, radius)
    return optimum


def _starts(objective: Objective, start: Matrix, level: Level) -> Matrix:
    """The given pose, then the best around it: of a grid of translations, then the best of these with rotations."""
    offsets = [[0, 0, 0, *o] for o in itertools.product(level.offsets, repeat=3)]
    turns = [[*(START_ROTATION * sign * axis), 0, 0, 0] for axis in np.eye(3) for sign in (-1, 1)]
    moved = start @ exp_se3(np.array(offsets, dtype=np.float64))
    scores = objective.evaluate(moved)
    promising = moved[np.argsort(-scores, kind="stable")[: level.turned]]
    turned = (promising[:, None] @ exp_se3(np.array(turns))).reshape(-1, 4, 4)
    poses, scores = np.concatenate([moved, turned]), np.concatenate([scores, objective.evaluate(turned)])
    best = np.argsort(-scores, kind="stable")[: level.starts]
    return np.concatenate([start[None], poses[best]])


def _survivors(optimum: Optimum, level: Level, radius: float) -> Matrix:
    """The level's best tracks, duplicates (closer than a quarter of its spacing) merged, the given start's first."""
    order = [int(i) for i in np.argsort(-optimum.values, kind="stable")[: level.keep]]
    if level.keep_first:
        order = [0, *(i for i in order if i != 0)]
    kept: list[int] = []
    for i in order:
        if all(_distance(optimum.poses[i], optimum.poses[j], radius) > level.spacing / 4 for j in kept):
            kept.append(i)
    return optimum.poses[kept]


def _distance(pose: Matrix, other: Matrix, radius: float) -> float:
    """A bound in mm on how far two poses take a point `radius` mm from the centre apart."""
    turned = np.linalg.norm(pose[:3, :3] - other[:3, :3]) / np.sqrt(2)  # 2 sin(angle / 2) at most
    return float(turned * radius + np.linalg.norm(pose[:3, 3] - other[:3, 3]))


def _reporter(progress: Progress, level: Level, done: float, step: float) -> Callable[[int], None]:
    def report(iteration: int) -> None:
        progress(done + step * iteration, f"Registering at {level.spacing:g} mm")

    return report
