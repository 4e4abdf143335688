"""Brain shift: between the pre-operative MR and the sweep the brain sinks, or swells, at the craniotomy."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import SimpleITK as sitk

from .draws import Draws
from .geometry import Array


@dataclass(frozen=True)
class BrainShift:
    """``sink`` mm at the craniotomy ``face`` (LPS mm) along ``direction``, fading over ``reach`` mm (Gaussian)."""

    face: tuple[float, float, float]
    direction: tuple[float, float, float]
    sink: float
    reach: float


def draw_brain_shift(draws: Draws, face: npt.NDArray[np.float64], direction: npt.NDArray[np.float64]) -> BrainShift:
    """Draw a shift into the brain, or a smaller one out of it, tilted from ``direction`` towards gravity."""
    rng = draws.rng
    tilted = direction + rng.normal(0, 0.25, 3)
    tilted /= np.linalg.norm(tilted)
    sink = draws.reserved(2, 10) if rng.random() < 0.8 else -draws.reserved(1, 4)
    fx, fy, fz = face.tolist()
    dx, dy, dz = tilted.tolist()
    return BrainShift((fx, fy, fz), (dx, dy, dz), sink, draws.reserved(22, 40))


def preoperative_points(shift: BrainShift, points: Array) -> Array:
    """Where the tissue that lies at LPS ``points`` (..., 3) during the sweep lay on the pre-operative MR, LPS mm.

    Invertible: its steepest slope, sink / reach * exp(-1/2), stays below 0.3.
    """
    squared = ((points - np.asarray(shift.face, np.float32)) ** 2).sum(-1, keepdims=True)
    fade = np.exp(squared * np.float32(-0.5 / shift.reach**2))
    return np.asarray(points - fade * (np.float32(shift.sink) * np.asarray(shift.direction, np.float32)), np.float32)


def shift_transform(shift: BrainShift | None, over: sitk.Image, step: float = 4.0) -> sitk.Transform:
    """:func:`preoperative_points` as a SimpleITK transform, linear between points ``step`` mm apart over a box.

    It takes LPS points of the sweep inside the image ``over`` to the pre-operative MR, as a resampling of the MR onto
    the sweep needs it; the identity for no shift.
    """
    if shift is None:
        return sitk.Transform(3, sitk.sitkIdentity)
    size = [int(np.ceil(n * s / step)) + 1 for n, s in zip(over.GetSize(), over.GetSpacing(), strict=True)]
    axes = np.asarray(over.GetDirection()).reshape(3, 3) * step
    k, j, i = np.meshgrid(*(np.arange(n) for n in size[::-1]), indexing="ij")
    points = (np.stack([i, j, k], -1) @ axes.T + over.GetOrigin()).astype(np.float32)
    moved = preoperative_points(shift, points).astype(np.float64) - points
    field = sitk.GetImageFromArray(moved, isVector=True)
    field.SetSpacing([step] * 3)
    field.SetOrigin(over.GetOrigin())
    field.SetDirection(over.GetDirection())
    return sitk.DisplacementFieldTransform(field)
