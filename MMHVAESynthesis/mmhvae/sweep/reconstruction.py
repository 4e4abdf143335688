"""From tracked frames to a volume."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np
import SimpleITK as sitk
from numpy.typing import NDArray

from ..exceptions import InputError, Progress, no_progress
from ..images import image_on
from ..settings import Clip, Compounding, ReconstructionSettings
from .frame_usability import usable_frames
from .frames import ByteArray, FloatArray, Sweep
from .grid import gap_radius, grid_around, reference_to_index, require_grid, swept_field_of_view
from .hole_filling import filled
from .image_region import brightest, clipped, echo_region, require_clip
from .splatting import Compounder, PixelBlocks, Pixels, block_factors

#: Shares of the work: looking for the image region, splatting; what follows is the field of view and the holes.
LOOKED, SPLATTED = 0.2, 0.9
#: From one frame to the next; a probe that is lifted and set down again stays within a head.
LARGEST_STEP_MM = 200.0


@dataclass(frozen=True)
class Reconstruction:
    """What :func:`reconstruct` returns.

    Attributes:
        volume: uint8 in LPS; 0 outside the field of view and where neither a pixel nor hole filling gave a value, at
            least 1 elsewhere, so that dark fluid is told from what was not seen.
        field_of_view: uint8 on the same grid, 1 where the image regions of the frames passed, gaps between
            neighbouring frames closed. Dark fluid is inside.
        frames_used: number of frames in the volume.
        frames_dropped: number of frames left out.
        why_dropped: the reasons in words, each with its number of frames; empty where none was left out.
    """

    volume: sitk.Image
    field_of_view: sitk.Image
    frames_used: int
    frames_dropped: int
    why_dropped: str


def reconstruct(
    sweep: Sweep,
    spacing: float = ReconstructionSettings.spacing,
    grid: sitk.Image | None = None,
    clip: Clip | None = ReconstructionSettings.clip,
    compounding: Compounding = ReconstructionSettings.compounding,
    fill_holes: bool = ReconstructionSettings.fill_holes,
    progress: Progress | None = None,
    *,
    settings: ReconstructionSettings | None = None,
) -> Reconstruction:
    """Compound the tracked frames of ``sweep`` into a volume.

    Every pixel of the region that shows echoes is shared out among the eight voxels around it (see
    :mod:`.splatting`). The frames are run through twice and never held in memory together.

    Args:
        sweep: frames and poses; frames that cannot be placed are left out.
        spacing: of the voxels in mm; does not matter where ``grid`` is given.
        grid: its geometry (LPS) receives the volume; by default the smallest box along the axes of Reference that
            holds all clipped frames (see :func:`.grid.grid_around`).
        clip: (X, Y, W, H) in pixels of the frames, orientation MF; only this part is used.
        compounding: of several frames in one voxel: their weighted mean, the brightest, or the latest in file order.
        fill_holes: give voxels between the frames the mean of their neighbourhood.
        progress: called after each frame; raising :class:`mmhvae.Cancelled` in it stops the work.
        settings: in place of spacing, clip, compounding and fill_holes.

    Raises:
        InputError: no frame can be placed, all lie in one plane, every frame is black, the clip rectangle leaves
            the frames, the grid is too large or misses them, or an argument makes no sense.
    """
    report = progress or no_progress
    wanted = ReconstructionSettings.of(
        settings, spacing=spacing, clip=clip, compounding=compounding, fill_holes=fill_holes
    )
    usable = usable_frames(sweep)
    clip = require_clip(wanted.clip, sweep.frames.shape)
    poses = sweep.image_to_reference[usable.chosen]
    corners = _corners(poses, clip)
    if grid is None:
        _require_no_jump(corners, np.flatnonzero(usable.chosen))
        grid = grid_around(corners, wanted.spacing)
    require_grid(grid)
    _require_thickness(corners, min(grid.GetSpacing()))
    looked_at = clipped_frames(sweep, usable.chosen, clip, report, (0, LOOKED), "finding the image")
    region = echo_region(brightest(looked_at, (clip[3], clip[2])))
    frames = clipped_frames(sweep, usable.chosen, clip, report, (LOOKED, SPLATTED), "compounding")
    values, reached = compound(frames, poses, region, clip[:2], grid, wanted.compounding)
    if not reached.any():
        raise InputError("The grid does not meet the sweep; check that both are in the same frame of reference.")
    volume, field = _finished(values, reached, grid, wanted.fill_holes, report)
    report(1.0, "Reconstructed")
    dropped = int((~usable.chosen).sum())
    return Reconstruction(volume, field, len(poses), dropped, str(usable))


def _finished(
    values: NDArray[np.float32], reached: NDArray[np.bool_], grid: sitk.Image, fill_holes: bool, report: Progress
) -> tuple[sitk.Image, sitk.Image]:
    """The volume, at least 1 in its field of view, and the field of view."""
    report(SPLATTED, "Finding the field of view")
    field = swept_field_of_view(reached, grid)
    inside, known = sitk.GetArrayFromImage(field) != 0, reached
    if fill_holes:
        report(SPLATTED + 0.05, "Filling holes")
        values, known = filled(values, reached, inside, grid.GetSpacing(), gap_radius(grid))
        inside &= known
        field = image_on(inside.astype(np.uint8), grid)
    seen = np.maximum(np.rint(values), 1).astype(np.uint8)
    return image_on(np.where(inside & known, seen, np.uint8(0)), grid), field


def compound(
    frames: Iterable[Pixels],
    poses: FloatArray,
    region: NDArray[np.bool_],
    origin: tuple[int, int],
    grid: sitk.Image,
    compounding: Compounding = ReconstructionSettings.compounding,
) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
    """Splat frames of any unit onto a grid.

    Args:
        frames: N images (H, W), as large as ``region``.
        poses: (N, 4, 4), pixel -> Reference RAS mm.
        region: (H, W), where the frames hold something.
        origin: column and row of the frames' first pixel, in the pixels that ``poses`` count.
        grid: its geometry (LPS) receives the values.
        compounding: as in :func:`reconstruct`.

    Returns:
        Values (k, j, i), and where pixels came.
    """
    blocks = PixelBlocks.build(region, origin, block_factors(poses, min(grid.GetSpacing())))
    compounder = Compounder(grid.GetSize(), compounding, _full_weight(poses, grid))
    to_index = reference_to_index(grid)
    for frame, pose in zip(frames, poses, strict=True):
        compounder.add(blocks.points(to_index @ pose), blocks.sums(frame), blocks.counts)
    return compounder.result()


def clipped_frames(
    sweep: Sweep, chosen: NDArray[np.bool_], clip: Clip, report: Progress, share: tuple[float, float], doing: str
) -> Iterator[ByteArray]:
    """The clipped image of each chosen frame; progress goes from ``share[0]`` to ``share[1]``."""
    for index, frame in enumerate(sweep.frames):
        if chosen[index]:
            yield clipped(frame, clip)
        done = (index + 1) / len(chosen)
        report(share[0] + (share[1] - share[0]) * done, f"{doing}: frame {index + 1} of {len(chosen)}")


def _corners(poses: FloatArray, clip: Clip) -> FloatArray:
    """Centres of the four corner pixels of each frame: (N, 4, 3), Reference RAS mm."""
    x, y, w, h = clip
    pixels = np.array([[c, r, 0, 1] for c in (x, x + w - 1) for r in (y, y + h - 1)], float)  # (4, 4)
    return np.asarray((poses @ pixels.T).transpose(0, 2, 1)[..., :3])


def _require_no_jump(corners: FloatArray, numbers: NDArray[np.intp]) -> None:
    """Refuse a sweep with a step that no hand makes within a head: its volume would hold nothing for the most part."""
    steps = np.linalg.norm(np.diff(corners.mean(axis=1), axis=0), axis=1)
    if len(steps) and steps.max() > LARGEST_STEP_MM:
        worst, extent = int(steps.argmax()), float(np.ptp(corners.reshape(-1, 3), axis=0).max())
        raise InputError(
            f"The frames spread over {extent:.0f} mm, since the tracking jumps by {steps[worst]:.0f} mm between the"
            f" frames {numbers[worst]} and {numbers[worst + 1]}; check the tracking, or leave such frames out."
        )


def _require_thickness(corners: FloatArray, spacing: float) -> None:
    """A volume cannot be made of frames that all lie in one plane, be it one frame only."""
    points = corners.reshape(-1, 3) - corners.reshape(-1, 3).mean(axis=0)
    across = np.linalg.eigh(points.T @ points)[1][:, 0]  # normal of the plane that fits best
    thickness = float(np.ptp(points @ across))
    if thickness < spacing:
        raise InputError(
            f"The usable frames ({len(corners)}) lie in one plane, {thickness:.2g} mm from first to last; give a sweep "
            f"that moves across the anatomy by more than a voxel ({spacing:g} mm)."
        )


def _full_weight(poses: FloatArray, grid: sitk.Image) -> float:
    """Number of pixels that a voxel's worth of a frame holds."""
    area = np.linalg.norm(np.cross(poses[:, :3, 0], poses[:, :3, 1]), axis=1)
    return float(min(grid.GetSpacing()) ** 2 / np.median(area))
