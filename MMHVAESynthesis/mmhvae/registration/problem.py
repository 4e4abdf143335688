"""A rigid registration as a problem to ask about: how similar are the images at these poses, where does a climb end?

Built once from the images, it keeps the volumes and what each level needs, so that evaluating poses, climbing from
several starts or looking at single channels costs no more than the similarities themselves.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np
import SimpleITK as sitk
import torch
from numpy.typing import NDArray

from ..compute import choose_device
from ..exceptions import InputError
from ..images import Matrix, apply_matrix, exp_se3, to_euler, to_rigid_matrix, translation_matrix
from ..settings import Metric, PosePrior
from .channels import (
    MINIMUM_VOXELS,
    Channel,
    FieldOfView,
    check_channels,
    fixed_side,
    moving_side,
    no_overlap,
    pooled_field_of_view,
)
from .gauss_newton import Optimum, climb
from .lc2 import LinearCombination, gradient_magnitude
from .levels import FINEST_OF_COARSE, LC2_LEVELS, LEVELS, TOLERANCE, Level, level_at
from .masks import fading
from .objective import Objective, Similarity
from .prior import INDEPENDENT, PriorTerm
from .pyramid import Pyramid
from .similarity import LocalCorrelation
from .volumes import Volume

#: The least share of the field of view that each moving image must cover at the start.
MINIMUM_OVERLAP = 0.05
#: By default so many mm are taken off the edge of the fixed mask.
EROSION = 4.0


class RigidProblem:
    """Pairs of images that share one rigid pose.

    A pose is a 4 x 4 matrix (float64) that takes LPS points *relative to the field of view's centre* to the moving
    images' LPS points, in mm. Twists (6,) are rotations in radians about the centre, then translations in mm, along
    LPS axes of the fixed side: pose -> pose exp(twist).

    Args:
        channels: one or more pairs of images.
        initial: a rigid transform, fixed points -> moving points in LPS mm, to start from; the identity by default.
        device: "auto", "cpu", "cuda" or "mps".
        prior: how far `initial` may be off; None for no prior.
        erosion_mm: so much is taken off the edge of the fixed masks, half of their voxels at most.
        metric: "correlation", or "lc2" where the fixed images are ultrasound and the moving ones MR.

    Attributes:
        device: what computes.
        view: the field of view, with its `centre` (LPS mm) and `radius` (mm).
        start: (4, 4) the pose of the initial transform.
        levels: the resolutions of the search, coarse to fine.

    Raises:
        InputError: images, masks or the initial transform cannot be used; the sentence says what to do.
    """

    def __init__(
        self,
        channels: Sequence[Channel],
        initial: sitk.Transform | None = None,
        device: str = "auto",
        *,
        prior: PosePrior | None = None,
        erosion_mm: float = EROSION,
        metric: Metric = "correlation",
    ) -> None:
        check_channels(channels)
        chosen = self.device = choose_device(device)
        initial_matrix = np.eye(4) if initial is None else to_rigid_matrix(initial)
        self.channels = tuple(channels)
        self.metric = metric
        self.levels = LC2_LEVELS if metric == "lc2" else LEVELS
        self.prior = prior
        self.erosion_mm = erosion_mm
        least = erosion_mm * min(level.erosion for level in self.levels)
        fixed = [fixed_side(c, least, chosen) for c in channels]
        self.view: FieldOfView = pooled_field_of_view(fixed)
        self.start: Matrix = initial_matrix @ translation_matrix(self.view.centre)
        moving = [moving_side(c, self.start, self.view, chosen) for c in channels]
        self._fixed, self._moving = tuple(map(Pyramid, fixed)), tuple(map(Pyramid, moving))
        self._gradients = tuple(map(Pyramid, map(gradient_magnitude, moving))) if metric == "lc2" else ()
        self._terms: dict[tuple[int, Level], Similarity] = {}
        self._require_overlap()

    def _require_overlap(self) -> None:
        for index, channel in enumerate(self.channels):
            if self._term(index, self.levels[0]).overlap(self.start) < MINIMUM_OVERLAP:
                raise no_overlap(channel)

    @torch.no_grad()
    def _term(self, index: int, level: Level) -> Similarity:
        """The similarity of one channel at one level, made once."""
        key = index, level
        if key not in self._terms:
            # The field of view as this level sees it: eroded further where other levels see more of it.
            further = self.erosion_mm * (level.erosion - min(other.erosion for other in self.levels))
            fixed = self._fixed[index].fixed(level, further)
            if level.fading and self.channels[index].signed:
                fixed = fading(fixed, level.fading)
            sampled = level, self.level(FINEST_OF_COARSE)
            moving = self._moving[index].moving(*sampled)
            place = self.view.centre, level.window, level.block
            if self.metric == "lc2":
                gradient = self._gradients[index].moving(*sampled)
                self._terms[key] = LinearCombination(fixed, moving, gradient, *place)
            else:
                self._terms[key] = LocalCorrelation(fixed, moving, *place, self.channels[index].signed)
        return self._terms[key]

    def level(self, spacing: float) -> Level:
        """The level of `spacing` mm: 4 (not of LC2), 3, 2 or 1; ValueError for another."""
        return level_at(self.levels, spacing)

    def objective(self, level: Level) -> Objective:
        """What is maximised at one level."""
        terms = [self._term(index, level) for index in range(len(self.channels))]
        prior = None if self.prior is None else PriorTerm(self.prior, self.start, self._independent_samples())
        return Objective(terms, [channel.weight for channel in self.channels], prior)

    def _independent_samples(self) -> float:
        """The field of view's volume in units of independent samples; several contrasts of one place add none."""
        bases = [pyramid.base for pyramid in self._fixed]
        cubic_mm = [float(v.weights.sum()) * abs(float(np.linalg.det(v.matrix[:3, :3]))) for v in bases]
        return max(cubic_mm) / INDEPENDENT**3

    def only(self, indices: Sequence[int]) -> RigidProblem:
        """The same problem with some of its channels: same centre, start and prior; nothing is computed again."""
        part = object.__new__(RigidProblem)
        part.__dict__.update(self.__dict__)
        part.channels = tuple(self.channels[i] for i in indices)
        part._fixed, part._moving = (tuple(v[i] for i in indices) for v in (self._fixed, self._moving))
        part._gradients = tuple(self._gradients[i] for i in indices) if self._gradients else ()
        part._terms = {
            (new, level): term
            for new, old in enumerate(indices)
            for (index, level), term in self._terms.items()
            if index == old
        }
        return part

    def pose_of(self, transform: sitk.Transform) -> Matrix:
        """(4, 4): the pose of a rigid transform, fixed points -> moving points in LPS mm."""
        return to_rigid_matrix(transform) @ translation_matrix(self.view.centre)

    def transform_of(self, pose: Matrix) -> sitk.Euler3DTransform:
        """The transform of a (4, 4) pose, fixed points -> moving points in LPS mm; it turns about the centre."""
        return to_euler(pose @ translation_matrix(-self.view.centre), self.view.centre)

    def displacement(self, pose: Matrix, other: Matrix) -> NDArray[np.float64]:
        """(N,) mm: how far two poses take points that outline the field of view apart."""
        linear = pose[:3] - other[:3]
        distances: NDArray[np.float64] = np.linalg.norm(self.view.points @ linear[:, :3].T + linear[:, 3], axis=1)
        return distances

    @torch.no_grad()
    def evaluate(self, poses: Matrix, spacing: float = 2.0) -> NDArray[np.float64]:
        """(B,): the channels' weighted mean similarity, without the prior, of (B, 4, 4) poses.

        At the level of `spacing` mm: 4 (not of LC2), 3, 2 or 1.
        """
        return self.objective(self.level(spacing)).evaluate_similarity(poses)

    @torch.no_grad()
    def evaluate_channels(self, poses: Matrix, spacing: float = 2.0) -> NDArray[np.float64]:
        """(C, B): the similarity of each channel at (B, 4, 4) poses, at the level of `spacing` mm."""
        return self.objective(self.level(spacing)).evaluate_terms(poses)

    @torch.no_grad()
    def overlap(self, pose: Matrix, spacing: float = 2.0) -> float:
        """The share of the field of view with moving image at a pose, of the channel that has least."""
        return self.objective(self.level(spacing)).overlap(pose)

    @torch.no_grad()
    def climb(
        self,
        poses: Matrix,
        spacing: float = 2.0,
        iterations: int | None = None,
        on_iteration: Callable[[int], None] = lambda iteration: None,
        tolerance: float = TOLERANCE,
    ) -> Optimum:
        """Where Gauss-Newton ends from each of (B, 4, 4) poses at the level of `spacing` mm, with the prior if any.

        A pose is at rest where its next step is shorter than `tolerance` times the spacing.
        """
        level = self.level(spacing)
        limits = 3 * level.spacing, tolerance * level.spacing
        steps = level.iterations if iterations is None else iterations
        return climb(self.objective(level), poses, steps, self.view.radius, *limits, on_iteration)

    @torch.no_grad()
    def curvature(self, pose: Matrix, spacing: float = 2.0, step_mm: float = 0.25) -> NDArray[np.float64]:
        """(6, 6): the negated Hessian of the similarity by twists at a pose, by differences of its exact gradient.

        Unlike Gauss-Newton's it is negative along directions in which the pose is no maximum. Rotations are varied by
        what moves a point at the field of view's radius by `step_mm`. The prior is left out.
        """
        steps = step_mm * np.array([1 / self.view.radius] * 3 + [1.0] * 3)
        twists = np.concatenate([np.diag(steps), -np.diag(steps)])
        gradients = self.objective(self.level(spacing)).differentiate_similarity(pose @ exp_se3(twists)).gradients
        hessian = (gradients[6:] - gradients[:6]) / (2 * steps[:, None])
        symmetric: NDArray[np.float64] = (hessian + hessian.T) / 2
        return symmetric

    def narrowed(self, keep: Callable[[NDArray[np.float64]], NDArray[np.bool_]]) -> RigidProblem:
        """The same problem seen through the part of its field of view whose (N, 3) points `keep` says True for.

        Points are LPS mm relative to the centre; centre, radius and start stay those of the whole.

        Raises:
            InputError: too few voxels are left.
        """

        def cut(volume: Volume) -> Pyramid:
            indices = volume.mask_indices()
            out = indices[~keep(apply_matrix(volume.matrix, indices) - self.view.centre)].astype(np.intp)
            weights = volume.weights.clone()
            weights[tuple(torch.from_numpy(axis) for axis in out.T)] = 0
            if int(torch.count_nonzero(weights)) < MINIMUM_VOXELS:
                raise InputError("Too little of the field of view is left to register; give a larger one.")
            return Pyramid(replace(volume, weights=weights))

        part = object.__new__(RigidProblem)
        part.__dict__.update(self.__dict__, _fixed=tuple(cut(pyramid.base) for pyramid in self._fixed), _terms={})
        return part

    def against_ultrasound(self, ultrasound: sitk.Image, mask: sitk.Image | None = None) -> RigidProblem:
        """The moving images against an ultrasound by LC2: same centre, radius and start; nothing else is read again.

        Raises:
            InputError: the ultrasound or its mask cannot be used.
        """
        channels = tuple(
            replace(c, fixed=ultrasound, fixed_mask=mask, signed=False, uncertainty=None) for c in self.channels
        )
        seen = Pyramid(fixed_side(channels[0], EROSION, self._fixed[0].base.weights.device))
        part = object.__new__(RigidProblem)
        part.__dict__.update(self.__dict__, channels=channels, metric="lc2", levels=LC2_LEVELS, prior=None)
        part._fixed, part._terms = (seen,) * len(channels), {}
        part._gradients = self._gradients or tuple(Pyramid(gradient_magnitude(p.base)) for p in self._moving)
        return part
