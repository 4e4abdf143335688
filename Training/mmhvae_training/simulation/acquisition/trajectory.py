"""The freehand sweep over a craniotomy: where each frame truly lay.

Frames turn about an axis ``pivot`` mm behind the probe's face (a large pivot is a translation) at uneven speed, while
the hand sways, twists, leans and presses.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ..draws import Draws
from ..fields import smooth_field
from ..geometry import rotation

Poses = npt.NDArray[np.float64]
#: Samples and knots of the hand's slow movements over a sweep.
_CURVE, _KNOTS = 64, 20


@dataclass(frozen=True)
class Trajectory:
    """Lengths in mm, angles in radians; ``face`` and ``direction`` in LPS."""

    face: tuple[float, float, float]
    direction: tuple[float, float, float]  # of the central beam at mid-sweep, into the brain
    roll: float
    pivot: float
    half_sweep: float  # as length on the face
    unevenness: float  # of the speed, standard deviation of its logarithm
    sway: float  # lateral
    press: float  # along the beam
    twist: float  # about the beam
    lean: float  # within the frame's plane
    tremor: float  # of single frames' elevational position
    seed: int


def draw_trajectory(
    draws: Draws, face: npt.NDArray[np.float64], direction: npt.NDArray[np.float64], reach: float
) -> Trajectory:
    """Draw a sweep that starts from ``face`` (LPS mm) along ``direction``; ``reach``: half the craniotomy's width."""
    rng = draws.rng
    pivot = draws.reserved(25, 60) if rng.random() < 0.5 else draws.reserved(60, 300)
    fx, fy, fz = face.tolist()
    dx, dy, dz = direction.tolist()
    return Trajectory(
        face=(fx, fy, fz),
        direction=(dx, dy, dz),
        roll=rng.uniform(-np.pi, np.pi),
        pivot=pivot,
        half_sweep=min(reach, 0.55 * pivot),
        unevenness=draws.reserved(0.05, 0.6),
        sway=draws.reserved(0, 4),
        press=rng.uniform(0, 0.6),
        twist=draws.reserved(0, 0.09),
        lean=draws.reserved(0, 0.06),
        tremor=rng.uniform(0, 0.15),
        seed=int(rng.integers(2**31)),
    )


def probe_axes(trajectory: Trajectory) -> npt.NDArray[np.float64]:
    """Lateral, elevational and depth axis at mid-sweep as columns, LPS."""
    depth = np.asarray(trajectory.direction)
    helper = np.eye(3)[int(np.argmin(np.abs(depth)))]
    lateral = np.cross(helper, depth)
    lateral /= np.linalg.norm(lateral)
    elevation = np.cross(depth, lateral)
    cos, sin = np.cos(trajectory.roll), np.sin(trajectory.roll)
    return np.stack([cos * lateral + sin * elevation, cos * elevation - sin * lateral, depth], axis=1)


def frame_count(trajectory: Trajectory, depth: float, spacing: float) -> int:
    """Number of frames that lie somewhat wider than a voxel apart at ``depth`` mm."""
    tilt = trajectory.half_sweep / trajectory.pivot
    return int(np.clip(2 * tilt * (trajectory.pivot + depth) / (0.9 * spacing + 0.2), 16, 200))


def sweep_poses(trajectory: Trajectory, count: int) -> Poses:
    """(count, 4, 4): from frame coordinates to those of the frame at mid-sweep, mm."""
    time = np.linspace(0, _CURVE - 1, count)
    curves = [smooth_field(trajectory.seed + n, (_CURVE,), _KNOTS) for n in range(5)]
    speed, sway, press, twist, lean = (np.interp(time, np.arange(_CURVE), curve) for curve in curves)
    path = np.cumsum(np.exp(trajectory.unevenness * speed))
    path = 2 * (path - path[0]) / (path[-1] - path[0]) - 1
    tremor = np.random.default_rng(trajectory.seed + 5).normal(0, trajectory.tremor, count)
    tilt = (path * trajectory.half_sweep + tremor) / trajectory.pivot
    poses = np.tile(np.eye(4), (count, 1, 1))
    for n in range(count):
        turned = rotation((-tilt[n], 0, 0))
        behind = turned @ (0, 0, trajectory.pivot) - (0, 0, trajectory.pivot)
        hand = (trajectory.sway * sway[n], 0, trajectory.press * press[n])
        poses[n, :3, :3] = turned @ rotation((0, trajectory.lean * lean[n], trajectory.twist * twist[n]))
        poses[n, :3, 3] = behind + hand
    return poses


def to_patient(trajectory: Trajectory) -> npt.NDArray[np.float64]:
    """(4, 4): from the coordinates of the frame at mid-sweep to LPS mm."""
    matrix = np.eye(4)
    matrix[:3, :3], matrix[:3, 3] = probe_axes(trajectory), trajectory.face
    return matrix
