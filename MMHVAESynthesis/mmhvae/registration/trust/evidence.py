"""What can be known of a registration's result without the truth, in millimetres and shares.

All of it is measured around the result, without the prior that may have led there: how well the images match compared
with random poses, how sharp the optimum is, and whether registrations that know less, or other things, end at the same
pose: from other starts, with each contrast alone, with each half of the field of view alone, and by LC2 of the
ultrasound itself. Distances between poses are means over the field of view, as a target registration error is.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import SimpleITK as sitk
from numpy.typing import NDArray

from ...exceptions import InputError, Progress
from ...images import Matrix, field_of_view
from ...settings import Metric
from ..channels import Channel
from ..problem import RigidProblem
from ..rigid import RigidResult
from ..volumes import on_grid_of
from .poses import (
    ANOTHER,
    COARSE,
    FAR_STARTS,
    FARTHEST,
    FINE,
    ITERATIONS,
    NEAR_REACH,
    NEAR_STARTS,
    RANDOM_POSES,
    RANDOM_REACH,
    apart,
    displaced,
)
from .witnesses import ULTRASOUND, USUAL_STRENGTH, Search, Witness, search_alone, weighed

#: Of a witness's own starts: so many around the result, and so many of the random poses that it likes best.
WITNESS_NEAR, WITNESS_FAR = 4, 2


@dataclass
class Evidence:
    """What was found, by name; the names of distances end in ``_mm``. Evidence that could not be had is missing.

    Attributes:
        values: see the functions of this module.
        farthest: names of the two contrasts that disagree most.
        nearest: names of the two that agree best.
        weakest: name of the contrast that fits worst.
        witnesses: what each route says by itself.
    """

    values: dict[str, float] = field(default_factory=dict)
    farthest: tuple[str, str] = ("", "")
    nearest: tuple[str, str] = ("", "")
    weakest: str = ""
    witnesses: list[Witness] = field(default_factory=list)


@dataclass(frozen=True)
class Inquiry:
    """A result that is being looked at.

    Attributes:
        problem: of its channels, starting at the result, without a prior.
        poses: (R, 4, 4) at random.
        starts: (S, 4, 4) of every witness: the result, where the registration started, and around the result.
        ultrasound, mask: for a second opinion; None where there is none.
    """

    problem: RigidProblem
    poses: Matrix
    starts: Matrix
    ultrasound: sitk.Image | None
    mask: sitk.Image | None

    def searched(self, route: RigidProblem, values: NDArray[np.float64]) -> Search:
        """Where a route ends by itself; ``values`` (1 + R,): its similarities at the result and at the poses, 3 mm."""
        far = self.poses[np.argsort(-values[1:], kind="stable")[:WITNESS_FAR]]
        return search_alone(route, np.concatenate([self.starts, far]), values[1:])

    def witness(self, name: str, search: Search, strength: float | None) -> Witness:
        """What that says of the result."""
        distance = apart(self.problem, self.problem.start, search.best)
        return Witness(name, distance, search.margin, USUAL_STRENGTH if strength is None else strength)


def collect(
    channels: Sequence[Channel],
    result: RigidResult,
    initial: sitk.Transform | None,
    ultrasound: sitk.Image | None,
    ultrasound_mask: sitk.Image | None,
    device: str,
    progress: Progress,
    metric: Metric = "correlation",
) -> Evidence:
    """All evidence about the result of the channels' registration by ``metric`` from ``initial``.

    Raises:
        InputError: images or masks cannot be used.
    """
    problem, found = RigidProblem(channels, result.transform, device, metric=metric), Evidence()
    start = problem.pose_of(sitk.Euler3DTransform() if initial is None else initial)
    poses, near = displaced(problem, RANDOM_POSES, RANDOM_REACH), displaced(problem, WITNESS_NEAR, (NEAR_REACH,) * 2)
    inquiry = Inquiry(
        problem, poses, np.concatenate([problem.start[None], start[None], near]), ultrasound, ultrasound_mask
    )
    progress(0.1, "Comparing with random poses")
    by_channel = problem.evaluate_channels(np.concatenate([problem.start[None], poses]), COARSE)  # (C, 1 + R)
    values = against_random(problem, by_channel, found)
    progress(0.2, "Trying other starts")
    from_other_starts(problem, poses[np.argsort(-values[1:], kind="stable")[:FAR_STARTS]], values, found)
    sharpness(problem, found)
    progress(0.4, "Registering each contrast alone")
    each_contrast_alone(inquiry, by_channel, found)
    progress(0.6, "Registering each half alone")
    each_half_alone(problem, found)
    progress(0.8, "Comparing with the ultrasound itself")
    by_ultrasound(inquiry, values, found)
    found.values |= weighed(found.witnesses)
    uncertainty(channels, found)
    return found


def against_random(problem: RigidProblem, by_channel: NDArray[np.float64], found: Evidence) -> NDArray[np.float64]:
    """How far the result stands above random poses, in their standard deviations: all channels, and the weakest.

    Args:
        by_channel: (C, 1 + R) similarities at 3 mm of the result and of the random poses.

    Returns:
        (1 + R,) the channels' weighted mean.
    """
    weights = np.array([channel.weight for channel in problem.channels])
    values: NDArray[np.float64] = weights @ by_channel / weights.sum()
    margins = [margin(row) for row in by_channel]
    found.values["similarity"] = float(problem.evaluate(problem.start[None], FINE)[0])
    found.values["margin_over_random"] = margin(values)
    found.values["weakest_margin"] = min(margins)
    found.weakest = problem.channels[int(np.argmin(margins))].name
    found.values["overlap"] = problem.overlap(problem.start, FINE)
    return values


def margin(values: NDArray[np.float64]) -> float:
    """By how many standard deviations of the others the first value lies above their mean."""
    return float((values[0] - values[1:].mean()) / max(float(values[1:].std()), 1e-3))


def from_other_starts(problem: RigidProblem, far: Matrix, values: NDArray[np.float64], found: Evidence) -> None:
    """Where climbs from poses around the result end, and whether another optimum fits as well.

    ``rival`` is the best other optimum's share of the result's height above random poses: 1 where it fits as well.
    """
    starts = np.concatenate([problem.start[None], displaced(problem, NEAR_STARTS, (NEAR_REACH, NEAR_REACH)), far])
    ends = problem.climb(starts, COARSE, ITERATIONS)
    distances = np.array([apart(problem, ends.poses[0], pose) for pose in ends.poses])
    found.values["start_disagreement_mm"] = float(np.median(distances[1 : 1 + NEAR_STARTS]))
    height = max(float(ends.values[0] - values[1:].mean()), 1e-3)
    others = ends.values[distances > ANOTHER] - values[1:].mean()
    found.values["rival"] = float(np.clip(others.max(initial=0.0) / height, 0, 2))


def sharpness(problem: RigidProblem, found: Evidence) -> None:
    """``flattest_mm``: how far along its flattest direction the optimum falls by a tenth of what is missing to 1."""
    scale = np.array([1 / problem.view.radius] * 3 + [1.0] * 3)
    curvature = problem.curvature(problem.start, FINE) * scale[:, None] * scale
    least = max(float(np.linalg.eigvalsh(curvature)[0]), 1e-9)
    missing = max(1 - found.values["similarity"], 0.0)
    found.values["flattest_mm"] = min(float(np.sqrt(0.2 * missing / least)), FARTHEST)


def climbed(problem: RigidProblem, pose: Matrix) -> Matrix:
    """(4, 4): where the climb from one pose ends, at 3 mm, then 2 mm."""
    return problem.climb(problem.climb(pose[None], COARSE, ITERATIONS).poses, FINE, ITERATIONS).poses[0]


def each_contrast_alone(inquiry: Inquiry, by_channel: NDArray[np.float64], found: Evidence) -> None:
    """Each contrast as a witness, and how far apart they end from the result: at most, and the nearest two.

    Of MRs straight to the ultrasound none is a witness by itself: they are one route (see :func:`by_ultrasound`).
    """
    problem, ends = inquiry.problem, []
    for index, channel in enumerate(problem.channels):
        if problem.metric == "lc2":
            ends.append(climbed(problem.only([index]), problem.start))
            continue
        search = inquiry.searched(problem.only([index]), by_channel[index])
        ends.append(search.from_result)
        found.witnesses.append(inquiry.witness(channel.name, search, channel.strength))
    names = [channel.name for channel in problem.channels]
    if len(names) < 2:
        return
    pairs = [(i, j) for i in range(len(ends)) for j in range(i)]
    distances = [apart(problem, ends[i], ends[j]) for i, j in pairs]
    found.values |= {"contrast_disagreement_mm": max(distances), "nearest_contrasts_mm": min(distances)}
    found.farthest, found.nearest = (
        (names[j], names[i]) for i, j in (pairs[int(np.argmax(distances))], pairs[int(np.argmin(distances))])
    )


def each_half_alone(problem: RigidProblem, found: Evidence) -> None:
    """How far apart the two halves of the field of view end, cut across its longest axis."""
    points = problem.view.points
    axis = np.linalg.eigh(points.T @ points)[1][:, -1]
    middle = float(np.median(points @ axis))

    def before(points: NDArray[np.float64]) -> NDArray[np.bool_]:
        return np.asarray(points @ axis < middle)

    try:
        halves = [problem.narrowed(before), problem.narrowed(lambda points: ~before(points))]
    except InputError:  # too few voxels: no second opinion
        return
    ends = [climbed(half, problem.start) for half in halves]
    found.values["half_disagreement_mm"] = apart(problem, *ends)


def mask_of(channel: Channel) -> sitk.Image:
    """The field of view (uint8) on the fixed image's grid."""
    if channel.fixed_mask is None:
        return field_of_view(channel.fixed)
    return on_grid_of(channel.fixed_mask, channel.fixed, channel.called("fixed mask"))


