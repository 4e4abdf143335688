"""One subject's undisplaced anatomy: the template under a random affine map and a smooth random deformation."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum

import numpy as np
import numpy.typing as npt

from .cortex import Cortex, apply_cortex, coarse_fields
from .fields import smooth_field
from .geometry import Array, Grid, Maps, rotation, sample, upsample
from .template import CHANNELS, COARSE, load_template
from .tumour import Tumour, displaced_by, insert_tumour

#: Tissues whose shares make up a voxel, in the order of the channels of ``Anatomy.shares``.
TISSUES = (
    "white", "grey", "deep", "sulcal", "ventricle", "falx", "vessel", "choroid", "core", "necrosis", "rim", "oedema",
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
    TUMOUR_CORE = 5  # necrosis and cysts included
    ENHANCING_RIM = 6
    VENTRICLE = 7  # choroid plexus included
    FALX = 8


_LABELLED = {
    Label.CSF: ("sulcal", "vessel"),
    Label.GREY_MATTER: ("grey", "deep"),
    Label.WHITE_MATTER: ("white",),
    Label.OEDEMA: ("oedema",),
    Label.TUMOUR_CORE: ("core", "necrosis"),
    Label.ENHANCING_RIM: ("rim",),
    Label.VENTRICLE: ("ventricle", "choroid"),
    Label.FALX: ("falx",),
}


@dataclass(frozen=True)
class Warp:
    """World -> template map: x -> A flip(x) + u(x). Lengths in mm, angles in radians."""

    flip: bool
    rotation: tuple[float, float, float]
    scale: tuple[float, float, float]
    shear: tuple[float, float, float]
    amplitudes: tuple[float, ...]  # standard deviation of u an axis, one a scale
    knots: tuple[float, ...]  # distance of the B-spline's knots, one a scale
    seed: int


@dataclass(frozen=True)
class Anatomy:
    """Shares in [0, 1] of ``TISSUES``, (C, nz, ny, nx), on the 1 mm anatomical MR grid; their sum is 0 outside."""

    grid: Grid
    shares: Array


def draw_warp(rng: np.random.Generator) -> Warp:
    """Draw flip, affine jitter and the deformation's amplitudes."""

    def three(middle: float, width: float) -> tuple[float, float, float]:
        x, y, z = rng.uniform(middle - width, middle + width, 3).tolist()
        return x, y, z

    return Warp(
        flip=bool(rng.random() < 0.5),
        rotation=three(0.0, 0.12),
        scale=three(1.0, 0.07),
        shear=three(0.0, 0.05),
        amplitudes=(rng.uniform(1.5, 4.0), rng.uniform(0.7, 2.0), rng.uniform(0.2, 0.8)),
        knots=(40.0, 20.0, 11.0),
        seed=int(rng.integers(2**31)),
    )


def template_points(warp: Warp, points: Array) -> Array:
    """Map the anatomical grid's coarse LPS points, (z, y, x, 3), to template LPS mm."""
    shear = np.array([[0, warp.shear[0], warp.shear[1]], [0, 0, warp.shear[2]], [0, 0, 0]])
    matrix = rotation(warp.rotation) @ (np.diag(warp.scale) + shear)
    if warp.flip:
        matrix = matrix @ np.diag([-1.0, 1.0, 1.0])
    mapped = np.asarray(points @ matrix.T.astype(np.float32), np.float32)
    for level, (amplitude, knots) in enumerate(zip(warp.amplitudes, warp.knots, strict=True)):
        for axis in range(3):
            seed = warp.seed + 10 * level + axis
            mapped[..., axis] += amplitude * smooth_field(seed, points.shape[:3], knots / COARSE)
    return mapped


def template_values(points: Array) -> Maps:
    """The template's channels at template LPS points (..., 3)."""
    template = load_template()
    return dict(zip(CHANNELS, sample(template.maps, template.grid.indices(points), "border"), strict=True))


def build_anatomy(warp: Warp, cortex: Cortex, tumour: Tumour | None) -> Anatomy:
    """Apply warp, cortex and tumour: the shares of all tissues."""
    grid = load_template().grid
    world = grid.points(COARSE)
    if tumour is not None:
        world = displaced_by(tumour, world)
    coarse = template_points(warp, world)
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
    if tumour is not None:
        insert_tumour(tumour, dict(zip(TISSUES, shares, strict=True)), grid)
    return Anatomy(grid, shares)


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
