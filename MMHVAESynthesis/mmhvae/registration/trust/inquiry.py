"""Questions about a result that need no other's answer, so that they can be asked side by side.

Do registrations that know less, or other things, end at the same pose: from other starts, with each contrast alone,
with each half of the field of view alone, and by LC2 of the ultrasound itself? And how sharp is the optimum?
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial

import numpy as np
import SimpleITK as sitk
from numpy.typing import NDArray

from ...compute import Still
from ...exceptions import InputError
from ...images import Matrix
from ..problem import RigidProblem
from .poses import (
    ANOTHER,
    COARSE,
    FAR_STARTS,
    FARTHEST,
    FINE,
    ITERATIONS,
    NEAR_REACH,
    NEAR_STARTS,
    apart,
    displaced,
)
from .witnesses import ULTRASOUND, USUAL_STRENGTH, Search, Witness, search_alone

#: Of a witness's own starts: so many around the result, and so many of the random poses that it likes best.
WITNESS_NEAR, WITNESS_FAR = 4, 2


@dataclass(frozen=True)
class Answer:
    """What was found: values by name, who was asked, and where one contrast alone ends from the result, (4, 4)."""

    values: dict[str, float] = field(default_factory=dict)
    witnesses: tuple[Witness, ...] = ()
    end: Matrix | None = None


@dataclass(frozen=True, eq=False)
class Question:
    """What is done, for the user, and what does it."""

    text: str
    answer: Callable[[Still], Answer]


@dataclass(frozen=True)
class Inquiry:
    """A result that is being looked at.

    Attributes:
        problem: of its channels, starting at the result, without a prior.
        poses: (R, 4, 4) at random.
        starts: (S, 4, 4) of every witness: the result, where the registration started, and around the result.
        by_channel, values: (C, 1 + R) and (1 + R,) similarities at 3 mm of the result and of the random poses, of each
            channel and of all together; similarity: of the result at 2 mm.
        ultrasound, mask: for a second opinion; None where there is none.
    """

    problem: RigidProblem
    poses: Matrix
    starts: Matrix
    by_channel: NDArray[np.float64]
    values: NDArray[np.float64]
    similarity: float
    ultrasound: sitk.Image | None
    mask: sitk.Image | None

    def questions(self) -> list[Question]:
        """All that can be asked."""
        names = [channel.name for channel in self.problem.channels]
        return [
            *(Question(f"Registering {name} alone", partial(self.contrast_alone, i)) for i, name in enumerate(names)),
            Question("Comparing with the ultrasound itself", self.by_ultrasound),
            Question("Trying other starts", self.from_other_starts),
            Question("Registering each half alone", self.each_half_alone),
            Question("Measuring how sharp the match is", self.sharpness),
        ]

    def contrast_alone(self, index: int, still: Still) -> Answer:
        """A contrast as a witness.

        Of MRs straight to the ultrasound none is a witness by itself: they are one route (see `by_ultrasound`).
        """
        channel, route = self.problem.channels[index], self.problem.only([index])
        if self.problem.metric == "lc2":
            return Answer(end=_climbed(route, self.problem.start, still))
        search = self._searched(route, self.by_channel[index], still)
        return Answer(witnesses=(self._witness(channel.name, search, channel.strength),), end=search.from_result)

    def by_ultrasound(self, still: Still) -> Answer:
        """LC2 between the ultrasound and the MRs as a witness; its margin over random poses, where it ends from here.

        Where the result is LC2's own, that is the one witness.
        """
        problem = self.problem
        if problem.metric == "lc2":
            return Answer(witnesses=(self._witness(ULTRASOUND, self._searched(problem, self.values, still), None),))
        if self.ultrasound is None:
            return Answer()
        direct = problem.against_ultrasound(self.ultrasound, self.mask)
        values = direct.evaluate(np.concatenate([problem.start[None], self.poses]), COARSE)
        search = self._searched(direct, values, still)
        ends = apart(problem, problem.start, search.from_result)
        found = {"ultrasound_margin": margin(values), "ultrasound_disagreement_mm": ends}
        return Answer(found, (self._witness(ULTRASOUND, search, None),))

    def from_other_starts(self, still: Still) -> Answer:
        """Where climbs from poses around the result end, and whether another optimum fits as well.

        ``rival`` is the best other optimum's share of the result's height above random poses: 1 where it fits as well.
        """
        problem, at_random = self.problem, self.values[1:]
        far = self.poses[np.argsort(-at_random, kind="stable")[:FAR_STARTS]]
        starts = np.concatenate([problem.start[None], displaced(problem, NEAR_STARTS, (NEAR_REACH, NEAR_REACH)), far])
        ends = problem.climb(starts, COARSE, ITERATIONS, lambda iteration: still(iteration / ITERATIONS))
        distances = np.array([apart(problem, ends.poses[0], pose) for pose in ends.poses])
        height = max(float(ends.values[0] - at_random.mean()), 1e-3)
        others = ends.values[distances > ANOTHER] - at_random.mean()
        return Answer({
            "start_disagreement_mm": float(np.median(distances[1 : 1 + NEAR_STARTS])),
            "rival": float(np.clip(others.max(initial=0.0) / height, 0, 2)),
        })  # fmt: skip

    def each_half_alone(self, still: Still) -> Answer:
        """How far apart the two halves of the field of view end, cut across its longest axis."""
        problem, points = self.problem, self.problem.view.points
        axis = np.linalg.eigh(points.T @ points)[1][:, -1]
        middle = float(np.median(points @ axis))

        def before(points: NDArray[np.float64]) -> NDArray[np.bool_]:
            return np.asarray(points @ axis < middle)

        try:
            halves = [problem.narrowed(before), problem.narrowed(lambda points: ~before(points))]
        except InputError:  # too few voxels: no second opinion
            return Answer()
        first = _climbed(halves[0], problem.start, lambda share: still(share / 2))
        second = _climbed(halves[1], problem.start, lambda share: still((1 + share) / 2))
        return Answer({"half_disagreement_mm": apart(problem, first, second)})

    def sharpness(self, still: Still) -> Answer:
        """``flattest_mm``: how far the optimum falls by a tenth of what is missing to 1, in its flattest direction."""
        problem = self.problem
        scale = np.array([1 / problem.view.radius] * 3 + [1.0] * 3)
        curvature = problem.curvature(problem.start, FINE) * scale[:, None] * scale
        least = max(float(np.linalg.eigvalsh(curvature)[0]), 1e-9)
        missing = max(1 - self.similarity, 0.0)
        return Answer({"flattest_mm": min(float(np.sqrt(0.2 * missing / least)), FARTHEST)})

    def _searched(self, route: RigidProblem, values: NDArray[np.float64], still: Still) -> Search:
        """Where a route ends by itself; ``values`` (1 + R,): its similarities at the result and at the poses, 3 mm."""
        far = self.poses[np.argsort(-values[1:], kind="stable")[:WITNESS_FAR]]
        return search_alone(route, np.concatenate([self.starts, far]), values[1:], still)

    def _witness(self, name: str, search: Search, strength: float | None) -> Witness:
        """What that says of the result."""
        distance = apart(self.problem, self.problem.start, search.best)
        return Witness(name, distance, search.margin, USUAL_STRENGTH if strength is None else strength)


def margin(values: NDArray[np.float64]) -> float:
    """By how many standard deviations of the others the first value lies above their mean."""
    return float((values[0] - values[1:].mean()) / max(float(values[1:].std()), 1e-3))


def _climbed(problem: RigidProblem, pose: Matrix, still: Still) -> Matrix:
    """(4, 4): where the climb from one pose ends, at 3 mm, then 2 mm."""
    coarse = problem.climb(pose[None], COARSE, ITERATIONS, lambda iteration: still(0.4 * iteration / ITERATIONS))
    fine = problem.climb(coarse.poses, FINE, ITERATIONS, lambda iteration: still(0.4 + 0.6 * iteration / ITERATIONS))
    return fine.poses[0]
