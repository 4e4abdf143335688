"""Geometry of volumes: reading, field of view, working grid, slices, and the way back to the exact input grid.

Points are LPS millimetres, as in ITK. Axes 0, 1, 2 are ITK's index axes i, j, k. A *grid* is a SimpleITK image
of which only size, spacing, origin and direction count.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import SimpleITK as sitk
from numpy.typing import NDArray

from ..exceptions import InputError
from .image_files import open_image, require_right_angles
from .transforms import RAS_TO_LPS

CLOSING_RADIUS_MM = 4.0  # bridges the dark fluid that opens onto the edge of a sweep
LARGEST_EXTENT_MM = 1000.0  # no head, sweep or scanner bore is longer
SMALLEST_SPACING_MM = 0.02  # finer than any microscope slide of a brain; a header in metres is
OWN_SPACING_RATIO = 1.2  # a slice axis whose spacing differs by more than this from the others keeps it
SAME_SPACING = 0.005  # relative difference under which two spacings are one: headers round
SMALLEST_WEIGHT = 1e-4  # interpolation weight under which a point counts as outside a mask

FloatArray = NDArray[np.float32]


@dataclass(frozen=True)
class Slices:
    """A volume as the network sees it: (S, H, W), one slice after the other, and the grid it came from."""

    array: NDArray[Any]
    grid: sitk.Image
    axis: int


def read_volume(path: str | Path, name: str = "image", nifti_form: str | None = None) -> sitk.Image:
    """Read a scalar 3-D volume as float32.

    Raises:
        InputError: :func:`mmhvae.images.open_image` refuses the file, or :func:`check_volume` its content.
    """
    path = Path(path)
    return check_volume(open_image(path, name, nifti_form), f"{name} ({path.name})")


def image_in_ras(array: NDArray[Any], ijk_to_ras: NDArray[np.float64]) -> sitk.Image:
    """An image from an array [i, j, k] and its voxel -> RAS mm matrix (4, 4), as other programs hand volumes over."""
    lps = RAS_TO_LPS @ ijk_to_ras
    spacing = np.linalg.norm(lps[:3, :3], axis=0)
    image = sitk.GetImageFromArray(np.ascontiguousarray(array.transpose(2, 1, 0)))
    image.SetSpacing(spacing.tolist())
    image.SetOrigin(lps[:3, 3].tolist())
    image.SetDirection((lps[:3, :3] / spacing).ravel().tolist())
    return image


def read_grid(path: str | Path, name: str = "grid") -> sitk.Image:
    """Read an image of which only the geometry counts: it may be empty, and of any type.

    Raises:
        InputError: as :func:`read_volume`, but for what the voxels are.
    """
    grid = open_image(path, name)
    if grid.GetDimension() == 3:
        require_millimetres(grid, f"{name} ({Path(path).name})")
        require_right_angles(grid, f"{name} ({Path(path).name})")
    return grid


def check_volume(image: sitk.Image, name: str = "image") -> sitk.Image:
    """``image`` as float32, once it is known to be a volume that can be worked on.

    Raises:
        InputError: not 3-D, several components, one voxel thick, over a metre long, sheared, NaN or infinite, all
            zero.
    """
    if image.GetDimension() != 3:
        raise InputError(f"The {name} has {image.GetDimension()} dimensions; give a single 3-D volume.")
    if image.GetNumberOfComponentsPerPixel() != 1 or "complex" in image.GetPixelIDTypeAsString():
        raise InputError(f"The {name} has several values a voxel; give a scalar (grey-level) volume.")
    if min(image.GetSize()) < 2:
        raise InputError(f"The {name} is only one voxel thick; give a volume of two or more slices an axis.")
    require_millimetres(image, name)
    require_right_angles(image, name)
    image = sitk.Cast(image, sitk.sitkFloat32)
    voxels = sitk.GetArrayViewFromImage(image)
    if not np.isfinite(voxels).all():
        raise InputError(f"The {name} holds NaN or infinite voxels; replace them, for instance by 0.")
    if not voxels.any():
        raise InputError(f"The {name} is zero everywhere; choose one that shows something.")
    return image


def require_millimetres(image: sitk.Image, name: str) -> None:
    """Refuse an image of any kind whose header is in another unit, by its size: metres and micrometres are absurd.

    Raises:
        InputError: it is over a metre long, or its voxels are finer than any scanner's; or there are none, or nowhere.
    """
    if min(image.GetSize()) < 1:
        raise InputError(f"The {name} holds no voxels; give another one.")
    if not np.isfinite(image.GetOrigin()).all():
        raise InputError(f"The {name} lies nowhere: its origin holds numbers that are none; correct it, in mm.")
    extent = [n * s for n, s in zip(image.GetSize(), image.GetSpacing(), strict=True)]
    plausible = all(math.isfinite(e) and e <= LARGEST_EXTENT_MM for e in extent)
    if not plausible or min(image.GetSpacing()) < SMALLEST_SPACING_MM:
        size = " x ".join(f"{e:.0f}" if e >= 1 else f"{e:.2g}" for e in extent)
        raise InputError(f"The {name} measures {size} mm; correct its voxel spacing, which is in millimetres.")


def field_of_view(image: sitk.Image) -> sitk.Image:
    """Where ``image`` shows something: voxels above 0, closed over 4 mm, holes filled; uint8 on the same grid.

    ``voxel > 0`` alone would punch holes into dark fluid (up to 3.5 % of the voxels of real sweeps).
    """
    above = image > 0
    if not sitk.GetArrayViewFromImage(above).any():
        return above
    start, size = bounding_box(above)  # nothing is closed or filled beyond it, and sweeps leave much of a grid empty
    margin = [math.ceil(CLOSING_RADIUS_MM / s) + 1 for s in image.GetSpacing()]
    padded = sitk.ConstantPad(
        sitk.RegionOfInterest(above, size, start), margin, margin, 0
    )  # a hole at a border is none
    filled = sitk.Crop(sitk.BinaryFillhole(closed(padded, CLOSING_RADIUS_MM)), margin, margin)
    return sitk.Paste(above, filled, size, [0, 0, 0], start)


def closed(mask: sitk.Image, radius: float) -> sitk.Image:
    """Morphological closing of a 2-D or 3-D mask (uint8, 0 or 1) by a ball of ``radius`` mm.

    By distances, so that neither anisotropic voxels nor a large radius matter; the grid's border closes nothing.
    """
    margin = [math.ceil(radius / s) + 1 for s in mask.GetSpacing()]
    padded = sitk.ConstantPad(mask, margin, margin, 0)
    dilated = _distance_outside(padded) <= radius
    return sitk.Crop((_distance_outside(sitk.Not(dilated)) > radius) | padded, margin, margin)


def _distance_outside(mask: sitk.Image) -> sitk.Image:
    """Distance in mm to the mask; negative within."""
    return sitk.SignedMaurerDistanceMap(mask, squaredDistance=False, useImageSpacing=True)


def bounding_box(mask: sitk.Image) -> tuple[list[int], list[int]]:
    """First index and size of the smallest box that holds all non-zero voxels of ``mask``.

    Raises:
        InputError: the mask is empty.
    """
    inside = sitk.GetArrayViewFromImage(mask).transpose() != 0  # (i, j, k)
    start, size = [], []
    for axis in range(3):
        hit = np.flatnonzero(inside.any(axis=tuple(a for a in range(3) if a != axis)))
        if not len(hit):
            raise InputError("The field of view is empty; choose a volume that shows something.")
        start.append(int(hit[0]))
        size.append(int(hit[-1] - hit[0] + 1))
    return start, size


def working_grid(field: sitk.Image, spacing: float, slice_axis: int) -> sitk.Image:
    """The model's grid over the field of view: same axes as ``field``, centred on the mask's bounding box.

    Both in-plane axes get the model's ``spacing`` (mm). So does the slice axis, unless its spacing differs by
    more than 20 % from those of the other axes: thick slices are not interpolated. Voxels that have the model's
    spacing already stay where they are.
    """
    return grid_over(field, slice_spacings(field.GetSpacing(), spacing, slice_axis))


def grid_over(field: sitk.Image, spacings: Sequence[float]) -> sitk.Image:
    """The grid (uint8) of these ``spacings`` (mm, axes i, j, k) over a field of view: same axes, centred on its box."""
    start, size = bounding_box(field)
    own = field.GetSpacing()
    extents = [(n - 1) * s for n, s in zip(size, own, strict=True)]
    counts = [max(1, math.ceil(e / s - 1e-6)) + 1 for e, s in zip(extents, spacings, strict=True)]
    first = [
        index + (extent - (count - 1) * step) / 2 / s
        for index, extent, count, step, s in zip(start, extents, counts, spacings, own, strict=True)
    ]
    grid = sitk.Image(counts, sitk.sitkUInt8)
    grid.SetSpacing(spacings)
    grid.SetOrigin(field.TransformContinuousIndexToPhysicalPoint(first))
    grid.SetDirection(field.GetDirection())
    return grid


def slice_spacings(own: Sequence[float], spacing: float, slice_axis: int) -> list[float]:
    """Spacings (mm) of the model's grid over an image with its ``own`` ones, see :func:`working_grid`."""
    others = [own[a] for a in range(3) if a != slice_axis]
    ratios = [max(own[slice_axis] / other, other / own[slice_axis]) for other in others]
    new = [spacing] * 3
    if min(ratios) > OWN_SPACING_RATIO:
        new[slice_axis] = own[slice_axis]
    return [o if abs(n / o - 1) < SAME_SPACING else n for o, n in zip(own, new, strict=True)]


