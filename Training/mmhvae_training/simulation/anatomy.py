"""One subject's undisplaced anatomy: shares of tissues, made of the warped template, cortex and lesions."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from .cortex import Cortex, apply_cortex, coarse_fields
from .cyst import Cyst, insert_cyst
from .deformation import Warp, draw_warp, template_points
from .geometry import Array, Grid, Maps, sample, upsample
from .mass_effect import displaced_by
from .template import CHANNELS, COARSE, load_template
from .tumour import Tumour, insert_tumour

__all__ = [
    "TISSUES",
    "Anatomy",
    "Label",
    "Warp",
    "build_anatomy",
    "draw_warp",
    "hull_depth",
    "label_map",
    "template_points",
    "template_values",
]

#: Tissues whose shares make up a voxel, in the order of the channels of ``Anatomy.shares``.
TISSUES = (
    "white", "grey", "deep", "sulcal", "ventricle", "falx", "vessel", "choroid", "core", "necrosis", "rim", "oedema",
    "cyst",
)  # fmt: skip
#: How far outside the hull (mm) voxels are still evaluated.
_OUTSIDE = 3.0


class Label(IntEnum):
    """Values of label images. A voxel carries the label of its most abundant tissue."""

    OUTSIDE = 0  # of the brain
    CSF = 1  # in sulci and cisterns, surface vessels included
    GREY_MATTER = 2  # cortex and deep nuclei
    WHITE_MATTER = 3
    OEDEMA = 4
    TUMOUR_CORE = 5  # necrosis included
    ENHANCING_RIM = 6
    VENTRICLE = 7  # choroid plexus included
    FALX = 8
    CYST = 9  # fluid of cystic tumours, cysts and cavities


_LABELLED = {
    Label.CSF: ("sulcal", "vessel"),
    Label.GREY_MATTER: ("grey", "deep"),
    Label.WHITE_MATTER: ("white",),
    Label.OEDEMA: ("oedema",),
    Label.TUMOUR_CORE: ("core", "necrosis"),
    Label.ENHANCING_RIM: ("rim",),
    Label.VENTRICLE: ("ventricle", "choroid"),
    Label.FALX: ("falx",),
    Label.CYST: ("cyst",),
}


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
    inside, outside = ndimage.distance_transform_edt(brain), ndimage.distance_transform_edt(~brain)
    return np.asarray(np.where(brain, inside - 0.5, 0.5 - outside) * anatomy.grid.spacing, np.float32)


def label_map(shares: Array) -> npt.NDArray[np.uint8]:
    """The most abundant tissue's :class:`Label` of shares (C, ...); OUTSIDE where brain is less than half."""
    best, total = np.zeros(shares.shape[1:], np.float32), shares.sum(0)
    labels = np.zeros(best.shape, np.uint8)
    for label, names in _LABELLED.items():
        share = shares[[TISSUES.index(name) for name in names]].sum(0)
        labels[share > best] = label
        np.maximum(best, share, out=best)
    labels[total < 0.5] = Label.OUTSIDE
    return labels
