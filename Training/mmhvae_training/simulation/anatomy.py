"""One subject's undisplaced anatomy: shares of tissues, made of the warped template, cortex and lesions."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import ndimage

from .cortex import Cortex, apply_cortex, coarse_fields
from .deformation import Warp, template_points
from .geometry import Array, Grid, Maps, distance_to, sample, upsample
from .lesions import Cyst, Tumour, displaced_by, insert_cyst, insert_tumour
from .template import CHANNELS, COARSE, load_template
from .tissues import TISSUES

#: How far outside the hull (mm) voxels are still evaluated.
_OUTSIDE = 3.0


@dataclass(frozen=True)
class Anatomy:
    """Shares in [0, 1] of ``TISSUES``, (C, nz, ny, nx), on the 1 mm anatomical MR grid; their sum is 0 outside."""

    grid: Grid
    shares: Array


def template_values(points: Array) -> Maps:
    """The template's channels at template LPS points (..., 3)."""
    template = load_template()
    return dict(zip(CHANNELS, sample(template.maps, template.grid.indices(points), "border"), strict=True))


def build_anatomy(warp: Warp, cortex: Cortex, tumour: Tumour | None, cyst: Cyst | None = None) -> Anatomy:
    """Apply warp, cortex and lesions: the shares of all tissues. ``cyst`` is one that belongs to no tumour."""
    grid = load_template().grid
    lesions = [lesion for lesion in (tumour, cyst) if lesion is not None]
    coarse = before_lesions(warp, lesions, grid.points(COARSE))
    depth = template_values(coarse)["depth"]
    fields = np.concatenate([np.moveaxis(coarse, -1, 0), coarse_fields(cortex, coarse), depth[None]])
    fine = upsample(fields, grid.shape)
    evaluated = fine[-1] > -_OUTSIDE
    x, y, z, sheet, roam, patch = fine[:-1, evaluated]  # (N,) each: the voxels of the brain only
    values = template_values(np.stack([x, y, z], -1))
    maps = apply_cortex(cortex, values, sheet, roam, patch, midline_distance=x)
    shares = np.zeros((len(TISSUES), *grid.shape), np.float32)
    for name, tissue in maps.items():
        shares[TISSUES.index(name)][evaluated] = tissue
    named = dict(zip(TISSUES, shares, strict=True))
    if tumour is not None:
        insert_tumour(tumour, named, grid)
    if cyst is not None:
        insert_cyst(cyst, named, grid)
    return Anatomy(grid, shares)


def before_lesions(warp: Warp, lesions: list[Tumour | Cyst], points: Array) -> Array:
    """Template points (LPS mm) of coarse points (z, y, x, 3) whose tissue the lesions have pushed to where it is."""
    if not lesions:
        return template_points(warp, points)
    depth = template_values(template_points(warp, points))["depth"]
    for lesion in lesions:
        points = displaced_by(lesion.centre, lesion.radii, lesion.mass_effect, points, depth)
    return template_points(warp, points)


def hull_depth(anatomy: Anatomy) -> Array:
    """Signed distance (mm) to the brain's hull, positive inside, on the anatomy's grid: (nz, ny, nx)."""
    brain = ndimage.binary_fill_holes(anatomy.shares.sum(0) > 0.5)
    inside, outside = distance_to(~brain), distance_to(brain)
    return np.asarray(np.where(brain, inside - 0.5, 0.5 - outside) * anatomy.grid.spacing, np.float32)
