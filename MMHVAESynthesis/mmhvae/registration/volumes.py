"""Images for registration: arrays with a mask and a geometry, cropped, smoothed within the mask and strided.

Arrays keep SimpleITK's order (slice, row, column); `Volume.matrix` takes such an index to LPS millimetres, with voxel
centres at integer indices. Left-handed, oblique and anisotropic grids need no special care after that.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import SimpleITK as sitk
import torch
from numpy.typing import NDArray
from torch import Tensor

from ..exceptions import InputError
from ..images import Matrix, apply_matrix, inverse, require_millimetres, same_grid

#: Levels are made from a volume of about this spacing, so that fine inputs cost little more than coarse ones.
BASE_SPACING = 1.0

#: No stride leaves an axis fewer samples than this (flat volumes would lose their third dimension).
MINIMUM_SAMPLES = 8


@dataclass(frozen=True)
class Volume:
    """A scalar volume with a mask.

    Attributes:
        intensities: (D, H, W) float32. Meaningful where the weight is 1 and, after smoothing, next to such voxels.
        weights: (D, H, W) float32, 1 inside the mask and 0 outside.
        matrix: array index (slice, row, column) -> LPS mm.
        smoothed: standard deviation in mm of the Gaussian that the intensities went through.
        certainty: (D, H, W) float32 in [0, 1], how far to believe the voxel; None for all alike.
    """

    intensities: Tensor
    weights: Tensor
    matrix: Matrix
    smoothed: float = 0.0
    certainty: Tensor | None = None

    @property
    def spacing(self) -> NDArray[np.float64]:
        """Distances between samples along the three array axes, in mm."""
        return np.linalg.norm(self.matrix[:3, :3], axis=0)

    def mask_indices(self) -> NDArray[np.float64]:
        """(N, 3) array indices of the voxels inside the mask."""
        indices: NDArray[np.float64] = torch.nonzero(self.weights).cpu().numpy().astype(np.float64)
        return indices


def index_to_lps(image: sitk.Image) -> Matrix:
    """The matrix from an array index (slice, row, column) to LPS mm."""
    direction = np.array(image.GetDirection()).reshape(3, 3)
    matrix = np.eye(4)
    matrix[:3, :3] = (direction * np.array(image.GetSpacing()))[:, ::-1]
    matrix[:3, 3] = image.GetOrigin()
    return matrix


def check_image(image: sitk.Image, name: str) -> None:
    """Raises InputError for what is no three-dimensional scalar image in mm; `name` is what the sentence calls it."""
    if image.GetDimension() != 3 or min(image.GetSize()) < 2:
        raise InputError(f"The {name} is not a volume; give a three-dimensional image of two or more slices.")
    if image.GetNumberOfComponentsPerPixel() != 1 or "complex" in image.GetPixelIDTypeAsString():
        raise InputError(f"The {name} has several values a voxel; give a scalar image.")
    require_millimetres(image, name)


def on_grid_of(mask: sitk.Image, image: sitk.Image, name: str) -> sitk.Image:
    """The mask (voxel > 0) as uint8 on the image's grid, by the nearest neighbour; 0 outside the mask's own grid.

    Raises:
        InputError: the mask is no three-dimensional scalar image.
    """
    check_image(mask, name)
    binary = sitk.Cast(mask > 0, sitk.sitkUInt8)
    if same_grid(mask, image):
        binary.CopyInformation(image)
        return binary
    return sitk.Resample(binary, image, sitk.Transform(3, sitk.sitkIdentity), sitk.sitkNearestNeighbor, 0)


def without_background(image: sitk.Image) -> sitk.Image:
    """A mask (uint8) of all voxels except exact zeros that are connected to the image's border.

    Such zeros are what resampling, defacing or skull-stripping leave behind: no measurement, and their edge is false
    structure. Zeros inside the anatomy stay in.
    """
    return sitk.BinaryFillhole(sitk.Cast(image != 0, sitk.sitkUInt8), fullyConnected=False)


def box_around(image: sitk.Image, points: NDArray[np.float64], margin: float) -> tuple[list[int], list[int]] | None:
    """Size and first index (sitk's order) of the part of an image within `margin` mm (along its axes) of the box
    around (N, 3) LPS points; None if there is none.
    """
    from_lps = inverse(index_to_lps(image))
    indices = apply_matrix(from_lps, points)[:, ::-1]  # columns, rows, slices: sitk's order
    reach = margin / np.array(image.GetSpacing())
    low = np.maximum(np.floor(indices.min(axis=0) - reach), 0).astype(int)
    high = np.minimum(np.ceil(indices.max(axis=0) + reach) + 1, image.GetSize()).astype(int)
    if (high - low < 1).any():
        return None
    return (high - low).tolist(), low.tolist()


def box_of_mask(mask: sitk.Image) -> tuple[list[int], list[int]] | None:
    """Size and first index (sitk's order) of the box around a uint8 mask, None where the mask is empty."""
    array = sitk.GetArrayViewFromImage(mask)
    occupied = [np.flatnonzero(array.any(axis=axes)) for axes in ((0, 1), (0, 2), (1, 2))]
    if occupied[0].size == 0:
        return None
    return [int(o[-1] - o[0] + 1) for o in occupied], [int(o[0]) for o in occupied]


def to_volume(image: sitk.Image, mask: sitk.Image, name: str, device: torch.device) -> Volume:
    """An image and its uint8 mask on the same grid as a `Volume`, standardised within the mask.

    Raises:
        InputError: the image holds NaN or infinity, is constant inside the mask, or the mask is empty.
    """
    # NumPy sums in double precision on the CPU: not every GPU does, and torch takes several times as long.
    voxels = sitk.GetArrayFromImage(sitk.Cast(image, sitk.sitkFloat32))
    inside = sitk.GetArrayFromImage(mask).astype(np.float32)
    with np.errstate(invalid="ignore"):  # infinities of both signs
        total = voxels.sum(dtype=np.float64)
    if not math.isfinite(total):
        raise InputError(f"The {name} holds NaN or infinite voxels; replace them, for example by 0.")
    count = inside.sum(dtype=np.float64)
    if count == 0:
        raise InputError(f"The {name}'s mask is empty; give one that covers the anatomy.")
    mean = float((voxels * inside).sum(dtype=np.float64) / count)
    intensities, weights = torch.from_numpy(voxels), torch.from_numpy(inside)
    intensities = intensities.sub_(mean).mul_(weights)
    deviation = float(intensities.norm()) / math.sqrt(count)
    if not math.isfinite(deviation):
        raise InputError(f"The {name}'s voxels are too large to reckon with; scale them to a usual range.")
    # Rounding leaves a constant image of large values a tiny deviation.
    if deviation <= 1e-6 * abs(mean):
        raise InputError(f"The {name} is constant inside its mask; give one that shows anatomy.")
    return Volume(intensities.div_(deviation).to(device), weights.to(device), index_to_lps(image))


def limited_strides(volume: Volume, wanted: NDArray[np.float64]) -> list[int]:
    """Strides of at least 1 along the array axes that leave each at least `MINIMUM_SAMPLES`, or all that it has."""
    limits = (np.array(volume.weights.shape) - 1) // (MINIMUM_SAMPLES - 1)
    return [int(s) for s in np.maximum(1, np.minimum(wanted, limits))]


def gaussian_kernel(sigma: float) -> list[float]:
    """A normalised Gaussian with standard deviation `sigma` samples, cut at two of them; [1.0] if negligible."""
    if sigma < 0.35:
        return [1.0]
    reach = math.ceil(2 * sigma - 1e-6)
    values = [math.exp(-0.5 * (k / sigma) ** 2) for k in range(-reach, reach + 1)]
    return [value / sum(values) for value in values]


def smooth_axis(values: Tensor, axis: int, kernel: list[float], stride: int) -> Tensor:
    """Correlates along one axis with a symmetric kernel (zeros beyond the ends), keeping samples 0, s, 2s, ..."""
    reach = len(kernel) // 2
    kept = (values.shape[axis] - 1) // stride + 1
    shape = list(values.shape)
    shape[axis] = reach
    padded = torch.cat([values.new_zeros(shape), values, values.new_zeros(shape)], axis) if reach else values
    total: Tensor | None = None
    for start, weight in enumerate(kernel):
        window = [slice(None)] * values.ndim
        window[axis] = slice(start, start + (kept - 1) * stride + 1, stride)
        part = padded[tuple(window)]
        total = part * weight if total is None else total.add_(part, alpha=weight)
    assert total is not None
    return total


def reduced(volume: Volume, sigma: float, strides: list[int]) -> Volume:
    """The volume smoothed *within its mask* to `sigma` mm in all, then strided; sample 0 stays where it is.

    Smoothing is normalised by the smoothed mask, so that values beyond it do not bleed in; within the kernel's reach
    outside the mask the result extends the inside.
    """
    missing = math.sqrt(max(sigma**2 - volume.smoothed**2, 0.0))
    if missing == 0 and max(strides) == 1:
        return volume
    kernels = [gaussian_kernel(missing / spacing) for spacing in volume.spacing]
    support = _smoothed(volume.weights, kernels, strides)

    def within_mask(values: Tensor) -> Tensor:
        smooth = _smoothed(values * volume.weights, kernels, strides)
        return torch.where(support > 1e-4, smooth / support.clamp(min=1e-4), torch.zeros_like(smooth))

    certainty = None if volume.certainty is None else within_mask(volume.certainty)
    weights = volume.weights[:: strides[0], :: strides[1], :: strides[2]]
    matrix = volume.matrix @ np.diag([*map(float, strides), 1.0])
    return Volume(within_mask(volume.intensities), weights, matrix, sigma, certainty)


def _smoothed(values: Tensor, kernels: list[list[float]], strides: list[int]) -> Tensor:
    for axis, (kernel, stride) in enumerate(zip(kernels, strides, strict=True)):
        values = smooth_axis(values, axis, kernel, stride)
    return values


def base_volume(volume: Volume) -> Volume:
    """The volume at `BASE_SPACING` or a little finer, or as it is where it is coarser."""
    strides = limited_strides(volume, np.floor(BASE_SPACING / volume.spacing + 1e-3))
    return reduced(volume, BASE_SPACING / 2, strides) if max(strides) > 1 else volume


def level_volume(base: Volume, spacing: float, sigma: float) -> Volume:
    """The pyramid's level of about `spacing` mm, smoothed by `sigma` mm in all, from the base volume."""
    return reduced(base, sigma, limited_strides(base, np.round(spacing / base.spacing)))