def by_ultrasound(inquiry: Inquiry, values: NDArray[np.float64], found: Evidence) -> None:
    """LC2 between the ultrasound and the MRs as a witness; its margin over random poses, and where it ends from here.

    Where the result is LC2's own, that is the one witness; ``values`` are its similarities.
    """
    problem = inquiry.problem
    if problem.metric == "lc2":
        found.witnesses.append(inquiry.witness(ULTRASOUND, inquiry.searched(problem, values), None))
        return
    if inquiry.ultrasound is None:
        return
    direct = problem.against_ultrasound(inquiry.ultrasound, inquiry.mask)
    values = direct.evaluate(np.concatenate([problem.start[None], inquiry.poses]), COARSE)
    search = inquiry.searched(direct, values)
    found.witnesses.append(inquiry.witness(ULTRASOUND, search, None))
    found.values["ultrasound_margin"] = margin(values)
    found.values["ultrasound_disagreement_mm"] = apart(problem, problem.start, search.from_result)


def uncertainty(channels: Sequence[Channel], found: Evidence) -> None:
    """The synthesis's standard deviation over the samples as a share of the synthetic image's, mean over channels."""
    shares = []
    for channel in channels:
        if channel.uncertainty is not None:
            values, deviation = inside(channel.fixed, mask_of(channel)), channel.uncertainty
            mean = inside(deviation, on_grid_of(mask_of(channel), deviation, channel.called("fixed mask"))).mean()
            shares.append(float(mean / max(float(values.std()), 1e-9)))
    if shares:
        found.values["synthesis_uncertainty"] = float(np.mean(shares))


def inside(image: sitk.Image, mask: sitk.Image) -> NDArray[np.float64]:
    """The image's values inside a mask on the same grid."""
    values: NDArray[np.float64] = sitk.GetArrayViewFromImage(image)[sitk.GetArrayViewFromImage(mask) > 0]
    return values.astype(np.float64)
