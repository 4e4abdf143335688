"""One acquisition: array, hand, tracker and scanner, and the tracked frames that they make of an anatomy."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from mmhvae.images import RAS_TO_LPS
from mmhvae.settings import Compounding
from mmhvae.sweep import ArrayFrames, Sweep

from ..draws import Draws
from ..geometry import Array, Grid, rotation
from .array import Beams, TransducerArray, beams, draw_array, frame_points
from .beam_space import beam_space
from .bmode import Ultrasound, bmode, draw_ultrasound
from .grain import Grain, draw_grain
from .scan_conversion import Raster, raster, scan_convert
from .tracking import TrackedFrames, Tracking, draw_tracking, track
from .trajectory import Poses, Trajectory, draw_trajectory, frame_count, sweep_poses, to_patient

#: Pixel size of the frames relative to the voxels of the volume that is made of them.
_PIXEL = 0.65


@dataclass(frozen=True)
class Acquisition:
    """Everything drawn for one sweep."""

    array: TransducerArray
    trajectory: Trajectory
    tracking: Tracking
    ultrasound: Ultrasound
    compounding: Compounding  # of the frames into the volume
    grain: Grain  # of the volume
    grid_turn: tuple[float, float, float]  # of the volume's axes against the probe's, rotation vector, radians


@dataclass(frozen=True)
class AcquiredSweep:
    """Frames as received, poses as tracked (``sweep``, ``tracked``) and as they were.

    ``true_image_to_reference`` (M, 4, 4): RAS mm, of the frames in ``sweep``.
    """

    sweep: Sweep
    tracked: TrackedFrames
    true_image_to_reference: Poses


def draw_acquisition(draws: Draws, face: npt.NDArray[np.float64], direction: npt.NDArray[np.float64]) -> Acquisition:
    """Draw a sweep whose probe's face lies at ``face`` (LPS mm) at mid-sweep and looks along ``direction``."""
    array = draw_array(draws)
    trajectory = draw_trajectory(draws, face, direction, reach=draws.rng.uniform(12, 26))
    # Reconstructed volumes are turned against the probe's axes, as the tracker's Reference is.
    turn = draws.rng.normal(0, 0.08, 3) if draws.rng.random() < 0.3 else draws.rng.uniform(-1.2, 1.2, 3)
    tx, ty, tz = turn.tolist()
    return Acquisition(
        array=array,
        trajectory=trajectory,
        tracking=draw_tracking(draws),
        ultrasound=draw_ultrasound(draws, array),
        compounding="latest" if draws.rng.random() < 0.6 else "mean",
        grain=draw_grain(draws),
        grid_turn=(tx, ty, tz),
    )


def acquire(acquisition: Acquisition, spacing: float, tissue_at: Callable[[Array], Array]) -> AcquiredSweep:
    """Image the anatomy.

    Args:
        acquisition: drawn parameters.
        spacing: of the volume the frames shall be fine enough for, mm.
        tissue_at: gives the tissues' shares (C, ...) at LPS points (..., 3) in mm.
    """
    array, trajectory = acquisition.array, acquisition.trajectory
    sampling, local = _layout(acquisition, spacing)
    onto = raster(array, sampling, _PIXEL * spacing)
    points = frame_points(array, sampling)  # (L, R, 3)
    samples = _moved(local, points)  # (N, L, R, 3)
    middle = 0.5 * array.far
    space = beam_space(array, trajectory.pivot, samples, (0.8 * spacing, 0.5 * spacing + 0.1, 0.3), middle)
    tissue = tissue_at(_moved(to_patient(trajectory), samples))
    grey = bmode(acquisition.ultrasound, array, sampling, space, tissue)
    frames = scan_convert(grey, array, sampling, onto)
    return _tracked(acquisition.tracking, frames, RAS_TO_LPS @ to_patient(trajectory) @ local, onto)


def _layout(acquisition: Acquisition, spacing: float) -> tuple[Beams, Poses]:
    """The samples of a frame, and the frames' poses (N, 4, 4) against the one at mid-sweep."""
    array, trajectory = acquisition.array, acquisition.trajectory
    count = frame_count(trajectory, array.far * 2 / 3, spacing)
    return beams(array, spacing), sweep_poses(trajectory, count)


def _moved(poses: Poses, points: Array) -> Array:
    """Points (..., 3) under poses (4, 4), or under each of (N, 4, 4) ones: (N, ..., 3)."""
    moved = points @ np.swapaxes(poses[..., :3, :3], -1, -2)[..., None, :, :].astype(np.float32)
    return np.asarray(moved + poses[..., None, None, :3, 3].astype(np.float32), np.float32)


def _tracked(
    tracking: Tracking, frames: npt.NDArray[np.uint8], frame_to_reference: Poses, onto: Raster
) -> AcquiredSweep:
    true = frame_to_reference @ onto.image_to_frame()
    tracked = track(tracking, true, onto.image_to_frame())
    sweep = Sweep(
        frames=ArrayFrames(frames[tracked.received]),
        image_to_reference=tracked.image_to_reference(),
        valid=tracked.valid,
        timestamps=tracked.timestamps,
    )
    return AcquiredSweep(sweep, tracked, true[tracked.received])


def volume_grid(acquisition: Acquisition, spacing: float) -> Grid:
    """The smallest grid along the turned axes that holds the sweep."""
    sampling, local = _layout(acquisition, spacing)
    axes = to_patient(acquisition.trajectory)[:3, :3] @ rotation(acquisition.grid_turn)
    rim = frame_points(acquisition.array, sampling)[:, [0, -1]]  # a frame's samples lie between its arcs
    points = _moved(to_patient(acquisition.trajectory), _moved(local, rim)).reshape(-1, 3)
    along = points.astype(np.float64) @ axes
    low, high = along.min(0) - 2 * spacing, along.max(0) + 2 * spacing
    nx, ny, nz = (np.ceil((high - low) / spacing).astype(int) + 1).tolist()
    ox, oy, oz = (axes @ low).tolist()
    return Grid((nx, ny, nz), spacing, (ox, oy, oz), axes)
