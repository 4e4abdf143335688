"""Seat a probe drawn for the template on another head: along its beam onto that head's surface."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from .acquisition.acquisition import Acquisition
from .anatomy import Anatomy, hull_depth
from .geometry import sample

#: How far (mm) the surface is looked for on either side of the drawn face, and in which steps.
_REACH, _STEP = 40.0, 0.5


def seated(acquisition: Acquisition, anatomy: Anatomy) -> Acquisition:
    """The same acquisition with its probe's face where its central beam first enters the brain of ``anatomy``.

    The beam that misses the brain is left where it was.
    """
    trajectory = acquisition.trajectory
    along = np.arange(-_REACH, _REACH, _STEP)[:, None]
    path = np.asarray(trajectory.face) + along * np.asarray(trajectory.direction)
    depth = sample(hull_depth(anatomy)[None], anatomy.grid.indices(path.astype(np.float32)), "border")[0]
    if not (depth > 0).any():
        return acquisition
    x, y, z = path[int(np.argmax(depth > 0))].tolist()
    return replace(acquisition, trajectory=replace(trajectory, face=(x, y, z)))
