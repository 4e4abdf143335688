"""Aim a sweep at a lateral ventricle: drawn at random, hardly one sweep in ten sees enough of one to learn from."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from .acquisition.acquisition import Acquisition
from .anatomy import Warp, template_points, template_values
from .template import COARSE, load_template

#: What the frames show behind the ventricle's nearest point, mm: most of its width.
BEYOND = 20.0
#: A depth (mm) that no draw reaches: deepened sweeps share none with those set aside for held-out cases.
DEEPEST_DRAWN = 54.0
#: Share of the ventricles' voxels, the nearest to the probe, that is aimed at.
_NEAREST = 0.05


def aimed_at_ventricle(acquisition: Acquisition, warp: Warp) -> Acquisition:
    """The same acquisition, with its central beam at the nearest part of the ventricles and deep enough to show it."""
    trajectory, array = acquisition.trajectory, acquisition.array
    face = np.asarray(trajectory.face)
    world = load_template().grid.points(COARSE)
    ventricle = world[template_values(template_points(warp, world))["ventricle"] > 0.5].astype(np.float64)
    distance = np.linalg.norm(ventricle - face, axis=-1)
    towards = ventricle[distance <= np.quantile(distance, _NEAREST)].mean(0) - face
    x, y, z = (towards / np.linalg.norm(towards)).tolist()
    needed = float(distance.min()) + BEYOND
    deep = array.far if array.far >= needed else max(needed, DEEPEST_DRAWN)
    return replace(
        acquisition,
        trajectory=replace(trajectory, direction=(x, y, z)),
        array=replace(array, far=deep),
    )
