"""Which 4 x 4 matrices can be poses and which can be calibrations."""

from __future__ import annotations

import re

import numpy as np
from numpy.typing import NDArray

from .frames import FloatArray

#: How far a tracker's matrix may stretch any direction, as a share; PLUS's six digits and jitter stay far below.
RIGID_TOLERANCE = 0.01

#: No tracker sees a kilometre, in mm; larger numbers are a fault, and would overflow where they are multiplied.
LARGEST_ENTRY = 1e6

#: The volume that three unit vectors along a calibration's columns span at least; 1 if they are at right angles.
LEAST_VOLUME = 1e-3

_NOT_FINITE = re.compile(r"[+-]?(nan\(\w*\)|1\.?#\w+)", re.IGNORECASE)
_SEPARATORS = re.compile(r"[\s,;/|\[\]()]+")


def numbers_in(text: str) -> list[float] | None:
    """All numbers in ``text``, between spaces, commas, slashes or brackets; None if something else is in it.

    What is spelled like no number but stands for one that is not finite (``-nan(ind)``, ``1.#QNAN``) is NaN.
    """
    words = [word for word in _SEPARATORS.split(_NOT_FINITE.sub(" nan ", text)) if word]
    try:
        return [float(word) for word in words]
    except ValueError:
        return None


def is_affine(matrices: FloatArray) -> NDArray[np.bool_]:
    """(...) whether matrices (..., 4, 4) are finite, of a plausible size, with the last row 0 0 0 1."""
    last_row = np.abs(np.nan_to_num(matrices[..., 3, :], nan=np.inf) - [0, 0, 0, 1]).max(-1) < 1e-6
    affine: NDArray[np.bool_] = (np.abs(matrices) < LARGEST_ENTRY).all((-1, -2)) & last_row  # false for NaN
    return affine


def is_rigid(matrices: FloatArray) -> NDArray[np.bool_]:
    """(...) whether matrices (..., 4, 4) turn and shift only, to RIGID_TOLERANCE: no scale, shear or mirror."""
    affine = is_affine(matrices)
    linear = np.where(affine[..., None, None], matrices[..., :3, :3], np.eye(3))
    stretch = np.abs(np.linalg.svd(linear, compute_uv=False) - 1).max(-1)
    rigid: NDArray[np.bool_] = affine & (stretch <= RIGID_TOLERANCE) & (np.linalg.det(linear) > 0)
    return rigid


def is_calibration(matrices: FloatArray) -> NDArray[np.bool_]:
    """(...) whether matrices (..., 4, 4) take pixels to mm: any scale along each axis, but nothing that is flat."""
    affine = is_affine(matrices)
    linear = np.where(affine[..., None, None], matrices[..., :3, :3], np.eye(3))
    lengths = np.linalg.norm(linear, axis=-2)  # of the columns
    volume = np.abs(np.linalg.det(linear / np.where(lengths > 0, lengths, 1)[..., None, :]))
    usable: NDArray[np.bool_] = affine & (lengths > 0).all(-1) & (volume >= LEAST_VOLUME)
    return usable
