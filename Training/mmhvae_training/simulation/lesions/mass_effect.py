"""Displacement of the tissue about a growing lesion."""

from __future__ import annotations

import numpy as np

from ..fields import sigmoid
from ..geometry import Array
from .lesion_shape import Triple

#: Reach of the displacement, in radii of the lesion.
_REACH = 1.5
#: The skull holds the surface: depth (mm) at which half of the displacement is left, and how softly it fades.
_HELD_DEPTH, _HELD_SOFTNESS = 3.0, 5.0


def displaced_by(centre: Triple, radii: Triple, amount: float, points: Array, depth: Array) -> Array:
    """Where the tissue at ``points`` (..., 3) was before the lesion pushed it away (LPS mm).

    Args:
        centre: of the lesion, LPS mm.
        radii: mm.
        amount: share of the radius by which its surface was pushed outwards, below 0.5.
        points: LPS mm.
        depth: of the points below the brain's hull, mm, (...).
    """
    offset = points - np.asarray(centre, np.float32)
    reach = _REACH * float(np.mean(radii))
    # r' = r (1 - m exp(-(r / 1.5 R)^2)) grows with r for every m < 0.6: no folds.
    shrink = amount * np.exp(-((offset**2).sum(-1)) / reach**2) * sigmoid((depth - _HELD_DEPTH) / _HELD_SOFTNESS)
    return np.asarray(points - offset * shrink[..., None], np.float32)
