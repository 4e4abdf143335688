"""How one subject's head differs from the template: an affine map and smooth random deformations of several scales."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from .draws import Draws
from .fields import smooth_field
from .geometry import Array, rotation
from .template import COARSE

#: Share of subjects that are mirrored about the template's midline plane x = 0: left made of right, and right of left.
_MIRRORED = 0.5
#: Distance (mm) of the B-splines' knots: lobes, gyri, single folds.
KNOTS = (60.0, 25.0, 12.0)
#: Least volume ratio (Jacobian determinant of the deformation, the affine map apart) that is let through.
_LEAST_RATIO = 0.25


@dataclass(frozen=True)
class Warp:
    """World -> template map: x -> A x + s u(x), where A mirrors x with ``flip``. Lengths in mm, angles in radians.

    s is 1, or the largest power of 0.85 at which no volume shrinks below a quarter: the map never folds.
    """

    flip: bool
    rotation: tuple[float, float, float]
    scale: tuple[float, float, float]
    shear: tuple[float, float, float]
    amplitudes: tuple[float, ...]  # standard deviation of u an axis, one a scale
    knots: tuple[float, ...]  # distance of the B-spline's knots, one a scale
    seed: int


def draw_warp(rng: np.random.Generator, held_out: bool = False) -> Warp:
    """Draw flip, affine jitter and the deformation's amplitudes."""
    draws = Draws(rng, held_out)

    def three(middle: float, width: float) -> tuple[float, float, float]:
        x, y, z = rng.uniform(middle - width, middle + width, 3).tolist()
        return x, y, z

    return Warp(
        flip=bool(rng.random() < _MIRRORED),
        rotation=three(0.0, 0.12),
        scale=three(1.0, 0.07),
        shear=three(0.0, 0.05),
        amplitudes=(draws.reserved(1.2, 4.2), draws.reserved(0.6, 2.0), rng.uniform(0.2, 0.7)),
        knots=KNOTS,
        seed=int(rng.integers(2**31)),
    )


def affine(warp: Warp) -> npt.NDArray[np.float64]:
    """The warp's matrix (3, 3), flip included; it keeps the origin."""
    shear = np.array([[0, warp.shear[0], warp.shear[1]], [0, 0, warp.shear[2]], [0, 0, 0]])
    return rotation(warp.rotation) @ (np.diag(warp.scale) + shear) @ np.diag([-1.0 if warp.flip else 1.0, 1.0, 1.0])


def template_points(warp: Warp, points: Array) -> Array:
    """Map the points (z, y, x, 3) of a coarse grid (LPS mm, ``COARSE`` mm apart) to template LPS mm."""
    matrix = affine(warp)
    mapped = np.asarray(points @ matrix.T.astype(np.float32), np.float32)
    deformation = np.zeros_like(mapped)
    for level, (amplitude, knots) in enumerate(zip(warp.amplitudes, warp.knots, strict=True)):
        for axis in range(3):
            seed = warp.seed + 10 * level + axis
            deformation[..., axis] += amplitude * smooth_field(seed, points.shape[:3], knots / COARSE)
    if any(warp.amplitudes):
        deformation *= _unfolded(deformation, matrix)
    return mapped + deformation


def _unfolded(deformation: Array, matrix: npt.NDArray[np.float64]) -> np.float32:
    """The factor at which I + inverse(A) du/dx keeps every volume ratio above ``_LEAST_RATIO``."""
    along = [np.gradient(deformation, COARSE, axis=axis) for axis in (2, 1, 0)]
    slopes = np.stack(along, -1)  # (z, y, x, component, derivative)
    slopes = np.linalg.inv(matrix).astype(np.float32) @ slopes
    trace = np.trace(slopes, axis1=-2, axis2=-1)
    minors = 0.5 * (trace**2 - np.einsum("...ij,...ji->...", slopes, slopes))
    a, b, c = slopes[..., 0], slopes[..., 1], slopes[..., 2]
    determinant = np.einsum("...i,...i->...", a, np.cross(b, c))
    factor = np.float32(1)
    # det(I + sM) = 1 + s tr M + s^2 (sum of principal minors) + s^3 det M
    while (1 + factor * (trace + factor * (minors + factor * determinant))).min() < _LEAST_RATIO:
        factor *= np.float32(0.85)
    return factor
