"""The ultrasound probe: pose, beam coordinates, the freehand sweep and the grid of the reconstructed volume.

Probe frame (mm): x lateral, y elevational, z into the tissue, origin at the middle of the probe's face at mid-sweep.
Frames of the sweep turn about an axis ``pivot`` mm behind the face (a large pivot is a translation); the beams of a
frame leave an apex ``apex`` mm behind the face (small: phased array; medium: curvilinear; large: nearly linear).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from .fields import smooth_field
from .geometry import Array, Grid, rotation


@dataclass(frozen=True)
class Probe:
    """Drawn pose (LPS mm) and geometry of the sweep (mm, radians)."""

    face: tuple[float, float, float]
    direction: tuple[float, float, float]  # of the central beam, into the brain
    roll: float
    apex: float
    pivot: float
    half_angle: float  # of the sector
    half_sweep: float  # of the sweep, as length on the face
    near: float  # first depth shown
    far: float  # last depth shown
    sway: float  # lateral drift of the hand during the sweep
    jitter: float  # unevenness of the frames' edges
    grid_turn: tuple[float, float, float]  # of the volume's axes against the probe's
    seed: int


@dataclass(frozen=True)
class Beams:
    """Sampling of a sweep: half-ranges of elevation and lateral angle, depths, and number of samples of each."""

    elevation: Array  # radians about the pivot, (E,)
    lateral: Array  # radians about the apex, (L,)
    depth: Array  # mm from the probe's face, (R,)


def draw_probe(rng: np.random.Generator, face: npt.NDArray[np.float64], direction: npt.NDArray[np.float64]) -> Probe:
    """Draw a phased-array, curvilinear or nearly linear probe whose face lies at ``face``."""
    kind = rng.choice(3, p=(0.45, 0.35, 0.2))
    apex = (rng.uniform(4, 12), rng.uniform(18, 40), rng.uniform(80, 180))[kind]
    half_angle = (rng.uniform(0.5, 0.7), rng.uniform(0.35, 0.58), rng.uniform(15, 21) / apex)[kind]
    turn = rng.normal(0, 0.08, 3) if rng.random() < 0.3 else rng.uniform(-1.2, 1.2, 3)
    pivot = float(rng.choice([rng.uniform(25, 60), rng.uniform(60, 300)]))
    fx, fy, fz = face.tolist()
    dx, dy, dz = direction.tolist()
    tx, ty, tz = turn.tolist()
    return Probe(
        face=(fx, fy, fz),
        direction=(dx, dy, dz),
        roll=rng.uniform(-np.pi, np.pi),
        apex=float(apex),
        pivot=pivot,
        half_angle=float(half_angle),
        half_sweep=min(rng.uniform(12, 26), 0.55 * pivot),
        near=rng.uniform(0, 3),
        far=rng.uniform(40, 66),
        sway=rng.uniform(0, 6),
        jitter=rng.uniform(0, 0.7),
        grid_turn=(tx, ty, tz),
        seed=int(rng.integers(2**31)),
    )


def frame_axes(probe: Probe) -> npt.NDArray[np.float64]:
    """Lateral, elevational and depth axis of the probe as columns, LPS."""
    depth = np.asarray(probe.direction)
    helper = np.eye(3)[int(np.argmin(np.abs(depth)))]
    lateral = np.cross(helper, depth)
    lateral /= np.linalg.norm(lateral)
    elevation = np.cross(depth, lateral)
    cos, sin = np.cos(probe.roll), np.sin(probe.roll)
    return np.stack([cos * lateral + sin * elevation, cos * elevation - sin * lateral, depth], axis=1)


def beams(probe: Probe, spacing: float) -> Beams:
    """Sampling of the sweep fine enough for a volume of ``spacing`` mm at two thirds of the depth."""
    middle = probe.far * 2 / 3
    tilt = probe.half_sweep / probe.pivot
    across, lateral_step, axial_step = 0.9 * spacing + 0.25, 0.75 * spacing + 0.2, 0.35 * spacing + 0.15
    frames = int(np.clip(2 * tilt * (probe.pivot + middle) / across, 16, 160))
    lines = int(np.clip(2 * probe.half_angle * (probe.apex + middle) / lateral_step, 24, 200))
    return Beams(
        np.linspace(-tilt, tilt, frames, dtype=np.float32),
        np.linspace(-probe.half_angle, probe.half_angle, lines, dtype=np.float32),
        np.arange(probe.near, probe.far, axial_step, dtype=np.float32),
    )


def _sway(probe: Probe, elevation: Array) -> Array:
    """Lateral position (mm) of the frame at each elevation angle."""
    samples = 64
    curve = probe.sway * smooth_field(probe.seed, (samples,), 24)
    tilt = probe.half_sweep / probe.pivot
    return np.asarray(np.interp(elevation / tilt, np.linspace(-1.5, 1.5, samples), curve), np.float32)


def beam_points(probe: Probe, sampling: Beams) -> Array:
    """LPS points (E, L, R, 3) of every sample of the sweep."""
    elevation, lateral, depth = np.meshgrid(sampling.elevation, sampling.lateral, sampling.depth, indexing="ij")
    radius = depth + probe.apex
    x = radius * np.sin(lateral) + _sway(probe, elevation)
    within = radius * np.cos(lateral) - probe.apex + probe.pivot
    local = np.stack([x, within * np.sin(elevation), within * np.cos(elevation) - probe.pivot], -1)
    return np.asarray(local @ frame_axes(probe).T.astype(np.float32) + np.asarray(probe.face, np.float32), np.float32)


def beam_indices(probe: Probe, sampling: Beams, points: Array) -> Array:
    """Continuous indices (depth, lateral, elevation) into the sweep of LPS points (..., 3)."""
    local = (points - np.asarray(probe.face, np.float32)) @ frame_axes(probe).astype(np.float32)
    elevation = np.arctan2(local[..., 1], local[..., 2] + np.float32(probe.pivot))
    within = np.hypot(local[..., 1], local[..., 2] + np.float32(probe.pivot)) - np.float32(probe.pivot - probe.apex)
    x = local[..., 0] - _sway(probe, elevation)
    lateral, depth = np.arctan2(x, within), np.hypot(x, within) - np.float32(probe.apex)
    axes = (sampling.depth, sampling.lateral, sampling.elevation)
    index = [(v - a[0]) / (a[1] - a[0]) for v, a in zip((depth, lateral, elevation), axes, strict=True)]
    return np.stack(index, -1).astype(np.float32)


def field_of_view(probe: Probe, sampling: Beams, indices: Array) -> npt.NDArray[np.bool_]:
    """Where beam ``indices`` (..., 3) lie inside the sweep, whose frames end unevenly by ``jitter`` mm."""
    frames, lines, samples = len(sampling.elevation), len(sampling.lateral), len(sampling.depth)
    rng = np.random.default_rng(probe.seed + 1)
    ragged = np.abs(rng.normal(0, probe.jitter, (2, frames, 16)))
    frame = np.clip(np.round(indices[..., 2]), 0, frames - 1).astype(np.int16)
    block = np.clip(indices[..., 0] * 16 / samples, 0, 15).astype(np.int16)
    line_mm = (sampling.lateral[1] - sampling.lateral[0]) * (probe.apex + 0.7 * probe.far)
    low, high = (ragged / line_mm).astype(np.float32)[:, frame, block]
    inside = (indices[..., 0] >= 0) & (indices[..., 0] <= samples - 1)
    inside &= (indices[..., 1] >= low) & (indices[..., 1] <= lines - 1 - high)
    return np.asarray(inside & (indices[..., 2] >= 0) & (indices[..., 2] <= frames - 1))


def volume_grid(probe: Probe, sampling: Beams, spacing: float) -> Grid:
    """The smallest grid along the turned axes that holds the sweep."""
    axes = frame_axes(probe) @ rotation(probe.grid_turn)
    coarse = Beams(sampling.elevation[::4], sampling.lateral[::4], sampling.depth[::8])
    ends = Beams(sampling.elevation[[0, -1]], sampling.lateral[[0, -1]], sampling.depth[[0, -1]])
    points = np.concatenate([beam_points(probe, b).reshape(-1, 3) for b in (coarse, ends)]).astype(np.float64)
    along = points @ axes
    low, high = along.min(0) - 2 * spacing, along.max(0) + 2 * spacing
    nx, ny, nz = (np.ceil((high - low) / spacing).astype(int) + 1).tolist()
    ox, oy, oz = (axes @ low).tolist()
    return Grid((nx, ny, nz), spacing, (ox, oy, oz), axes)
