"""Fluid-filled lesions: cysts of tumours, arachnoid and porencephalic cysts, old resection cavities."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..draws import Draws
from ..fields import sigmoid
from ..geometry import Grid, Maps
from .lesion_shape import Triple, draw_radii, draw_rotation, points_within, signed_distance, surroundings


@dataclass(frozen=True)
class Cyst:
    """Drawn parameters; lengths in mm, ``centre`` in LPS mm."""

    centre: Triple
    radii: Triple
    rotation: Triple
    irregularity: float
    wall: float  # thickness of an enhancing wall, 0 without
    gliosis: float  # how far bright scar reaches into the white matter around it
    mass_effect: float  # share of the radius by which the surface was pushed outwards; 0 for a cavity
    seed: int


def draw_cyst(rng: np.random.Generator, centre: Triple, held_out: bool = False) -> Cyst:
    """Draw a cyst or cavity about ``centre`` that belongs to no tumour."""
    draws = Draws(rng, held_out)
    cavity = rng.random() < 0.5  # of a former operation: ragged, with gliosis, without mass effect
    return Cyst(
        centre=centre,
        radii=draw_radii(rng, draws.reserved(4, 14)),
        rotation=draw_rotation(rng),
        irregularity=rng.uniform(0.12, 0.28) if cavity else rng.uniform(0.02, 0.1),
        wall=0.0,
        gliosis=rng.uniform(1, 5) if cavity else 0.0,
        mass_effect=0.0 if cavity else rng.uniform(0.1, 0.3),
        seed=int(rng.integers(2**31)),
    )


def draw_tumour_cyst(rng: np.random.Generator, centre: Triple, radii: Triple, enhancing: bool) -> Cyst:
    """Draw the cyst of a tumour of ``radii`` about ``centre``: off its middle, so that a nodule stays on one side."""
    radius = float(np.mean(radii))
    direction = rng.normal(size=3)
    x, y, z = (np.asarray(centre) + rng.uniform(0.2, 0.8) * radius * direction / np.linalg.norm(direction)).tolist()
    return Cyst(
        centre=(x, y, z),
        radii=draw_radii(rng, radius * rng.uniform(0.5, 0.9)),
        rotation=draw_rotation(rng),
        irregularity=rng.uniform(0.03, 0.15),
        wall=rng.uniform(0.8, 2.0) if enhancing else 0.0,
        gliosis=0.0,
        mass_effect=rng.uniform(0, 0.15),
        seed=int(rng.integers(2**31)),
    )


def insert_cyst(cyst: Cyst, shares: Maps, grid: Grid) -> None:
    """Lay fluid, wall and gliosis into the shares (nz, ny, nx) of ``grid``, in place; their sum stays."""
    box = surroundings(cyst, grid, cyst.wall + cyst.gliosis + 4)
    local = {name: share[box] for name, share in shares.items()}
    if not local["white"].size:
        return
    distance, slow, _ = signed_distance(cyst, points_within(grid, box))
    hull = sum((share for share in local.values()), np.zeros_like(distance))
    scar = sigmoid((distance + cyst.gliosis * (1 + 0.5 * slow)) / 1.0) * local["white"] if cyst.gliosis else None
    if scar is not None:
        local["white"] -= scar
        local["oedema"] += scar
    kept = hull - local["falx"]
    wall, fluid = sigmoid((distance + cyst.wall) / 0.4), sigmoid(distance / 0.4)
    for name, share in local.items():
        if name != "falx":
            share *= 1 - wall
    local["rim"] += (wall - fluid) * kept
    local["cyst"] += fluid * kept
