"""Where the brain is opened: a target in the white matter, the surface above it, the way the probe looks."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from .anatomy import Warp, template_points, template_values
from .geometry import Grid, Maps, sample
from .template import COARSE, load_template

_Vector = npt.NDArray[np.float64]


def draw_craniotomy(rng: np.random.Generator, warp: Warp) -> tuple[_Vector, _Vector, _Vector]:
    """A target in supratentorial white matter, the point of the hull above it, and where the probe looks; LPS mm."""
    grid = load_template().grid
    world = grid.points(COARSE)
    mapped = template_points(warp, world)
    values = template_values(mapped)
    eligible = (values["white"] > 0.5) & (values["depth"] > 9) & (values["depth"] < 34)
    eligible &= (mapped[..., 2] > -8) & (np.abs(mapped[..., 0]) > 12)
    candidates = world[eligible]
    centre = candidates[rng.integers(len(candidates))].astype(np.float64)
    outward = centre - world[values["depth"] > 20].mean(0) + [0, 0, 6]
    outward = outward / np.linalg.norm(outward) + rng.normal(0, 0.22, 3)
    outward[2] = max(outward[2], -0.1)
    outward /= np.linalg.norm(outward)
    path = centre + np.arange(0, 90, 0.5)[:, None] * outward
    face = path[int(np.argmax(_depth(values, grid, path) < rng.uniform(-0.5, 4.0)))]
    deeper = _depth(values, grid, face + 6 * np.concatenate([np.eye(3), -np.eye(3)]))
    normal = deeper[:3] - deeper[3:]  # of the hull, inwards: the face lies flat on the brain
    aim = 0.7 * normal / max(float(np.linalg.norm(normal)), 1e-6) - 0.3 * outward + rng.normal(0, 0.1, 3)
    return centre, face, aim / np.linalg.norm(aim)


def _depth(values: Maps, grid: Grid, points: _Vector) -> _Vector:
    """Depth (mm) below the hull at LPS points (P, 3)."""
    index = grid.indices(points.astype(np.float32)) / np.float32(COARSE)
    return sample(values["depth"][None], index, "border")[0].astype(np.float64)
