"""Registration cases with a known answer: an ultrasound-like sector of the MNI152 brain, and a brain displaced from it.

The fixed image is what a good synthesis from ultrasound would show: a sector of the template on an oblique grid,
blurred, with another intensity scale, bias, wrong local contrast and noise. The moving image is the template as it is;
only its header is displaced, so that nothing of it is interpolated. A number names a case: pair, range and repeat seed
all that is drawn.

Pairs: ``same``, both T1; ``t2``, the fixed image with the contrasts of a T2; ``corrupt``, both T1, but a third of the
field of view shows the wrong anatomy, and shadows cross it. Template and tissue maps are files of nilearn's wheel:
nothing is downloaded.

Arrays are indexed [i, j, k], affines map voxel centres to RAS mm, and transforms map points of the fixed image to
points of the moving one.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage, optimize
from scipy.spatial.transform import Rotation

Array = NDArray[np.float64]
Volume = NDArray[np.float32]
Mask = NDArray[np.bool_]

PAIRS = {"same": 0, "t2": 5000, "corrupt": 7000}  # and where their seeds begin
RANGES_MM = ((0, 4), (4, 8), (8, 12), (12, 16), (16, 24))  # median displacement of the start over the field of view
MARGIN = 6  # voxels around the brain
CRANIOTOMY_MM = 25.0  # from the probe's virtual apex to the brain's surface
NEAR_MM, FAR_MM = 22.0, 108.0  # of the sector, from the apex
HALF_ANGLES = (np.deg2rad(34), np.deg2rad(30))
BLUR_MM, MOST_POINTS = 1.0, 200_000


@dataclass(frozen=True)
class Brain:
    """The template and its tissue maps, each (I, J, K), cut to the head."""

    t1: Volume
    grey: Volume
    white: Volume
    mask: Mask
    affine: Array

    def contrast(self, pair: str) -> Volume:
        """What the fixed image is made of: T1, or a T2's order of grey levels with dark white matter."""
        if pair != "t2":
            return self.t1 / self.t1.max()
        fluid = np.clip(self.mask - self.grey - self.white, 0, 1)
        return (0.38 * self.white + 0.62 * self.grey + 1.0 * fluid).astype(np.float32)


@dataclass
class Case:
    """A pair of images and the transform between them."""

    name: str
    fixed: Volume
    fixed_affine: Array
    fixed_mask: NDArray[np.uint8]
    moving: Volume
    moving_affine: Array
    moving_mask: NDArray[np.uint8]
    T_true: Array
    pts: Array  # (N, 3) voxel centres of the field of view, RAS mm

    def tre(self, matrix: Array) -> Array:
        """Distance in mm, at each point, between where ``matrix`` and the truth put it."""
        return np.linalg.norm(transformed(matrix, self.pts) - transformed(self.T_true, self.pts), axis=1)


def transformed(matrix: Array, points: NDArray[np.generic]) -> Array:
    """Points (N, 3) under a 4 x 4 matrix."""
    return points @ matrix[:3, :3].T + matrix[:3, 3]


@cache
def load_brain() -> Brain:
    """The MNI152 template at 1 mm, from the files of nilearn's wheel."""
    from nilearn import datasets

    t1 = datasets.load_mni152_template(resolution=1)
    maps = (t1, datasets.load_mni152_gm_template(resolution=1), datasets.load_mni152_wm_template(resolution=1))
    head, grey, white = (np.asarray(image.dataobj, np.float32) for image in maps)
    mask = ndimage.binary_fill_holes(ndimage.binary_opening(head > 0.02))
    inside = np.argwhere(mask)
    first, last = np.maximum(inside.min(0) - MARGIN, 0), inside.max(0) + MARGIN + 1
    box = tuple(slice(a, b) for a, b in zip(first, last, strict=True))
    affine = np.array(t1.affine, float)
    affine[:3, 3] += affine[:3, :3] @ first
    return Brain(head[box], np.clip(grey[box], 0, 1), np.clip(white[box], 0, 1), mask[box], affine)


