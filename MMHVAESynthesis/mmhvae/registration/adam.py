"""Plain gradient ascent with Adam (Kingma and Ba, 2015) on the same similarity: how the paper registers.

It stands beside Gauss-Newton for comparison. Rotations are scaled by the field of view's radius, so that one step
length suits all six parameters; the step falls linearly to a tenth over a level.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from ..images import Matrix, exp_se3
from .gauss_newton import Optimum
from .objective import Differentiable

#: Decay of the running means of gradient and squared gradient, as in the paper on Adam.
MOMENTUM, SQUARED = 0.9, 0.999


def ascend(
    objective: Differentiable,
    poses: Matrix,
    iterations: int,
    radius: float,
    step: float,
    on_iteration: Callable[[int], None],
) -> Optimum:
    """Ascends from each of (B, 4, 4) poses, and returns the best pose that each track met.

    Args:
        radius: of the field of view in mm; turns a rotation into a length.
        step: mm; about how far each parameter moves in the first iterations.
        on_iteration: called with the number of each iteration; what it raises stops the work.
    """
    scale = np.array([1 / radius] * 3 + [1.0] * 3)
    mean, square = np.zeros((len(poses), 6)), np.zeros((len(poses), 6))
    best, best_values = poses.copy(), np.full(len(poses), -np.inf)
    for iteration in range(iterations):
        on_iteration(iteration)
        state = objective.differentiate(poses)
        better = state.values > best_values
        best[better], best_values[better] = poses[better], state.values[better]
        gradients = state.gradients * scale  # per mm
        mean = MOMENTUM * mean + (1 - MOMENTUM) * gradients
        square = SQUARED * square + (1 - SQUARED) * gradients**2
        unbiased = mean / (1 - MOMENTUM ** (iteration + 1))
        spread = np.sqrt(square / (1 - SQUARED ** (iteration + 1))) + 1e-12
        length = step * (1 - 0.9 * iteration / iterations)
        poses = poses @ exp_se3(length * scale * unbiased / spread)
    # At rest where the last step, a tenth of the first, is the most that a parameter still moved.
    settled = np.abs(unbiased / spread).max(axis=1) < 1
    return Optimum(best, best_values, settled)
