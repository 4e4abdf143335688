"""A glioma and its oedema, laid into an anatomy."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .fields import sigmoid, smooth_field
from .geometry import Array, Grid, Maps, rotation


@dataclass(frozen=True)
class Tumour:
    """Drawn parameters; lengths in mm, ``centre`` in LPS mm."""

    centre: tuple[float, float, float]
    radii: tuple[float, float, float]
    rotation: tuple[float, float, float]
    irregularity: float
    softness: float
    oedema: float  # how far it reaches beyond the core
    rim: float  # thickness of the enhancing rim, 0 without
    necrosis: bool  # a necrotic or cystic middle inside the rim
    spares_sulci: float  # 1: sulci stay as they are, as in infiltrated cortex
    mass_effect: float  # share of the radius by which the surface was pushed outwards
    seed: int


def draw_tumour(rng: np.random.Generator, centre: tuple[float, float, float]) -> Tumour:
    """Draw a tumour about ``centre``; half of them enhance."""
    high_grade = rng.random() < 0.5
    radius = rng.uniform(7, 19)
    rx, ry, rz = (radius * rng.uniform(0.75, 1.25, 3)).tolist()
    ax, ay, az = rng.uniform(-np.pi, np.pi, 3).tolist()
    return Tumour(
        centre=centre,
        radii=(rx, ry, rz),
        rotation=(ax, ay, az),
        irregularity=rng.uniform(0.05, 0.22),
        softness=rng.uniform(0.5, 0.9) if high_grade else rng.uniform(0.7, 2.0),
        oedema=rng.uniform(4, 16) if high_grade else rng.uniform(0, 6),
        rim=rng.uniform(1.5, 4.0) if high_grade else 0.0,
        necrosis=bool(high_grade and rng.random() < 0.7),
        spares_sulci=rng.uniform(0, 0.4) if high_grade else rng.uniform(0.3, 0.9),
        mass_effect=rng.uniform(0.05, 0.35),
        seed=int(rng.integers(2**31)),
    )


def displaced_by(tumour: Tumour, points: Array) -> Array:
    """Where the tissue at ``points`` (..., 3) was before the tumour pushed it away (LPS mm)."""
    offset = points - np.asarray(tumour.centre, np.float32)
    radius = float(np.mean(tumour.radii))
    # r' = r (1 - m exp(-(r / 1.5 R)^2)) grows with r for every m < 0.6: no folds.
    shrink = tumour.mass_effect * np.exp(-((offset**2).sum(-1, keepdims=True)) / (1.5 * radius) ** 2)
    return np.asarray(points - offset * shrink, np.float32)


def insert_tumour(tumour: Tumour, shares: Maps, grid: Grid) -> None:
    """Lay core, necrosis, rim and oedema into the shares (nz, ny, nx) of ``grid``, in place."""
    reach = 1.6 * max(tumour.radii) + 2.5 * tumour.oedema + 6
    box = _box(grid, tumour.centre, reach)
    offset = grid.points()[box] - np.asarray(tumour.centre, np.float32)
    distance, slow, fine = _level_set(tumour, offset)
    local = {name: share[box] for name, share in shares.items()}
    hull = sum((share for share in local.values()), np.zeros_like(distance))
    core = sigmoid(distance / tumour.softness) * hull * (1 - local["falx"]) * (1 - local["ventricle"])
    core *= 1 - tumour.spares_sulci * local["sulcal"]
    oedema = sigmoid((distance + tumour.oedema * (1 + 0.5 * slow)) / 1.2) if tumour.oedema > 1 else 0 * core
    middle = sigmoid((distance - tumour.rim * (1 + 0.25 * fine)) / 0.5)
    for name, spread in (("white", 1.0), ("grey", 0.25)):
        local["oedema"] += spread * oedema * local[name]
        local[name] *= 1 - spread * oedema
    for share in local.values():
        share *= 1 - core
    local["rim"] += core * (1 - middle) if tumour.rim else 0
    local["necrosis"] += core * middle if tumour.necrosis else 0
    local["core"] += core - local["rim"] - local["necrosis"]


def _level_set(tumour: Tumour, offset: Array) -> tuple[Array, Array, Array]:
    """Approximate signed distance (mm, positive inside) at offsets from the centre, and two noise fields."""
    slow, fine = (smooth_field(tumour.seed + n, offset.shape[:3], step) for n, step in enumerate((14.0, 7.0)))
    turned = offset @ rotation(tumour.rotation).astype(np.float32)
    level = np.linalg.norm(turned / np.asarray(tumour.radii, np.float32), axis=-1)
    level += tumour.irregularity * (slow + 0.5 * fine) * np.minimum(level, 1)
    return (1 - level) * np.float32(np.mean(tumour.radii)), slow, fine


def _box(grid: Grid, centre: tuple[float, float, float], reach: float) -> tuple[slice, slice, slice]:
    """The voxels (z, y, x) within ``reach`` mm of ``centre`` along each axis."""
    x, y, z = (grid.indices(np.asarray(centre))).tolist()
    nz, ny, nx = grid.shape
    radius = reach / grid.spacing
    bounds = [slice(max(int(c - radius), 0), min(int(c + radius) + 1, n)) for c, n in ((z, nz), (y, ny), (x, nx))]
    return bounds[0], bounds[1], bounds[2]
