"""What an MR sequence does to the signal: slice thickness, coil shading, blur, Rician noise."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import ndimage

from .draws import Draws
from .fields import smooth_field
from .geometry import Array

#: Share of acquisitions in thick slices: T1 after contrast is mostly acquired in 3-D.
THICK = {"t2": 0.4, "cet1": 0.2, "flair": 0.45}
#: Thickest slice, mm. Most are thinner: targets must stay worth synthesising.
_THICKEST = 5.0
#: Knot distance (mm) of the shading.
_SHADING_KNOTS = 50


@dataclass(frozen=True)
class MrAcquisition:
    """One sequence's acquisition."""

    axis: int  # of the array (z, y, x) across the slices: 0 axial, 1 coronal, 2 sagittal
    thickness: float  # of the slices, mm; 1 is a 3-D acquisition
    blur: float  # standard deviation in the slices, mm
    bias: float  # standard deviation of the shading, relative
    noise: float  # standard deviation of either channel's noise, relative to the brightest tissue
    seed: int


def draw_mr_acquisition(rng: np.random.Generator, modality: str, held_out: bool = False) -> MrAcquisition:
    """Draw the acquisition of ``modality`` (t2, cet1 or flair)."""
    draws = Draws(rng, held_out)
    thick = rng.random() < THICK[modality]
    thickness = 1 + (_THICKEST - 1) * draws.reserved(0, 1) ** 2
    return MrAcquisition(
        axis=int(rng.choice(3, p=(0.7, 0.15, 0.15))),
        thickness=thickness if thick else 1.0,
        blur=rng.uniform(0.25, 0.6),
        bias=draws.reserved(0.01, 0.09),
        noise=rng.uniform(0.003, 0.025),
        seed=int(rng.integers(2**31)),
    )


def apply_mr_acquisition(acquisition: MrAcquisition, signal: Array) -> Array:
    """The magnitude image of a true ``signal`` (nz, ny, nx) on a 1 mm grid; 0 stays 0 where there is no head."""
    head = signal > 0.01
    image = signal * np.exp(acquisition.bias * smooth_field(acquisition.seed, signal.shape, _SHADING_KNOTS))
    image = ndimage.correlate1d(image, slice_profile(acquisition.thickness), acquisition.axis)
    image = ndimage.gaussian_filter(image, acquisition.blur, truncate=3)
    rng = np.random.default_rng(acquisition.seed + 1)
    real, imaginary = (acquisition.noise * rng.standard_normal(image[head].shape, dtype=np.float32) for _ in range(2))
    image[head] = np.hypot(image[head] + real, imaginary)  # Rician: Gudbjartsson and Patz 1995
    return np.asarray(image, np.float32)


def slice_profile(thickness: float) -> Array:
    """Weights of voxels of 1 mm across a slice of ``thickness`` mm (1 or more) about the middle one; their sum is 1."""
    reach = int(np.ceil((thickness - 1) / 2))
    distance = np.abs(np.arange(-reach, reach + 1))
    return np.asarray(np.clip((thickness + 1) / 2 - distance, 0, 1) / thickness, np.float32)
