"""A volume made ready for measuring: grey levels as the network sees them, field of view, depth."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import SimpleITK as sitk
from mmhvae.images import bounding_box, check_volume, field_of_view, image_on, input_range, resampled_within
from numpy.typing import NDArray

from .beam import beam_direction

#: Spacings closer than this are one: interpolating onto a grid that is hardly coarser would smooth one side only.
SAME_SPACING = 0.03


@dataclass(frozen=True)
class Scan:
    """One ultrasound volume, cropped to its field of view.

    Attributes:
        grey: (k, j, i) float32 in [0, 1], normalised as the network's input is; 0 outside ``inside``.
        inside: (k, j, i), the field of view, dark fluid included.
        spacing: mm along k, j, i.
        beam: unit vector (k, j, i) from the probe into the tissue, estimated; see :mod:`.beam`.
        depth: (k, j, i) mm along ``beam`` from the end of the field of view that is nearest to the probe.
        share: of the original grid that lies inside the field of view.
    """

    grey: NDArray[np.float32]
    inside: NDArray[np.bool_]
    spacing: tuple[float, float, float]
    beam: NDArray[np.float64]
    depth: NDArray[np.float32]
    share: float


def scan(image: sitk.Image, spacing: float | None = None) -> Scan:
    """Crop, resample to ``spacing`` (mm, isotropic; None or finer than the image: as it is), normalise.

    Raises:
        mmhvae.InputError: the volume cannot be used.
    """
    image = check_volume(image, "ultrasound")
    inside = field_of_view(image)
    share = float((sitk.GetArrayViewFromImage(inside) > 0).mean())
    image, inside = _coarsened(image, inside, spacing)
    start, size = bounding_box(inside)
    inside, image = (sitk.RegionOfInterest(x, size, start) for x in (inside, image))
    mask = sitk.GetArrayFromImage(inside) > 0
    voxels = sitk.GetArrayFromImage(image)
    grey = np.where(mask, (input_range(np.where(mask, voxels, 0)).normalise(voxels, mask) + 1) / 2, 0)
    i, j, k = image.GetSpacing()
    grey = grey.astype(np.float32)
    beam = beam_direction(grey, mask, (k, j, i))
    return Scan(grey, mask, (k, j, i), beam, _depth(mask, (k, j, i), beam), share)


def _coarsened(image: sitk.Image, inside: sitk.Image, spacing: float | None) -> tuple[sitk.Image, sitk.Image]:
    """Image and field of view on an isotropic grid of ``spacing``, unless the image is about as coarse already."""
    if spacing is None or min(image.GetSpacing()) > spacing * (1 - SAME_SPACING):
        return image, inside
    size = [max(2, round(n * s / spacing)) for n, s in zip(image.GetSize(), image.GetSpacing(), strict=True)]
    grid = sitk.Image(size, sitk.sitkUInt8)
    grid.SetSpacing([spacing] * 3)
    grid.SetOrigin(image.GetOrigin())
    grid.SetDirection(image.GetDirection())
    values, weight = resampled_within(image, inside, grid)
    seen = weight > 0.5
    return image_on(np.where(seen, values, 0), grid), image_on(seen.astype(np.uint8), grid)


def _depth(
    mask: NDArray[np.bool_], spacing: tuple[float, float, float], beam: NDArray[np.float64]
) -> NDArray[np.float32]:
    """The nearest half percent of the voxels, often ragged, counts as depth 0."""
    axes = [np.arange(n) * s for n, s in zip(mask.shape, spacing, strict=True)]
    along = sum(a * d for a, d in zip(np.meshgrid(*axes, indexing="ij", sparse=True), beam, strict=True))
    near = np.quantile(along[mask], 0.005)
    return np.maximum(along - near, 0).astype(np.float32)
