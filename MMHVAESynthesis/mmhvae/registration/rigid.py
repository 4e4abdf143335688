"""Rigid registration of a moving volume to the field of view of a fixed one.

Coarse to fine: at the coarsest level a grid of starts around the given pose is scored and the best of them climb; the
best tracks go on from level to level. The track that started at the given pose is never dropped before the 2 mm level,
because navigation is usually right within millimetres and a coarse similarity may prefer a wrong pose.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import SimpleITK as sitk
import torch
from numpy.typing import NDArray

from ..devices import choose_device
from ..exceptions import InputError, Progress, no_progress
from ..images import field_of_view
from . import volumes
from .gauss_newton import Optimum, climb
from .similarity import LocalCorrelation
from .transforms import Matrix, apply_matrix, exp_se3, to_euler, to_rigid_matrix, translation_matrix
from .volumes import Volume

#: The moving image is cropped to the field of view at the start, plus this many mm: no start leads further.
REACH = 32.0
#: Fewer voxels in the fixed mask than this cannot hold six parameters down.
MINIMUM_VOXELS = 500
#: The least share of the field of view that the moving image must cover at the start.
MINIMUM_OVERLAP = 0.05

#: About how many of its points stand for the field of view where its outline is enough.
OUTLINE_POINTS = 5000

#: Starts are moved along each axis by -1, 0 or 1 times this (mm), then turned about each by this (radians).
START_TRANSLATION = 9.0
START_ROTATION = 0.14
#: How many of the moved starts are turned too, and how many of all climb, beside the given pose.
TURNED_STARTS = 8
BEST_STARTS = 7


@dataclass(frozen=True)
class Level:
    """One resolution. Lengths in mm; `keep` tracks go on from here, and the given start's with them if `keep_first`."""

    spacing: float
    smoothing: float
    window: float
    block: float
    iterations: int
    keep: int
    keep_first: bool


LEVELS = (
    Level(spacing=4, smoothing=2.0, window=20, block=0, iterations=8, keep=5, keep_first=True),
    Level(spacing=3, smoothing=1.5, window=15, block=0, iterations=8, keep=3, keep_first=True),
    Level(spacing=2, smoothing=1.0, window=14, block=0, iterations=8, keep=1, keep_first=False),
    Level(spacing=1, smoothing=0.5, window=10, block=2, iterations=5, keep=1, keep_first=False),
)
#: A preview stops here, about a quarter of a millimetre less exact.
PREVIEW_LEVELS = LEVELS[:3]
#: Climbing ends when a point at the field of view's radius would move less than this share of the level's spacing.
TOLERANCE = 0.02
#: The moving volume is sampled at this spacing at most, even at the 4 mm level.
COARSEST_MOVING = 3.0


@dataclass(frozen=True)
class RigidResult:
    """The outcome of a rigid registration.

    Attributes:
        transform: fixed points -> moving points (ITK's convention), LPS mm; turns about the field of view's centre.
        similarity_before: at the given start, mean local correlation (squared unless `signed`) at the finest level.
        similarity_after: the same at the result. It is no proof of a correct pose.
        converged: the last level came to rest, and no lower than it started.
    """

    transform: sitk.Euler3DTransform
    similarity_before: float
    similarity_after: float
    converged: bool


@dataclass(frozen=True)
class _FieldOfView:
    """The fixed side of the problem.

    Attributes:
        volume: the fixed volume; its mask is the field of view.
        centre: (3,) LPS mm, the mean of the field of view.
        radius: mm, the root mean square of the distances to the centre.
        points: (N, 3) LPS mm relative to the centre, a few thousand that outline the field of view.
    """

    volume: Volume
    centre: NDArray[np.float64]
    radius: float
    points: NDArray[np.float64]


