"""Coordinates in which scatterers stay put: elevation, lateral angle and depth of the smooth sweep that a hand meant.

Random fields are drawn on a lattice in these coordinates and looked up where each frame truly lay, so that
neighbouring frames see the same scatterers and those lie across the beams, as a beam sees them.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ..geometry import Array, sample
from .array import TransducerArray


@dataclass(frozen=True)
class BeamSpace:
    """A lattice (E, L, R) over the samples of a sweep.

    ``positions`` (N, L, R, 3): each sample's continuous lattice index, ordered (depth, lateral, elevation).
    ``step``: the lattice's steps in mm at ``middle`` mm depth, ordered (elevation, lateral, depth).
    """

    shape: tuple[int, int, int]
    step: tuple[float, float, float]
    depth: Array  # of the lattice's samples, mm, (R,)
    positions: Array

    def look_up(self, fields: list[Array]) -> Array:
        """Values (C, N, L, R) of C lattice fields at the frames' samples."""
        return sample(np.stack(fields), self.positions, "border")


def beam_space(array: TransducerArray, pivot: float, local: Array, steps: npt.ArrayLike, middle: float) -> BeamSpace:
    """The lattice over all samples ``local`` (N, L, R, 3), mm in the frame at mid-sweep.

    Args:
        array: gives the beams' apex.
        pivot: distance of the sweep's axis behind the face, mm.
        local: the samples.
        steps: wanted lattice steps (elevation, lateral, depth) in mm at ``middle`` mm depth.
        middle: a depth, mm.
    """
    x, y, z = np.moveaxis(local.astype(np.float64), -1, 0)
    elevation = np.arctan2(y, z + pivot)
    within = np.hypot(y, z + pivot) - pivot + array.radius
    angle, depth = np.arctan2(x, within), np.hypot(x, within) - array.radius
    scale = np.array([pivot + middle, array.radius + middle, 1.0])
    coordinates = np.stack([elevation * scale[0], angle * scale[1], depth], -1).reshape(-1, 3)
    low, high = coordinates.min(0), coordinates.max(0)
    count = np.ceil((high - low) / np.asarray(steps, np.float64)).astype(int) + 2
    step = (high - low) / (count - 1)
    index = ((coordinates - low) / step)[:, ::-1].reshape(local.shape)
    e, lateral, r = (int(n) for n in count)
    se, sl, sr = (float(s) for s in step)
    along = (low[2] + step[2] * np.arange(r)).astype(np.float32)
    return BeamSpace((e, lateral, r), (se, sl, sr), along, np.ascontiguousarray(index, np.float32))
