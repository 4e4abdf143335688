"""Maximises a similarity over rigid poses: Gauss-Newton steps on se(3) with Levenberg's damping, several poses at once.

A step xi turns and moves about the similarity's centre: pose -> pose exp(xi). It is taken where it improves the
similarity; else the damping rises (Marquardt, 1963, with the Hessian's diagonal as scale).

Gauss-Newton's Hessian takes the moving image for a noiseless, equally sharp version of the fixed one and is two or
three times too large for a blurred or partly wrong one, so that steps fall short by as much. Each accepted step
therefore corrects the next Hessian by the change of gradient that it saw (a self-scaling BFGS update).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..images import Matrix, exp_se3
from .objective import Differentiable
from .windows import Derivatives

INITIAL_DAMPING = 1e-3
#: A pose is at rest where its next step is shorter than so many tolerances; only below one does climbing stop early.
AT_REST = 5
#: Gauss-Newton's Hessian is shrunk by no more than this.
SMALLEST_SCALE = 0.2


@dataclass(frozen=True)
class Optimum:
    """Where the ascent from each start ended.

    Attributes:
        poses: (B, 4, 4).
        values: (B,) similarities.
        converged: (B,) whether the pose is at rest: the next step, undamped, would be short, or none improved any more.
    """

    poses: Matrix
    values: NDArray[np.float64]
    converged: NDArray[np.bool_]


def damped_steps(derivatives: Derivatives, damping: NDArray[np.float64]) -> NDArray[np.float64]:
    """(B, 6) steps that solve (H + damping diag H) xi = gradient."""
    hessians = derivatives.hessians
    diagonals = np.einsum("bii->bi", hessians)
    # The floor keeps a direction in which nothing changes (a similarity of 0) solvable.
    floor = 1e-9 + 1e-9 * diagonals.max(axis=1, keepdims=True)
    damped = hessians + (diagonals * damping[:, None] + floor)[:, :, None] * np.eye(6)
    steps: NDArray[np.float64] = np.linalg.solve(damped, derivatives.gradients[..., None])[..., 0]
    return steps


def step_lengths(steps: NDArray[np.float64], radius: float) -> NDArray[np.float64]:
    """(B,) mm: how far a point `radius` mm from the centre moves, at most."""
    lengths: NDArray[np.float64] = np.linalg.norm(steps[:, :3], axis=1) * radius + np.linalg.norm(steps[:, 3:], axis=1)
    return lengths


def secant_update(
    hessians: NDArray[np.float64], steps: NDArray[np.float64], changes: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Hessians (B, 6, 6) scaled, then updated (BFGS), to explain that `steps` (B, 6) changed the gradients so.

    `changes` (B, 6) are the gradient before minus the gradient after, since hessians are those of the negated
    similarity. Where the change shows no positive curvature the Hessian stays as it is.
    """
    explained = np.einsum("bij,bj->bi", hessians, steps)
    predicted = np.einsum("bi,bi->b", steps, explained)
    observed = np.einsum("bi,bi->b", steps, changes)
    usable = (observed > SMALLEST_SCALE * predicted) & (predicted > 0)
    predicted, observed = np.where(usable, predicted, 1.0), np.where(usable, observed, 1.0)
    scale = np.clip(observed / predicted, SMALLEST_SCALE, 1.0)[:, None, None]
    updated = (
        scale * (hessians - _outer(explained) / predicted[:, None, None]) + _outer(changes) / observed[:, None, None]
    )
    return np.where(usable[:, None, None], updated, hessians)


def _outer(vectors: NDArray[np.float64]) -> NDArray[np.float64]:
    return vectors[:, :, None] * vectors[:, None, :]


def climb(
    similarity: Differentiable,
    poses: Matrix,
    iterations: int,
    radius: float,
    longest_step: float,
    tolerance: float,
    on_iteration: Callable[[int], None],
) -> Optimum:
    """Climbs from each of (B, 4, 4) poses.

    Args:
        radius: of the field of view in mm; turns a rotation into a length.
        longest_step: mm; longer steps are shortened.
        tolerance: mm; a pose whose next step is shorter stays.
        on_iteration: called with the number of each iteration; what it raises stops the work.
    """
    poses = poses.copy()
    state = similarity.differentiate(poses)
    damping = np.full(len(poses), INITIAL_DAMPING)
    converged = np.zeros(len(poses), dtype=bool)
    for iteration in range(iterations):
        on_iteration(iteration)
        steps = damped_steps(state, damping)
        lengths = step_lengths(steps, radius)
        converged |= lengths < tolerance
        active = np.flatnonzero(~converged)
        if active.size == 0:
            break
        steps *= np.minimum(1, longest_step / np.maximum(lengths, 1e-12))[:, None]
        candidates = poses[active] @ exp_se3(steps[active])
        tried = similarity.differentiate(candidates)
        better = tried.values > state.values[active]
        _accept(state, tried, steps[active], active, better)
        poses[active[better]] = candidates[better]
        # A short step that does not help says that the peak is within the interpolation's ripple.
        converged[active] |= ~better & (lengths[active] < AT_REST * tolerance)
        damping[active] = np.where(better, damping[active] * 0.3, np.maximum(damping[active] * 10, 1.0))
    # Damping shortens a step that was refused, which is no sign of rest.
    remaining = step_lengths(damped_steps(state, np.zeros(len(poses))), radius)
    return Optimum(poses, state.values, converged | (remaining < AT_REST * tolerance))


def _accept(
    state: Derivatives,
    tried: Derivatives,
    steps: NDArray[np.float64],
    active: NDArray[np.intp],
    better: NDArray[np.bool_],
) -> None:
    """Moves the state of the active poses on where the tried one is better."""
    accepted = active[better]
    changes = state.gradients[accepted] - tried.gradients[better]
    state.hessians[accepted] = secant_update(tried.hessians[better], steps[better], changes)
    state.values[accepted] = tried.values[better]
    state.gradients[accepted] = tried.gradients[better]