def resampled(image: sitk.Image, grid: sitk.Image, nearest: bool = False) -> sitk.Image:
    """``image`` on ``grid``, 0 outside it; linear, smoothed first along axes that get coarser by a fifth or more."""
    if nearest:
        return sitk.Resample(image, grid, sitk.Transform(), sitk.sitkNearestNeighbor, 0.0, image.GetPixelID())
    smooth = _antialiased(sitk.Cast(image, sitk.sitkFloat32), grid)
    return sitk.Resample(smooth, grid, sitk.Transform(), sitk.sitkLinear, 0.0, sitk.sitkFloat32)


class Within:
    """Images brought from a mask's grid to another one, from the voxels inside the mask alone.

    So no edge is mixed with the background. What depends on the mask alone is made once for all images.

    Args:
        mask: non-zero inside.
        grid: where to.
    """

    def __init__(self, mask: sitk.Image, grid: sitk.Image) -> None:
        self._weight, self._grid = sitk.Cast(mask != 0, sitk.sitkFloat32), grid
        #: Share of the mask in each voxel of the grid (k, j, i), 0 to 1.
        self.share: FloatArray = sitk.GetArrayFromImage(resampled(self._weight, grid))

    def values(self, image: sitk.Image) -> FloatArray:
        """``image``, on the mask's grid, as (k, j, i) on the other, 0 where nothing was near."""
        masked = sitk.Cast(image, sitk.sitkFloat32) * self._weight
        values = sitk.GetArrayFromImage(resampled(masked, self._grid))
        near = self.share > SMALLEST_WEIGHT
        return np.divide(values, self.share, out=np.zeros_like(values), where=near)


