"""A glioma with its necrosis, cyst, enhancing rim and oedema, laid into an anatomy."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..draws import Draws
from ..fields import sigmoid, smooth_field
from ..geometry import Array, Grid, Maps
from .cyst import Cyst, draw_tumour_cyst, insert_cyst
from .lesion_shape import Triple, draw_radii, draw_rotation, points_within, signed_distance, surroundings

#: Smallest and largest mean radius, mm, and the exponent that makes small tumours the common ones.
_RADII, _MOSTLY_SMALL = (4.5, 18.0), 1.6
#: Share of tumours of high grade, and of tumours with a cyst.
_HIGH_GRADE, _CYSTIC = 0.5, 0.2


@dataclass(frozen=True)
class Tumour:
    """Drawn parameters; lengths in mm, ``centre`` in LPS mm."""

    centre: Triple
    radii: Triple
    rotation: Triple
    irregularity: float
    softness: float
    oedema: float  # how far it reaches beyond the core
    fingers: float  # unevenness of the oedema's reach, relative
    rim: float  # thickness of the enhancing rim, 0 without
    patchiness: float  # 0: a closed rim; 1: islands of enhancement
    necrosis: bool  # a necrotic middle inside the rim
    cyst: Cyst | None
    spares_sulci: float  # 1: sulci stay as they are, as in infiltrated cortex
    mass_effect: float  # share of the radius by which the surface was pushed outwards
    seed: int


def draw_tumour(rng: np.random.Generator, centre: Triple, held_out: bool = False) -> Tumour:
    """Draw a tumour about ``centre``: half of high grade, which enhance, half of low grade, which are soft."""
    draws = Draws(rng, held_out)
    high_grade = bool(rng.random() < _HIGH_GRADE)
    low, high = _RADII
    radii = draw_radii(rng, low + (high - low) * draws.reserved(0, 1) ** _MOSTLY_SMALL)
    cystic = rng.random() < _CYSTIC
    return Tumour(
        centre=centre,
        radii=radii,
        rotation=draw_rotation(rng),
        irregularity=rng.uniform(0.08, 0.28),
        softness=rng.uniform(0.5, 0.9) if high_grade else rng.uniform(0.8, 2.5),
        oedema=rng.uniform(3, 14) if high_grade else rng.uniform(0, 5),
        fingers=rng.uniform(0.3, 0.8),
        rim=rng.uniform(1.2, 4.0) if high_grade else 0.0,
        patchiness=float(rng.choice([0.0, rng.uniform(0.2, 0.9)])),
        necrosis=bool(high_grade and rng.random() < 0.7),
        cyst=draw_tumour_cyst(rng, centre, radii, high_grade) if cystic else None,
        spares_sulci=rng.uniform(0, 0.4) if high_grade else rng.uniform(0.3, 0.9),
        mass_effect=rng.uniform(0.05, 0.32),
        seed=int(rng.integers(2**31)),
    )


def insert_tumour(tumour: Tumour, shares: Maps, grid: Grid) -> None:
    """Lay core, necrosis, rim, oedema and cyst into the shares (nz, ny, nx) of ``grid``, in place."""
    box = surroundings(tumour, grid, (1 + tumour.fingers) * 2 * tumour.oedema + 5)
    local = {name: share[box] for name, share in shares.items()}
    distance, slow, fine = signed_distance(tumour, points_within(grid, box))
    hull = sum((share for share in local.values()), np.zeros_like(distance))
    taken = sigmoid(distance / tumour.softness) * (1 - local["falx"]) * (1 - local["ventricle"])
    taken *= 1 - tumour.spares_sulci * local["sulcal"]
    if tumour.oedema > 1:
        reach = tumour.oedema * (1 + tumour.fingers * (slow + 0.6 * fine))
        _swell(local, np.asarray(distance + reach, np.float32))
    for share in local.values():
        share *= 1 - taken
    core = taken * hull
    rim, necrosis = _inside(tumour, distance, fine)
    local["rim"] += core * rim
    local["necrosis"] += core * necrosis
    local["core"] += core * (1 - rim - necrosis)
    if tumour.cyst is not None:
        insert_cyst(tumour.cyst, shares, grid)


def _swell(shares: Maps, distance: Array) -> None:
    """Oedema where ``distance`` (mm) is positive, in place: it spreads along white matter and spares cortex."""
    oedema = sigmoid(distance / 1.2)
    for name, spread in (("white", 1.0), ("grey", 0.25)):
        swollen = spread * oedema * shares[name]
        shares["oedema"] += swollen
        shares[name] -= swollen


def _inside(tumour: Tumour, distance: Array, fine: Array) -> tuple[Array, Array]:
    """Shares of the tumour that are enhancing rim and necrosis, at ``distance`` (mm) within its surface."""
    none = np.zeros_like(distance)
    if not tumour.rim:
        return none, none
    middle = sigmoid((distance - tumour.rim * (1 + 0.4 * fine)) / 0.5)
    islands = smooth_field(tumour.seed + 3, distance.shape, 5.0)
    patchy = 1 - tumour.patchiness * sigmoid((islands - 0.3) / 0.15)
    return (1 - middle) * patchy, middle if tumour.necrosis else none
