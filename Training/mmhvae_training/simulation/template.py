"""The MNI152 template that ships inside nilearn, as the soft maps from which anatomies are made."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from .geometry import Array, Grid, distance_to

#: Voxels (mm) kept around the brain.
_MARGIN = 14
#: Step (mm) of coarse fields, which meet the grid's first and last voxels exactly.
COARSE = 3
#: Ventricles are the fluid that lies deeper than this below the brain's hull, in mm.
_VENTRICLE_DEPTH = 22
#: Centre (y, z) in LPS mm, angles and reach of the region in which the falx hangs.
_FALX_CENTRE = (20.0, 0.0)
#: Ellipsoid (LPS mm) that holds thalamus and basal ganglia but no cortex.
_BASAL_CENTRE, _BASAL_RADII = (0.0, 6.0, 6.0), (36.0, 34.0, 22.0)
#: Channels of ``Template.maps``.
CHANNELS = ("grey", "white", "ventricle", "midline", "deep", "ridge", "depth")


@dataclass(frozen=True)
class Template:
    """Soft maps (C, nz, ny, nx) in the order of ``CHANNELS`` on a 1 mm LPS grid.

    ``depth`` is the signed distance (mm) to the brain's hull, positive inside; the others are shares in [0, 1].
    """

    grid: Grid
    maps: Array


@lru_cache(maxsize=1)
def load_template() -> Template:
    """Read the template once a process and derive hull, ventricles, midline region and deep nuclei."""
    from nilearn import datasets  # brings pandas and scikit-learn, which training and preparation can do without

    loaders = (datasets.load_mni152_template, datasets.load_mni152_gm_template, datasets.load_mni152_wm_template)
    images = [load(resolution=1) for load in loaders]
    affine = np.asarray(images[0].affine, np.float64)
    # RAS (i, j, k) -> LPS (z, y, x): the first two axes are reversed instead of their coordinates' sign.
    t1, grey, white = (np.asarray(image.dataobj, np.float32)[::-1, ::-1].transpose(2, 1, 0) for image in images)
    origin = -affine[:3, 3] - [t1.shape[2] - 1, t1.shape[1] - 1, 0]
    origin[2] = affine[2, 3]
    brain = ndimage.binary_fill_holes(ndimage.binary_opening(t1 > 0.02))
    (t1, grey, white, brain), origin = _crop([t1, grey, white, brain], brain, origin)
    nz, ny, nx = t1.shape
    grid = Grid((nx, ny, nz), 1.0, (float(origin[0]), float(origin[1]), float(origin[2])), np.eye(3))
    depth = _signed_depth(brain)
    grey, white = np.clip(grey, 0, 1) * brain, np.clip(white, 0, 1) * brain
    midline = _midline_region(white, grid)
    ventricle = _ventricles(grey, white, depth) * (1 - midline)
    basal = _basal_box(grid) * (1 - midline)
    ridge = _sulcal_ridge(white, depth) * (1 - basal) * (ventricle < 0.1)
    deep = grey * basal
    return Template(grid, np.stack([grey, white, ventricle, midline, deep, ridge, depth]).astype(np.float32))


def _crop(
    volumes: list[npt.NDArray[np.generic]], brain: npt.NDArray[np.bool_], origin: npt.NDArray[np.float64]
) -> tuple[list[Array], npt.NDArray[np.float64]]:
    """Crop to the brain and its margin; every axis then has a multiple of COARSE voxels and one more."""
    box = ndimage.find_objects(brain.astype(np.uint8))[0]
    after = [_MARGIN + (1 - 2 * _MARGIN - (side.stop - side.start)) % COARSE for side in box]
    cropped = [np.pad(volume[box], [(_MARGIN, end) for end in after]) for volume in volumes]
    return cropped, origin + np.array([box[axis].start - _MARGIN for axis in (2, 1, 0)])


def _signed_depth(brain: Array) -> Array:
    inside, outside = distance_to(brain == 0), distance_to(brain != 0)
    return np.asarray(np.where(brain, inside - 0.5, 0.5 - outside), np.float32)


def _ventricles(grey: Array, white: Array, depth: Array) -> Array:
    """The connected deep fluid, soft at its border by the template's own partial volume."""
    fluid = np.clip(1 - grey - white, 0, 1)
    labels, count = ndimage.label((fluid > 0.5) & (depth > _VENTRICLE_DEPTH))
    sizes = ndimage.sum_labels(np.ones_like(labels), labels, range(1, count + 1))
    body = ndimage.binary_dilation(np.isin(labels, 1 + np.flatnonzero(sizes > 300)), iterations=2)
    return np.asarray(fluid * body, np.float32)


def _sulcal_ridge(white: Array, depth: Array) -> Array:
    """The sheet midway between two banks of cortex, where averaging has filled the sulcus with grey matter.

    It is the medial axis of what is not white matter: there the distance to white matter has no slope.
    """
    distance = ndimage.gaussian_filter(distance_to(white >= 0.5), 0.6)
    slope = np.sqrt(sum(g**2 for g in np.gradient(distance)))
    ridge = np.clip((0.85 - slope) / 0.35, 0, 1) * np.clip((distance - 1.2) / 0.8, 0, 1)
    return np.asarray(ridge * (distance < 7) * (depth > 0), np.float32)


def _basal_box(grid: Grid) -> Array:
    """A soft ellipsoid around thalamus and basal ganglia, (nz, ny, nx)."""
    centred = (grid.points() - np.asarray(_BASAL_CENTRE, np.float32)) / np.asarray(_BASAL_RADII, np.float32)
    return np.asarray(np.clip(8 * (1 - np.linalg.norm(centred, axis=-1)), 0, 1), np.float32)


def _midline_region(white: Array, grid: Grid) -> Array:
    """1 near the midline plane above, before and behind the corpus callosum, where the falx hangs."""
    points = grid.points()[:, :, 0]
    dy, dz = points[..., 1] - _FALX_CENTRE[0], points[..., 2] - _FALX_CENTRE[1]
    radius, angle = np.hypot(dy, dz), np.arctan2(dz, -dy)
    middle = round(-grid.origin[0])
    callosum = ndimage.gaussian_filter(white[:, :, middle - 1 : middle + 2].mean(-1), 1) > 0.5
    sector = np.round((angle + np.pi) / (2 * np.pi) * 90).astype(int)
    reach = np.array([np.max(radius[callosum & (sector == s)], initial=0) for s in range(91)])
    reach = ndimage.maximum_filter1d(reach, 5)
    region = (radius > reach[sector] + 4) & (radius > 38) & (angle > -0.5) & (angle < np.pi + 0.2) & (dz > -25)
    soft = ndimage.gaussian_filter(region.astype(np.float32), 2)
    return np.broadcast_to(soft[..., None], grid.shape).astype(np.float32)