def resampled_within(image: sitk.Image, mask: sitk.Image, grid: sitk.Image) -> tuple[FloatArray, FloatArray]:
    """One image brought to ``grid`` by :class:`Within`: its values (k, j, i), and the share of the mask in each."""
    within = Within(mask, grid)
    return within.values(image), within.share


def _antialiased(image: sitk.Image, grid: sitk.Image) -> sitk.Image:
    """Gaussian of the width that turns the old voxel's response into the new one's, along axes that coarsen."""
    variances = [0.0, 0.0, 0.0]
    new_axes = _spacing_along(image, grid)
    for axis, (old, new) in enumerate(zip(image.GetSpacing(), new_axes, strict=True)):
        if new > OWN_SPACING_RATIO * old:
            variances[axis] = (new**2 - old**2) / (8 * math.log(2))  # full width at half maximum = one voxel
    return sitk.DiscreteGaussian(image, variances) if any(variances) else image


def _spacing_along(image: sitk.Image, grid: sitk.Image) -> list[float]:
    """Spacing of ``grid`` measured along the axes of ``image`` (mm): the step of the grid axis closest to each."""
    own = np.reshape(image.GetDirection(), (3, 3))
    other = np.reshape(grid.GetDirection(), (3, 3))
    closest = np.abs(own.T @ other).argmax(axis=1)
    return [float(grid.GetSpacing()[axis]) for axis in closest]


def to_slices(array: NDArray[Any], axis: int) -> NDArray[Any]:
    """SimpleITK's (k, j, i) array -> slices (S, H, W) along index axis ``axis``.

    Rows run along the first of the two remaining index axes and columns along the second, so that slice k of
    the default axis 2 is (i, j): the orientation in which the released weights were trained.
    """
    return np.ascontiguousarray(np.moveaxis(array.transpose(), axis, 0))


def from_slices(slices: NDArray[Any], axis: int) -> NDArray[Any]:
    """The inverse of :func:`to_slices`."""
    return np.ascontiguousarray(np.moveaxis(slices, 0, axis).transpose())


def largest_section(mask: NDArray[Any]) -> tuple[int, int]:
    """Index axis and slice along it, see :func:`to_slices`, in which a mask (k, j, i) has most voxels."""
    areas = [(to_slices(mask, axis) != 0).sum(axis=(1, 2)) for axis in range(3)]
    axis = int(np.argmax([each.max() for each in areas]))
    return axis, int(areas[axis].argmax())


def image_on(array: NDArray[Any], grid: sitk.Image) -> sitk.Image:
    """A SimpleITK image of ``array`` (k, j, i) with exactly the geometry of ``grid``."""
    image = sitk.GetImageFromArray(array)
    image.CopyInformation(grid)
    return image


class WayBack:
    """From a working grid to the exact grid of a field of view, for any number of arrays.

    Args:
        mask: (k, j, i), where arrays on the working grid are valid.
        grid: the working grid.
        field: the field of view.
    """

    def __init__(self, mask: NDArray[np.bool_], grid: sitk.Image, field: sitk.Image) -> None:
        self._grid, self._field = grid, field
        self._within = Within(image_on(mask.astype(np.uint8), grid), field)

    def image(self, array: FloatArray) -> sitk.Image:
        """``array`` (k, j, i) as a float32 image on the grid of the field of view, 0 outside that."""
        values = self._within.values(image_on(array, self._grid))
        values[sitk.GetArrayViewFromImage(self._field) == 0] = 0
        return image_on(values, self._field)


def same_grid(a: sitk.Image, b: sitk.Image, tolerance: Sequence[float] = (1e-4, 1e-6)) -> bool:
    """Whether two images share size, origin and spacing (mm tolerance) and direction (cosine tolerance)."""
    return bool(
        a.GetSize() == b.GetSize()
        and np.allclose(a.GetOrigin() + a.GetSpacing(), b.GetOrigin() + b.GetSpacing(), rtol=0, atol=tolerance[0])
        and np.allclose(a.GetDirection(), b.GetDirection(), rtol=0, atol=tolerance[1])
    )
