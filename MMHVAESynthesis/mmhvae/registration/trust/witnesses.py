"""Who confirms a result: each route to it searches alone, and says where it would have ended.

A route is one contrast through its synthetic image, or LC2 between the ultrasound itself and all MRs. It knows nothing
of the others and of the prior, and starts from the result, from where the registration started, and around both. Its
word weighs by what the bundle's own evaluation says of the contrast, and by how far its optimum stands above rivals.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from ...compute import Still
from ...images import Matrix
from ..problem import RigidProblem
from .poses import ANOTHER, COARSE, FINE, FINE_TRACKS, ITERATIONS, apart

#: What LC2 is called among the witnesses.
ULTRASOUND = "us"
#: Strength of a contrast whose bundle says nothing, and of LC2.
USUAL_STRENGTH = 0.5
#: From so many deviations of random poses above its rivals on, an optimum is as plain as can be.
PLAIN = 6.0
#: A witness confirms a result within this many mm of its own.
AGREEING = 3.0
#: Beside the witnesses stands a doubt of this weight that says so many mm: where none knows much, little is known.
DOUBT, DOUBTED = 0.1, 5.0
#: Beyond this many mm a witness says "elsewhere", however far.
ELSEWHERE = 15.0


@dataclass(frozen=True)
class Witness:
    """What one route says of a result.

    Attributes:
        name: the contrast's modality, or ``us`` for LC2.
        distance_mm: between its own optimum and the result, mean over the field of view.
        margin: by how many deviations of random poses its optimum stands above its best rival.
        strength: what is known of the route beforehand, 0 to 1.
    """

    name: str
    distance_mm: float
    margin: float
    strength: float

    @property
    def weight(self) -> float:
        """How much its word counts, 0 to its strength."""
        return self.strength * min(max(self.margin / PLAIN, 0.0), 1.0)

    @property
    def agrees(self) -> bool:
        """Whether it confirms the result."""
        return self.distance_mm <= AGREEING


@dataclass(frozen=True)
class Search:
    """Where a route ended: from the result alone, and at its best; ``margin`` of the best as in :class:`Witness`."""

    from_result: Matrix
    best: Matrix
    margin: float


def search_alone(route: RigidProblem, starts: Matrix, at_random: NDArray[np.float64], still: Still) -> Search:
    """The optima of one route.

    Args:
        route: without a prior; its start is the result.
        starts: (B, 4, 4) the result first.
        at_random: (R,) the route's similarity at random poses, 3 mm.
        still: hears of the share that is done, and stops the search by raising.
    """
    coarse = route.climb(starts, COARSE, ITERATIONS, lambda iteration: still(0.5 * iteration / ITERATIONS))
    tracks = _distinct(route, coarse.poses, coarse.values)
    kept = coarse.poses[tracks]
    fine = route.climb(kept, FINE, ITERATIONS, lambda iteration: still(0.5 + 0.5 * iteration / ITERATIONS))
    best = int(np.argmax(fine.values))
    rivals = [
        float(value) for value, pose in zip(fine.values, fine.poses, strict=True)
        if apart(route, pose, fine.poses[best]) > ANOTHER
    ]  # fmt: skip
    rival = max([float(at_random.mean()), *rivals])
    margin = (float(fine.values[best]) - rival) / max(float(at_random.std()), 1e-3)
    return Search(fine.poses[0], fine.poses[best], margin)


def _distinct(route: RigidProblem, poses: Matrix, values: NDArray[np.float64]) -> list[int]:
    """The track from the result, and the best others that are elsewhere."""
    kept = [0]
    for index in np.argsort(-values, kind="stable").tolist():
        if len(kept) < FINE_TRACKS and all(apart(route, poses[index], poses[other]) > ANOTHER for other in kept):
            kept.append(index)
    return kept


def support(witnesses: Sequence[Witness], heard: float, convincing: float) -> Literal["good", "check", ""]:
    """The best verdict that those who agree can carry: by more weight than the others have, and to good by none alone.

    Args:
        heard, convincing: together they need more weight than the first for a result to be looked at, and so much as
            the second for it to be good; see :class:`.model.TrustModel`.
    """
    agreeing = sum(witness.agrees for witness in witnesses)
    weight = confirming_weight(witnesses)
    if weight <= heard:
        return ""
    return "good" if agreeing > 1 and weight >= convincing else "check"


def confirming_weight(witnesses: Sequence[Witness]) -> float:
    """The weight of those that agree, together; 0 where the others have as much."""
    for_it = sum(witness.weight for witness in witnesses if witness.agrees)
    against = sum(witness.weight for witness in witnesses if not witness.agrees)
    return for_it if for_it > against else 0.0


def is_known_weak(witnesses: Sequence[Witness], lost: str) -> bool:
    """Whether the bundle itself says of the contrast that is lost that it synthesises it weakly.

    Where it does not, a contrast that fits nowhere may be another one than named, or another patient's.

    Args:
        lost: its name; where that is not known, as of trials, it is the one whose optimum is least plain.
    """
    contrasts = [witness for witness in witnesses if witness.name != ULTRASOUND]
    asked = [witness for witness in contrasts if witness.name == lost] or contrasts
    return bool(asked) and min(asked, key=lambda each: each.margin).strength < USUAL_STRENGTH


def weighed(witnesses: Sequence[Witness]) -> dict[str, float]:
    """What the witnesses say together: evidence by name.

    ``weighed_witnesses_mm``: mean of their distances (up to ``ELSEWHERE``) and the doubt's, by weight.
    ``second_witness_mm``: within how many mm of the result two of them end, missing where there is one only.
    ``agreeing_witnesses``: how many agree.
    """
    if not witnesses:
        return {}
    weights = np.array([witness.weight for witness in witnesses])
    distances = np.array([min(witness.distance_mm, ELSEWHERE) for witness in witnesses])
    found = {
        "weighed_witnesses_mm": float((weights @ distances + DOUBT * DOUBTED) / (weights.sum() + DOUBT)),
        "agreeing_witnesses": float(sum(witness.agrees for witness in witnesses)),
    }
    if len(witnesses) > 1:
        found["second_witness_mm"] = float(np.sort(distances)[1])
    return found
