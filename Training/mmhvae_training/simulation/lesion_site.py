"""Where below a craniotomy a lesion lies: in the cortex, under it, or deep."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from .lesion_shape import Triple

#: Shares of cortical and deep lesions; the others lie at the target, in subcortical white matter.
_CORTICAL, _DEEP = 0.35, 0.2
#: Depth (mm) of cortical lesions below the surface, and of deep ones beyond the target.
_BELOW_SURFACE, _BEYOND_TARGET = (3.0, 9.0), (4.0, 14.0)


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
