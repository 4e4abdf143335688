"""Which frames of a sweep can be placed in space, and why the others cannot."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..exceptions import InputError
from .frames import FloatArray, Sweep

SMALLEST_PIXEL_MM, LARGEST_PIXEL_MM = 0.001, 5.0
SMALLEST_SINE = 0.1  # between rows and columns; a frame sheared further than this is a line
LARGEST_COORDINATE_MM = 1e5  # no tracker sees a hundred metres


@dataclass(frozen=True)
class UsableFrames:
    """The frames that take part.

    Attributes:
        chosen: (N,), whether each frame can be placed.
        dropped: reason in words -> number of frames that were dropped for it.
    """

    chosen: NDArray[np.bool_]
    dropped: dict[str, int]

    def __str__(self) -> str:
        """The dropped frames in words, empty where none was dropped."""
        return ", ".join(f"{number} {reason}" for reason, number in self.dropped.items())


def usable_frames(sweep: Sweep) -> UsableFrames:
    """Tell frames that can be placed from those that cannot; any affine pose can, sheared ones included.

    Raises:
        InputError: no frame can be placed.
    """
    poses = sweep.image_to_reference
    finite = np.asarray(np.isfinite(poses).all(axis=(1, 2)))
    plausible = _plausible(np.where(finite[:, None, None], poses, 0.0))
    checks = {
        "without valid tracking or image": sweep.valid,
        "with NaN or infinite numbers in the pose": finite,
        "with an impossible pose": plausible,
    }
    chosen = np.ones(len(poses), bool)
    dropped = {}
    for reason, passed in checks.items():
        number = int((chosen & ~passed).sum())
        if number:
            dropped[reason] = number
        chosen &= passed
    usable = UsableFrames(chosen, dropped)
    if not chosen.any():
        why = f" ({usable})" if dropped else ""
        raise InputError(f"No frame can be placed{why}; check the tracking, the transforms' names and the calibration.")
    return usable


def _plausible(poses: FloatArray) -> NDArray[np.bool_]:
    """(N,): affine, pixels of a plausible size, rows and columns not parallel. ``poses`` are (N, 4, 4), finite."""
    along_row, along_column = poses[:, :3, 0], poses[:, :3, 1]
    widths, heights = np.linalg.norm(along_row, axis=1), np.linalg.norm(along_column, axis=1)
    sides = np.stack([widths, heights])
    area = np.linalg.norm(np.cross(along_row, along_column), axis=1)
    affine = (np.abs(poses[:, 3] - [0, 0, 0, 1]) < 1e-6).all(axis=1)
    sized = ((sides >= SMALLEST_PIXEL_MM) & (sides <= LARGEST_PIXEL_MM)).all(axis=0)
    near = (np.abs(poses[:, :3, 3]) < LARGEST_COORDINATE_MM).all(axis=1)
    return np.asarray(affine & sized & near & (area >= SMALLEST_SINE * widths * heights))
