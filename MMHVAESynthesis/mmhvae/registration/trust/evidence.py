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
import torch
from numpy.typing import NDArray

from ...compute import side_by_side
from ...exceptions import Progress
from ...images import Matrix, field_of_view
from ...settings import Metric
from ..channels import Channel
from ..problem import RigidProblem
from ..rigid import RigidResult
from ..volumes import on_grid_of
from .inquiry import WITNESS_NEAR, Inquiry, Question, margin
from .poses import COARSE, FINE, NEAR_REACH, RANDOM_POSES, RANDOM_REACH, apart, displaced
from .witnesses import Witness, weighed


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

    On a CPU what does not need another answer is asked side by side; no answer depends on how many are at a time.

    Raises:
        InputError: images or masks cannot be used.
    """
    problem, found = RigidProblem(channels, result.transform, device, metric=metric), Evidence()
    start = problem.pose_of(sitk.Euler3DTransform() if initial is None else initial)
    poses, near = displaced(problem, RANDOM_POSES, RANDOM_REACH), displaced(problem, WITNESS_NEAR, (NEAR_REACH,) * 2)
    progress(0.1, "Comparing with random poses")
    by_channel = problem.evaluate_channels(np.concatenate([problem.start[None], poses]), COARSE)  # (C, 1 + R)
    values = against_random(problem, by_channel, found)
    starts = np.concatenate([problem.start[None], start[None], near])
    inquiry = Inquiry(
        problem, poses, starts, by_channel, values, found.values["similarity"], ultrasound, ultrasound_mask
    )
    ends = answered(inquiry.questions(), problem.device, lambda share, text: progress(0.2 + 0.75 * share, text), found)
    compare_contrasts(problem, ends, found)
    found.values |= weighed(found.witnesses)
    uncertainty(channels, found)
    return found


def answered(asked: Sequence[Question], device: torch.device, progress: Progress, found: Evidence) -> list[Matrix]:
    """Adds what the questions' answers say to ``found``, in the questions' order; where each contrast alone ends."""
    workers = torch.get_num_threads() if device.type == "cpu" else 1
    told = side_by_side(lambda at, still: at.answer(still), asked, workers, lambda share, at: progress(share, at.text))
    replies = dict(told)
    for question in asked:
        found.values |= replies[question].values
        found.witnesses += replies[question].witnesses
    return [end for question in asked if (end := replies[question].end) is not None]


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


def compare_contrasts(problem: RigidProblem, ends: Sequence[Matrix], found: Evidence) -> None:
    """How far apart the contrasts end from the result, each alone: at most, and the nearest two."""
    names = [channel.name for channel in problem.channels]
    if len(names) < 2:
        return
    pairs = [(i, j) for i in range(len(ends)) for j in range(i)]
    distances = [apart(problem, ends[i], ends[j]) for i, j in pairs]
    found.values |= {"contrast_disagreement_mm": max(distances), "nearest_contrasts_mm": min(distances)}
    found.farthest, found.nearest = (
        (names[j], names[i]) for i, j in (pairs[int(np.argmax(distances))], pairs[int(np.argmin(distances))])
    )


def mask_of(channel: Channel) -> sitk.Image:
    """The field of view (uint8) on the fixed image's grid."""
    if channel.fixed_mask is None:
        return field_of_view(channel.fixed)
    return on_grid_of(channel.fixed_mask, channel.fixed, channel.called("fixed mask"))


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