def make_case(pair: str, reach: int, repeat: int, spacing: float = 1.0) -> Case:
    """The case of that number.

    Args:
        pair: ``same``, ``t2`` or ``corrupt``.
        reach: place in ``RANGES_MM``.
        repeat: which one of them.
        spacing: of the fixed image, mm.
    """
    rng = np.random.default_rng(10_000 * reach + repeat + PAIRS[pair])
    brain = load_brain()
    affine, field = sector(brain, rng, spacing)
    fixed = seen_through(brain, pair, affine, field, rng, spacing)
    points = transformed(affine, np.argwhere(field))
    matrix = displacement(points, RANGES_MM[reach], rng)
    return Case(
        name=f"{pair}-r{reach}-k{repeat}",
        fixed=fixed,
        fixed_affine=affine,
        fixed_mask=field.astype(np.uint8),
        moving=(brain.t1 / brain.t1.max() * 1000).astype(np.float32),
        moving_affine=matrix @ brain.affine,
        moving_mask=brain.mask.astype(np.uint8),
        T_true=matrix,
        pts=points[:: max(1, len(points) // MOST_POINTS)],
    )


def sector(brain: Brain, rng: np.random.Generator, spacing: float) -> tuple[Array, Mask]:
    """An oblique grid that looks into the brain from a craniotomy at its side, and the probe's field of view on it."""
    side = 1 if rng.random() < 0.5 else -1
    outward = np.array([side * 1.0, rng.uniform(-0.5, 0.5), rng.uniform(0.1, 0.7)])
    outward /= np.linalg.norm(outward)
    apex = surface(brain, outward) + CRANIOTOMY_MM * outward
    axes = probe_axes(-outward, rng.uniform(-0.6, 0.6))
    half = [FAR_MM * np.sin(angle) for angle in HALF_ANGLES]
    nearest = NEAR_MM * np.cos(max(HALF_ANGLES))
    size = np.ceil(np.array([2 * half[0], 2 * half[1], FAR_MM - nearest]) / spacing).astype(int) + 2
    corner = np.array([-half[0], -half[1], nearest - spacing])
    affine = np.eye(4)
    affine[:3, :3], affine[:3, 3] = axes * spacing, apex + axes @ corner
    index = np.stack(np.meshgrid(*(np.arange(n) for n in size), indexing="ij"), -1).astype(np.float32)
    across, along, depth = np.moveaxis(index * spacing + corner.astype(np.float32), -1, 0)
    distance = np.linalg.norm(np.stack([across, along, depth], -1), axis=-1)
    field = (distance > NEAR_MM) & (distance < FAR_MM)
    for offset, limit in zip((across, along), HALF_ANGLES, strict=True):
        field &= np.abs(np.arctan2(offset, depth)) < limit
    return affine, field


def surface(brain: Brain, outward: Array) -> Array:
    """Where the ray from the brain's centre leaves it, RAS mm."""
    centre = transformed(brain.affine, np.argwhere(brain.mask).mean(0))
    steps = np.arange(0, 120, 0.5)
    voxels = np.round(transformed(np.linalg.inv(brain.affine), centre + steps[:, None] * outward)).astype(int)
    within = ((voxels >= 0) & (voxels < brain.mask.shape)).all(1)
    hits = np.zeros(len(steps), bool)
    hits[within] = brain.mask[tuple(voxels[within].T)]
    return centre + outward * steps[hits].max()


def probe_axes(depth: Array, roll: float) -> Array:
    """Columns: across and along the probe, turned about the beam's direction by ``roll``, and that direction."""
    across = np.cross([0.0, 0.0, 1.0], depth)
    across /= np.linalg.norm(across)
    along = np.cross(depth, across)
    turned = np.cos(roll) * across + np.sin(roll) * along, -np.sin(roll) * across + np.cos(roll) * along
    return np.stack([*turned, depth], 1)


def seen_through(
    brain: Brain, pair: str, affine: Array, field: Mask, rng: np.random.Generator, spacing: float
) -> Volume:
    """The fixed image: the brain on the sector's grid, spoilt as a synthesis spoils it."""
    source = brain.contrast(pair)
    index = np.indices(field.shape).reshape(3, -1)
    voxels = transformed(np.linalg.inv(brain.affine) @ affine, index.T).T
    image = sampled(source, voxels, field, order=3)
    in_brain = sampled(brain.mask.astype(np.float32), voxels, field, order=1) > 0.5
    if pair == "corrupt":
        image = corrupted(image, source, voxels, field, rng, spacing)
    image = ndimage.gaussian_filter(image, BLUR_MM / spacing)
    image = np.clip(image, 0, None) ** rng.uniform(0.75, 1.3)
    image *= np.exp(smooth_field(rng, image.shape, 45 / spacing, 0.20))
    image *= 1 + smooth_field(rng, image.shape, 12 / spacing, 0.10)
    spread = image[in_brain & field].std()
    texture = ndimage.gaussian_filter(rng.standard_normal(image.shape), 1.5 / spacing)
    image = image + 0.25 * spread * texture / texture.std() + 0.10 * spread * rng.standard_normal(image.shape)
    return (image * rng.uniform(200, 900) * field).astype(np.float32)


def corrupted(
    image: Volume, source: Volume, voxels: Array, field: Mask, rng: np.random.Generator, spacing: float
) -> Volume:
    """Over a third of the field of view anatomy from 18 voxels away, more blur, and two shadows that fan out."""
    offset = rng.standard_normal(3)
    offset *= 18 / np.linalg.norm(offset)
    alien = sampled(source, voxels + offset[:, None], field, order=1)
    where = smooth_field(rng, image.shape, 22 / spacing, 1.0)
    share = 1 / (1 + np.exp(-(where - np.quantile(where[field], 0.65)) / 0.1))
    image = ndimage.gaussian_filter((1 - share) * image + share * alien, 1.5 / spacing)
    index = np.indices(field.shape)
    across, depth = index[0] / field.shape[0], index[2] / field.shape[2]
    for place in rng.uniform(0.3, 0.7, 2):
        middle = 0.5 + (place - 0.5) * (0.4 + 0.8 * depth)
        image = image * (1 - 0.8 * np.exp(-0.5 * ((across - middle) / 0.03) ** 2))
    return image


def sampled(source: Volume, voxels: Array, field: Mask, order: int) -> Volume:
    """``source`` at voxel coordinates (3, N), on the grid of ``field``; 0 outside."""
    return ndimage.map_coordinates(source, voxels, order=order, mode="constant").reshape(field.shape)


def smooth_field(rng: np.random.Generator, shape: tuple[int, ...], scale: float, spread: float) -> Array:
    """A random field that changes over ``scale`` voxels, with standard deviation ``spread``."""
    nodes = max(2, int(np.ceil(max(shape) / scale)) + 2)
    coarse = rng.standard_normal((nodes, nodes, nodes))
    fine = ndimage.zoom(coarse, [n / nodes for n in shape], order=3, grid_mode=True, mode="nearest")
    fine = fine[: shape[0], : shape[1], : shape[2]]
    return spread * fine / (fine.std() + 1e-9)


def displacement(points: Array, reach: tuple[float, float], rng: np.random.Generator) -> Array:
    """A rigid motion about the points' centre whose median displacement lies in ``reach`` (mm), drawn evenly.

    Up to a degree of rotation a mm; as much translation along a random direction as is missing.
    """
    wanted = rng.uniform(max(reach[0], 0.5), reach[1])
    angle = np.deg2rad(rng.uniform(0.1, 1.0) * wanted)
    axis, direction = (v / np.linalg.norm(v) for v in (rng.standard_normal(3), rng.standard_normal(3)))
    centre, some = points.mean(0), points[::37]

    def motion(shift: float) -> Array:
        matrix = np.eye(4)
        matrix[:3, :3] = Rotation.from_rotvec(axis * angle).as_matrix()
        matrix[:3, 3] = centre + shift * direction - matrix[:3, :3] @ centre
        return matrix

    def missing(shift: float) -> float:
        return float(np.median(np.linalg.norm(transformed(motion(shift), some) - some, axis=1))) - wanted

    while missing(0.0) > -0.05 * wanted:
        angle *= 0.8
    return motion(optimize.bisect(missing, 0.0, 40.0, xtol=1e-10))
