"""The irregular ellipsoid that tumours and cysts are made of, and where below a craniotomy it lies."""

from __future__ import annotations

from typing import Protocol, TypeAlias

import numpy as np
import numpy.typing as npt

from ..fields import smooth_field
from ..geometry import Array, Grid, rotation

Triple: TypeAlias = tuple[float, float, float]
Box: TypeAlias = tuple[slice, slice, slice]
#: Distance (mm) of the knots of the noise that makes outlines irregular: lobes and small bulges.
_LOBES, _BULGES = 14.0, 7.0
#: Shares of cortical and deep lesions; the others lie at the target, in subcortical white matter.
_CORTICAL, _DEEP = 0.35, 0.2
#: Depth (mm) of cortical lesions below the surface, and of deep ones beyond the target.
_BELOW_SURFACE, _BEYOND_TARGET = (3.0, 9.0), (4.0, 14.0)


class Ellipsoid(Protocol):
    """Centre (LPS mm), radii (mm), rotation vector (radians) and relative unevenness of the outline."""

    @property
    def centre(self) -> Triple: ...
    @property
    def radii(self) -> Triple: ...
    @property
    def rotation(self) -> Triple: ...
    @property
    def irregularity(self) -> float: ...
    @property
    def seed(self) -> int: ...


def draw_radii(rng: np.random.Generator, radius: float) -> Triple:
    """Three radii about ``radius``."""
    rx, ry, rz = (radius * rng.uniform(0.75, 1.25, 3)).tolist()
    return rx, ry, rz


def draw_rotation(rng: np.random.Generator) -> Triple:
    """A rotation vector that leaves no direction preferred by the eye."""
    ax, ay, az = rng.uniform(-np.pi, np.pi, 3).tolist()
    return ax, ay, az


def surroundings(shape: Ellipsoid, grid: Grid, beyond: float) -> Box:
    """The voxels (z, y, x) that may lie within ``beyond`` mm of the shape; empty slices far outside the grid."""
    x, y, z = (grid.indices(np.asarray(shape.centre))).tolist()
    nz, ny, nx = grid.shape
    radius = ((1 + 2.5 * shape.irregularity) * max(shape.radii) + beyond) / grid.spacing
    z_side, y_side, x_side = (
        slice(max(int(c - radius), 0), max(min(int(c + radius) + 1, n), 0)) for c, n in ((z, nz), (y, ny), (x, nx))
    )
    return z_side, y_side, x_side


def points_within(grid: Grid, box: Box) -> Array:
    """Centres (z, y, x, 3) of the box's voxels, LPS mm."""
    first = np.array([side.start for side in reversed(box)])
    x, y, z = (np.asarray(grid.origin) + grid.direction @ (first * grid.spacing)).tolist()
    nz, ny, nx = (max(side.stop - side.start, 0) for side in box)
    return Grid((nx, ny, nz), grid.spacing, (x, y, z), grid.direction).points()


def signed_distance(shape: Ellipsoid, points: Array) -> tuple[Array, Array, Array]:
    """Approximate distance (mm, positive inside) of points (z, y, x, 3) 1 mm apart, and two noise fields."""
    slow, fine = (smooth_field(shape.seed + n, points.shape[:3], step) for n, step in enumerate((_LOBES, _BULGES)))
    offset = points - np.asarray(shape.centre, np.float32)
    turned = offset @ rotation(shape.rotation).astype(np.float32)
    level = np.linalg.norm(turned / np.asarray(shape.radii, np.float32), axis=-1)
    level += shape.irregularity * (slow + 0.5 * fine) * np.minimum(level, 1)
    return (1 - level) * np.float32(np.mean(shape.radii)), slow, fine


def draw_site(rng: np.random.Generator, surface: npt.NDArray[np.float64], target: npt.NDArray[np.float64]) -> Triple:
    """A lesion's centre (LPS mm) on the way from the point ``surface`` of the hull through ``target``, (3,) LPS mm."""
    way = target - surface
    distance = float(np.linalg.norm(way))
    kind, below, beyond = rng.random(), rng.uniform(*_BELOW_SURFACE), rng.uniform(*_BEYOND_TARGET)
    depth = distance
    if kind < _CORTICAL:
        depth = min(below, distance)
    elif kind < _CORTICAL + _DEEP:
        depth = distance + beyond
    x, y, z = (surface + way * (depth / max(distance, 1e-6))).tolist()
    return x, y, z
