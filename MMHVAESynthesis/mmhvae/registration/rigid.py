"""Rigid registration of moving volumes to the field of view of fixed ones."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import SimpleITK as sitk
import torch

from ..compute import kept_heap
from ..exceptions import Progress, no_progress
from ..settings import Method, Metric, PairSettings, PosePrior
from .channels import Channel
from .levels import PREVIEW_SPACING
from .problem import EROSION, RigidProblem
from .search import search

#: Similarities that differ by less are the same: of poses a few micrometres apart, by interpolation and rounding.
ALIKE = 1e-4


@dataclass(frozen=True)
class RigidResult:
    """The outcome of a rigid registration.

    Attributes:
        transform: fixed points -> moving points (ITK's convention), LPS mm; turns about the field of view's centre.
        similarity_before: at the given start, mean local correlation (squared unless `signed`) or LC2 at the finest
            level; the weighted mean of several channels', without the prior.
        similarity_after: the same at the result. It is no proof of a correct pose.
        converged: the last level came to rest, and no lower than it started.
        overlap: the share of the field of view's voxels with moving image at the result; the least of the channels'.
    """

    transform: sitk.Euler3DTransform
    similarity_before: float
    similarity_after: float
    converged: bool
    overlap: float


@torch.no_grad()
def register_problem(
    problem: RigidProblem,
    progress: Progress | None = None,
    *,
    preview: bool = PairSettings.preview,
    method: Method = PairSettings.method,
) -> RigidResult:
    """Solves a problem that is there already; see :func:`register_channels`."""
    progress = progress or no_progress
    levels = [level for level in problem.levels if not preview or level.spacing >= PREVIEW_SPACING]
    optimum = search(problem, levels, method, progress)
    best = [int(np.argmax(optimum.values))]
    pose, objective = optimum.poses[best], problem.objective(levels[-1])
    before = float(objective.evaluate_similarity(problem.start[None])[0])
    # As the climb left it: a pass at the finest level is a tenth of the time.
    after = float(objective.without_prior(optimum.values[best], pose)[0])
    result = RigidResult(
        transform=problem.transform_of(pose[0]),
        similarity_before=before,
        similarity_after=after,
        converged=bool(optimum.converged[best][0]) and after >= before - ALIKE,
        overlap=problem.overlap(pose[0]),
    )
    progress(1.0, "Registered")
    return result


@kept_heap()
def register_channels(
    channels: Sequence[Channel],
    initial: sitk.Transform | None = None,
    device: str = "auto",
    progress: Progress | None = None,
    *,
    preview: bool = PairSettings.preview,
    prior: PosePrior | None = PairSettings.prior,
    method: Method = PairSettings.method,
    erosion_mm: float = EROSION,
    metric: Metric = PairSettings.metric,
    settings: PairSettings | None = None,
) -> RigidResult:
    """Registers pairs of images that share one rigid pose.

    Args:
        channels: one or more pairs.
        initial: a rigid transform, fixed points -> moving points in LPS mm, to start from; the identity by default.
        device: "auto", "cpu", "cuda" or "mps".
        progress: called at every iteration; what it raises stops the work.
        preview: stop at 2 mm, for a first answer in about a third of the time.
        prior: how far `initial` may be off, for a maximum a posteriori estimate (see :mod:`.prior`); by default as far
            as navigation is. None: the images alone decide.
        method: "gauss-newton"; "adam" is the paper's plain gradient ascent, from the given start alone.
        erosion_mm: so much is taken off the edge of the fixed masks, half of their voxels at most.
        metric: "correlation", or "lc2" where the fixed images are ultrasound and the moving ones MR.
        settings: in place of preview, prior, method and metric.

    Returns:
        The transform, fixed points -> moving points, and how similar the images were before and after.

    Raises:
        InputError: images, masks or the initial transform cannot be used; the sentence says what to do.
    """
    progress = progress or no_progress
    wanted = PairSettings.of(settings, preview=preview, prior=prior, method=method, metric=metric)
    progress(0.0, "Preparing the images")
    problem = RigidProblem(channels, initial, device, prior=wanted.prior, erosion_mm=erosion_mm, metric=wanted.metric)
    return register_problem(problem, progress, preview=wanted.preview, method=wanted.method)


def register_rigid(
    fixed: sitk.Image,
    moving: sitk.Image,
    fixed_mask: sitk.Image | None = None,
    moving_mask: sitk.Image | None = None,
    initial: sitk.Transform | None = None,
    device: str = "auto",
    progress: Progress | None = None,
    *,
    signed: bool = False,
    preview: bool = PairSettings.preview,
    prior: PosePrior | None = PairSettings.prior,
) -> RigidResult:
    """Registers one moving volume rigidly to the field of view of one fixed one, by masked local correlation.

    :func:`register_channels` with a single :class:`Channel`; arguments, result and errors are described there.
    """
    channel = Channel(fixed, moving, fixed_mask, moving_mask, signed)
    return register_channels([channel], initial, device, progress, preview=preview, prior=prior)


def register_lc2(
    us: sitk.Image,
    mr: sitk.Image,
    us_mask: sitk.Image | None = None,
    mr_mask: sitk.Image | None = None,
    initial: sitk.Transform | None = None,
    device: str = "auto",
    progress: Progress | None = None,
    *,
    prior: PosePrior | None = PairSettings.prior,
    preview: bool = PairSettings.preview,
) -> RigidResult:
    """Registers an MR volume rigidly to intra-operative ultrasound, without synthesis, by LC2 (see :mod:`.lc2`).

    :func:`register_channels` with a single :class:`Channel`; arguments, result and errors are described there.
    """
    channel = Channel(us, mr, us_mask, mr_mask)
    return register_channels([channel], initial, device, progress, prior=prior, preview=preview, metric="lc2")
