"""The transducer array: which beams a frame is made of, and where their samples lie in the frame.

Frame coordinates (mm): x lateral, y elevational, z away from the probe, origin at the middle of the probe's face. All
beams of a frame lie in its plane y = 0 and leave an apex ``radius`` behind the face.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..draws import Draws
from ..geometry import Array

#: Share of the cases that each kind of array makes.
_KINDS = {"phased": 0.4, "curved": 0.35, "trapezoid": 0.15, "linear": 0.1}
#: Radius (mm) that stands for parallel beams: over a linear array's 40 mm they spread by half a degree.
_PARALLEL = 4000.0


@dataclass(frozen=True)
class TransducerArray:
    """Lengths in mm, angles in radians."""

    kind: str
    radius: float  # of the curved face; small for a phased array, huge for a linear one
    half_angle: float  # of the sector
    near: float  # first depth shown
    far: float  # last depth shown


@dataclass(frozen=True)
class Beams:
    """The samples of one frame."""

    angle: Array  # of each beam against the frame's z axis, radians, (L,)
    depth: Array  # along the beam from the probe's face, mm, (R,)


def draw_array(draws: Draws) -> TransducerArray:
    """Draw a phased, curved, trapezoid (linear, steered outwards) or linear array and the depth it shows."""
    kind = str(draws.rng.choice(list(_KINDS), p=list(_KINDS.values())))
    if kind == "phased":
        radius, half_angle = draws.reserved(4, 12), draws.reserved(0.5, 0.7)
    elif kind == "curved":
        radius, half_angle = draws.reserved(16, 42), draws.reserved(0.34, 0.58)
    else:
        radius = draws.reserved(80, 180) if kind == "trapezoid" else _PARALLEL
        half_angle = draws.reserved(15, 21) / radius
    return TransducerArray(kind, radius, half_angle, draws.rng.uniform(0, 3), draws.reserved(32, 54))


def beams(array: TransducerArray, spacing: float) -> Beams:
    """Beams and samples fine enough for a volume of ``spacing`` mm at two thirds of the depth."""
    middle = array.far * 2 / 3
    lateral_step, axial_step = 0.7 * spacing + 0.15, 0.3 * spacing + 0.1
    lines = int(np.clip(2 * array.half_angle * (array.radius + middle) / lateral_step, 24, 220))
    return Beams(
        np.linspace(-array.half_angle, array.half_angle, lines, dtype=np.float32),
        np.arange(array.near, array.far, axial_step, dtype=np.float32),
    )


def frame_points(array: TransducerArray, sampling: Beams) -> Array:
    """Frame coordinates (L, R, 3) of every sample, mm."""
    angle = sampling.angle[:, None].astype(np.float64)
    reach = sampling.depth[None, :] + array.radius
    x, z = reach * np.sin(angle), reach * np.cos(angle) - array.radius
    return np.stack([x, np.zeros_like(x), z], -1).astype(np.float32)


def beam_coordinates(array: TransducerArray, x: Array, z: Array) -> tuple[Array, Array]:
    """Angle (radians) and depth (mm) along the beam through the frame's point (x, z)."""
    wide, deep = x.astype(np.float64), z.astype(np.float64) + array.radius
    angle, depth = np.arctan2(wide, deep), np.hypot(wide, deep) - array.radius
    return angle.astype(np.float32), depth.astype(np.float32)
