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
from ...images import Matrix, exp_se3, field_of_view
from ..channels import Channel
from ..problem import RigidProblem
from ..rigid import RigidResult
from ..volumes import on_grid_of

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


@dataclass
class Evidence:
    """What was found, by name; the names of distances end in ``_mm``. Evidence that could not be had is missing.

    Attributes:
        values: see the functions of this module.
        farthest: names of the two contrasts that disagree most.
        nearest: names of the two that agree best.
        weakest: name of the contrast that fits worst.
    """

    values: dict[str, float] = field(default_factory=dict)
    farthest: tuple[str, str] = ("", "")
    nearest: tuple[str, str] = ("", "")
    weakest: str = ""


def collect(
    channels: Sequence[Channel],
    result: RigidResult,
    ultrasound: sitk.Image | None,
    ultrasound_mask: sitk.Image | None,
    device: str,
    progress: Progress,
) -> Evidence:
    """All evidence about the result of the channels' registration.

    Raises:
        InputError: images or masks cannot be used.
    """
    problem, found = RigidProblem(channels, result.transform, device), Evidence()
    poses = displaced(problem, RANDOM_POSES, RANDOM_REACH)
    progress(0.1, "Comparing with random poses")
    values = against_random(problem, poses, found)
    progress(0.2, "Trying other starts")
    from_other_starts(problem, poses[np.argsort(-values[1:], kind="stable")[:FAR_STARTS]], values, found)
    sharpness(problem, found)
    progress(0.4, "Registering each contrast alone")
    each_contrast_alone(problem, found)
    progress(0.6, "Registering each half alone")
    each_half_alone(problem, found)
    progress(0.8, "Comparing with the ultrasound itself")
    if ultrasound is not None:
        by_ultrasound(problem, ultrasound, ultrasound_mask, poses, found)
    uncertainty(channels, found)
    return found


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


def against_random(problem: RigidProblem, poses: Matrix, found: Evidence) -> NDArray[np.float64]:
    """How far the result stands above random poses, in their standard deviations: all channels, and the weakest.

    Returns:
        (1 + R,) similarities at 3 mm of the result and of the random poses.
    """
    every = np.concatenate([problem.start[None], poses])
    by_channel = problem.evaluate_channels(every, COARSE)  # (C, 1 + R)
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


def each_contrast_alone(problem: RigidProblem, found: Evidence) -> None:
    """How far apart the contrasts end when each is registered alone from the result: at most, and the nearest two."""
    names = [channel.name for channel in problem.channels]
    if len(names) < 2:
        return
    ends = [climbed(problem.only([index]), problem.start) for index in range(len(names))]
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


def by_ultrasound(
    problem: RigidProblem, ultrasound: sitk.Image, mask: sitk.Image | None, poses: Matrix, found: Evidence
) -> None:
    """Where LC2 between the ultrasound and the MRs ends from the result, and how far it stands above random poses."""
    direct = problem.against_ultrasound(ultrasound, mask)
    every = np.concatenate([problem.start[None], poses])
    found.values["ultrasound_margin"] = margin(direct.evaluate(every, COARSE))
    found.values["ultrasound_disagreement_mm"] = apart(problem, problem.start, climbed(direct, problem.start))


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
