"""Where the brain is opened, and what the probe then looks at: a target, the surface above it, the central beam."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from .acquisition import Acquisition
from .anatomy import template_values
from .deformation import Warp, template_points
from .geometry import Array, Grid, sample
from .template import COARSE, load_template

_Vector = npt.NDArray[np.float64]
_Mask = npt.NDArray[np.bool_]
#: Targets in healthy brain: depth below the hull and least distance from the midline plane, mm.
_DEPTH, _LATERAL = (9.0, 34.0), 12.0
#: Supratentorial: above this height (LPS mm, template space).
_TENTORIUM = -8.0
#: Parts of the central beam that are square to the surface and look at the target, where it is aimed and where not.
_AIMED, _FLAT = (0.25, 0.75), (0.7, 0.3)
#: What the frames show behind the ventricle's nearest point, mm: most of its width.
BEYOND = 20.0
#: A depth (mm) that no draw reaches: deepened sweeps share none with those set aside for held-out cases.
DEEPEST_DRAWN = 54.0
#: Share of the ventricles' voxels, the nearest to the probe, that is aimed at.
_NEAREST = 0.05


@dataclass(frozen=True)
class Brain:
    """What an approach is planned by, at every ``COARSE``-th point of ``grid``.

    ``world`` (z, y, x, 3) LPS mm; the others (z, y, x): ``depth`` below the hull (mm), shares of ``white`` matter and
    ``ventricle``, and where targets in healthy brain may lie.
    """

    grid: Grid
    world: Array
    depth: Array
    white: Array
    ventricle: Array
    healthy: _Mask


def brain_of(grid: Grid, mapped: Array, depth: Array, white: Array, ventricle: Array) -> Brain:
    """A brain from values at the coarse points of ``grid``; ``mapped`` are those points in the template's space."""
    healthy = (white > 0.5) & (depth > _DEPTH[0]) & (depth < _DEPTH[1])
    healthy &= (mapped[..., 2] > _TENTORIUM) & (np.abs(mapped[..., 0]) > _LATERAL)
    return Brain(grid, grid.points(COARSE), depth, white, ventricle, healthy)


def template_brain(warp: Warp) -> Brain:
    """The warped template's."""
    grid = load_template().grid
    mapped = template_points(warp, grid.points(COARSE))
    values = template_values(mapped)
    return brain_of(grid, mapped, values["depth"], values["white"], values["ventricle"])


def draw_craniotomy(
    rng: np.random.Generator, brain: Brain, targets: _Mask, aimed: bool = False
) -> tuple[_Vector, _Vector, _Vector]:
    """A target among ``targets`` (z, y, x), the point of the hull above it, and where the probe looks; LPS mm.

    The probe lies flat on the brain; ``aimed``, it is turned towards the target.
    """
    candidates = brain.world[targets]
    centre = candidates[rng.integers(len(candidates))].astype(np.float64)
    outward = centre - brain.world[brain.depth > 20].mean(0) + [0, 0, 6]
    outward = outward / np.linalg.norm(outward) + rng.normal(0, 0.22, 3)
    outward[2] = max(outward[2], -0.1)
    outward /= np.linalg.norm(outward)
    path = centre + np.arange(0, 90, 0.5)[:, None] * outward
    face = path[int(np.argmax(_depth(brain, path) < rng.uniform(-0.5, 4.0)))]
    deeper = _depth(brain, face + 6 * np.concatenate([np.eye(3), -np.eye(3)]))
    normal = deeper[:3] - deeper[3:]  # of the hull, inwards: the face lies flat on the brain
    flat, straight = _AIMED if aimed else _FLAT
    look = flat * normal / max(float(np.linalg.norm(normal)), 1e-6) - straight * outward + rng.normal(0, 0.1, 3)
    return centre, face, look / np.linalg.norm(look)


def _depth(brain: Brain, points: _Vector) -> _Vector:
    """Depth (mm) below the hull at LPS points (P, 3)."""
    index = brain.grid.indices(points.astype(np.float32)) / np.float32(COARSE)
    return sample(brain.depth[None], index, "border")[0].astype(np.float64)


def aimed_at_ventricle(acquisition: Acquisition, brain: Brain) -> Acquisition:
    """The same acquisition, its central beam at the nearest part of the ventricles and deep enough to show it.

    Drawn at random, hardly one sweep in ten sees enough of a ventricle to learn from. A brain without ventricles is
    swept as drawn.
    """
    trajectory, array = acquisition.trajectory, acquisition.array
    face = np.asarray(trajectory.face)
    ventricle = brain.world[brain.ventricle > 0.5].astype(np.float64)
    if not len(ventricle):
        return acquisition
    distance = np.linalg.norm(ventricle - face, axis=-1)
    towards = ventricle[distance <= np.quantile(distance, _NEAREST)].mean(0) - face
    x, y, z = (towards / np.linalg.norm(towards)).tolist()
    needed = float(distance.min()) + BEYOND
    deep = array.far if array.far >= needed else max(needed, DEEPEST_DRAWN)
    return replace(acquisition, trajectory=replace(trajectory, direction=(x, y, z)), array=replace(array, far=deep))