def _fixed_side(image: sitk.Image, mask: sitk.Image | None, device: torch.device) -> _FieldOfView:
    volumes.check_image(image, "fixed image")
    if mask is None:
        mask = field_of_view(image)
    mask = volumes.on_grid_of(mask, image, "fixed mask")
    box = volumes.box_of_mask(mask)
    count = 0 if box is None else int(np.count_nonzero(sitk.GetArrayViewFromImage(mask)))
    if box is None or count < MINIMUM_VOXELS:
        raise InputError(
            f"The fixed mask covers {count} voxels of the fixed image, too few to register; give a larger one."
        )
    image, mask = sitk.RegionOfInterest(image, *box), sitk.RegionOfInterest(mask, *box)
    volume = volumes.base_volume(volumes.to_volume(image, mask, "fixed image", device))
    indices = volume.mask_indices()
    indices = indices[:: max(1, len(indices) // OUTLINE_POINTS)]
    points = apply_matrix(volume.matrix, indices)
    centre = points.mean(axis=0)
    points -= centre
    return _FieldOfView(volume, centre, float(np.sqrt((points**2).sum(axis=1).mean())), points)


def _moving_side(
    image: sitk.Image, mask: sitk.Image | None, start: Matrix, view: _FieldOfView, device: torch.device
) -> Volume:
    volumes.check_image(image, "moving image")
    cropped = volumes.crop_around(image, apply_matrix(start, view.points), REACH)
    if cropped is None:
        raise _no_overlap()
    if mask is None:
        mask = volumes.without_background(cropped)
    mask = volumes.on_grid_of(mask, cropped, "moving mask")
    if not sitk.GetArrayViewFromImage(mask).any():
        raise _no_overlap()
    return volumes.base_volume(volumes.to_volume(cropped, mask, "moving image", device))


def _no_overlap() -> InputError:
    return InputError(
        "The moving image hardly overlaps the fixed image's field of view; "
        "give an initial transform that brings it there."
    )


def _similarity(view: _FieldOfView, moving: Volume, level: Level, signed: bool) -> LocalCorrelation:
    fixed = volumes.level_volume(view.volume, level.spacing, level.smoothing)
    moving = volumes.level_volume(moving, min(level.spacing, COARSEST_MOVING), level.smoothing)
    return LocalCorrelation(fixed, moving, view.centre, level.window, level.block, signed)


def _starts(similarity: LocalCorrelation, start: Matrix) -> Matrix:
    """The given pose, then the best around it: of a grid of translations, then the best of these with rotations."""
    offsets = [[0, 0, 0, *o] for o in itertools.product((-START_TRANSLATION, 0, START_TRANSLATION), repeat=3)]
    turns = [[*(START_ROTATION * sign * axis), 0, 0, 0] for axis in np.eye(3) for sign in (-1, 1)]
    moved = start @ exp_se3(np.array(offsets, dtype=np.float64))
    scores = similarity.evaluate(moved)
    promising = moved[np.argsort(-scores, kind="stable")[:TURNED_STARTS]]
    turned = (promising[:, None] @ exp_se3(np.array(turns))).reshape(-1, 4, 4)
    poses, scores = np.concatenate([moved, turned]), np.concatenate([scores, similarity.evaluate(turned)])
    best = np.argsort(-scores, kind="stable")[:BEST_STARTS]
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


def _reporter(progress: Progress, level: Level, done: float, share: float) -> Callable[[int], None]:
    def report(iteration: int) -> None:
        progress(done + share * iteration / level.iterations, f"Registering at {level.spacing:g} mm")

    return report


def _search(
    view: _FieldOfView, moving: Volume, start: Matrix, levels: tuple[Level, ...], signed: bool, progress: Progress
) -> tuple[LocalCorrelation, Optimum]:
    """The finest level's similarity and where its tracks ended.

    Raises:
        InputError: at the start, the moving image covers next to nothing of the field of view.
    """
    poses = start[None]
    share = 0.9 / len(levels)
    for number, level in enumerate(levels):
        similarity = _similarity(view, moving, level, signed)
        if number == 0:
            if similarity.overlap(start) < MINIMUM_OVERLAP:
                raise _no_overlap()
            poses = _starts(similarity, start)
        report = _reporter(progress, level, 0.1 + share * number, share)
        limits = 3 * level.spacing, TOLERANCE * level.spacing
        optimum = climb(similarity, poses, level.iterations, view.radius, *limits, report)
        poses = _survivors(optimum, level, view.radius)
    return similarity, optimum


@torch.no_grad()
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
    preview: bool = False,
) -> RigidResult:
    """Registers a moving volume rigidly to the field of view of a fixed one, by masked local correlation.

    Args:
        fixed, moving: three-dimensional scalar images on any grids, of any contrast.
        fixed_mask: the field of view, voxel > 0, on any grid; by default :func:`mmhvae.images.field_of_view` of the
            fixed image.
        moving_mask: where the moving image holds anatomy, on any grid; by default everything but exact zeros
            connected to the border (what resampling, defacing or skull-stripping leave behind).
        initial: a rigid transform, fixed points -> moving points in LPS mm, to start from; the identity by default.
        device: "auto", "cpu", "cuda" or "mps".
        progress: called at every iteration; what it raises stops the work.
        signed: both images have the same contrast (a synthetic and a real image of one modality): correlation counts
            with its sign instead of squared.
        preview: stop at 2 mm, for a first answer in about a third of the time.

    Returns:
        The transform, fixed points -> moving points, and how similar the images were before and after.

    Raises:
        InputError: images, masks or the initial transform cannot be used; the sentence says what to do.
    """
    progress = progress or no_progress
    chosen = choose_device(device)
    progress(0.0, "Preparing the images")
    initial_matrix = np.eye(4) if initial is None else to_rigid_matrix(initial)
    view = _fixed_side(fixed, fixed_mask, chosen)
    start = initial_matrix @ translation_matrix(view.centre)
    moving_volume = _moving_side(moving, moving_mask, start, view, chosen)
    levels = PREVIEW_LEVELS if preview else LEVELS
    similarity, optimum = _search(view, moving_volume, start, levels, signed, progress)
    before = float(similarity.evaluate(start[None])[0])
    best = int(np.argmax(optimum.values))
    after = float(optimum.values[best])
    transform = to_euler(optimum.poses[best] @ translation_matrix(-view.centre), view.centre)
    progress(1.0, "Registered")
    return RigidResult(transform, before, after, bool(optimum.converged[best]) and after >= before)
