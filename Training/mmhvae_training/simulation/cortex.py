"""Cortex, sulci, falx and choroid plexus: detail that the averaged template has lost.

Procedural sulci are the zero level set of a smooth random field that is nearly constant along the way to the brain's
centre, so that the sheets stand upright on the surface. With d the distance to the nearest sheet, hull or midline,
fluid is d < w and grey matter w < d < w + t.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import ndimage

from .draws import Draws
from .fields import sigmoid, smooth_field
from .geometry import Array, Maps, sample
from .template import COARSE
from .vessels import Vessels, draw_vessels, vessel_share

#: Centre (LPS mm, template space) towards which sulci run, and the radius on which their pattern is drawn.
_CENTRE, _RADIUS = (0.0, 15.0, 5.0), 62.0
#: Side (mm) of the cube and voxel of the field whose level set the sulci are.
_CUBE, _VOXEL = 220.0, 2.0
#: Softness (mm) of borders, by which voxels of 1 mm see fluid and cortex in part.
_HULL, _FLUID, _CORTEX = 0.4, 0.35, 0.4
#: Slope (per mm) of the slow field, which turns its values into distances from its zero surface.
_PATCH_SLOPE = 0.13


@dataclass(frozen=True)
class Cortex:
    """Drawn parameters of cortex and of the fine structures that hang on it; lengths in mm."""

    procedural: bool
    spacing: float  # between neighbouring sulci
    sulcal_depth: float
    half_width: float  # of the fluid in a sulcus
    thickness: float  # of the grey matter
    straightness: float  # 1: sheets run exactly towards the centre; 0: isotropic folds
    reach: float  # depth below the hull at which procedural cortex gives way to the template
    hull_fluid: float  # between hull and cortex
    template_gain: float  # contrast of the template's own faint sulci
    ridge: float  # share of fluid where the template's banks of cortex meet
    falx_half_width: float
    vessels: Vessels
    ventricle_gain: float
    choroid: float  # radius of the strands of choroid plexus
    seed: int


def draw_cortex(rng: np.random.Generator, held_out: bool = False) -> Cortex:
    """Draw a cortex; half of them are procedural."""
    draws = Draws(rng, held_out)
    return Cortex(
        procedural=bool(rng.random() < 0.5),
        spacing=draws.reserved(9, 17),
        sulcal_depth=rng.uniform(10, 24),
        half_width=rng.uniform(0.3, 1.1),
        thickness=draws.reserved(2.8, 4.8),
        straightness=rng.uniform(0.35, 0.85),
        reach=rng.uniform(22, 32),
        hull_fluid=rng.uniform(0.5, 2.5),
        template_gain=draws.reserved(1.1, 2.4),
        ridge=rng.uniform(0.2, 1.0),
        falx_half_width=rng.uniform(0.4, 0.9),
        vessels=draw_vessels(rng, held_out),
        ventricle_gain=rng.uniform(1.1, 1.8),
        choroid=rng.uniform(0.8, 2.5),
        seed=int(rng.integers(2**31)),
    )


def coarse_fields(cortex: Cortex, points: Array) -> Array:
    """Fields on the coarse grid whose template points (z, y, x, 3) are given: (3, z, y, x).

    Signed distance (mm) to the sulcal sheets, the same to a second family of sheets, and a slow field of unit
    variance. Surface vessels run where both families meet.
    """
    offset = points - np.asarray(_CENTRE, np.float32)
    radius = np.maximum(np.linalg.norm(offset, axis=-1, keepdims=True), 5)
    upright = offset * (_RADIUS / radius) ** np.float32(cortex.straightness)
    side = int(_CUBE / _VOXEL)
    index = upright / np.float32(_VOXEL) + np.float32(side / 2)
    # A B-spline field crosses zero about every 1.6 knot distances.
    knots = cortex.spacing / 1.6 / _VOXEL
    fields = np.stack([smooth_field(cortex.seed + n, (side,) * 3, k) for n, k in enumerate((knots, 2 * knots))])
    sheet, roam = (_signed_distance(values) for values in sample(fields, index, "border"))
    return np.stack([sheet, roam, smooth_field(cortex.seed + 5, sheet.shape, 9 / COARSE)])


def _signed_distance(field: Array) -> Array:
    """First-order distance (mm) to the zero level set, f / |grad f|, of samples on the coarse grid."""
    slope = np.sqrt(sum(g**2 for g in np.gradient(ndimage.gaussian_filter(field, 0.5), COARSE)))
    return np.asarray(field / (slope + 0.15 * slope.mean()), np.float32)


def apply_cortex(
    cortex: Cortex, values: Maps, sheet: Array, roam: Array, patch: Array, midline_distance: Array
) -> Maps:
    """Shares of the healthy tissues, which sum to 1 inside the hull, from the template's channels; all arrays (N,).

    :param sheet: with ``roam`` and ``patch`` the fields of :func:`coarse_fields`
    :param midline_distance: template x in mm
    """
    ventricle = np.clip(values["ventricle"] * cortex.ventricle_gain, 0, 1)
    maps = _template_cortex(cortex, values, ventricle)
    if cortex.procedural:
        _blend_procedural(cortex, maps, values, ventricle, sheet, patch, midline_distance)
    maps["ventricle"] = ventricle
    x, depth, midline = midline_distance, values["depth"], values["midline"]
    strand = sigmoid((cortex.choroid - np.hypot(roam, patch / _PATCH_SLOPE)) / 0.4)
    choroid = strand * sigmoid((ventricle - 0.6) / 0.05)
    vessel = vessel_share(cortex.vessels, depth, midline, maps["sulcal"], sheet, roam, patch, x) * (1 - ventricle)
    falx = midline * sheet_share(np.abs(x), cortex.falx_half_width) * sigmoid((48 - depth) / 1.0)
    for name, share in (("choroid", choroid), ("vessel", vessel), ("falx", falx)):
        maps = {other: value * (1 - share) for other, value in maps.items()} | {name: share}
    inside = sigmoid(values["depth"] / _HULL)
    return {name: value * inside for name, value in maps.items()}


def _template_cortex(cortex: Cortex, values: Maps, ventricle: Array) -> Maps:
    """The template's soft tissue with its faint sulci made crisp."""
    fluid = np.clip(1 - values["grey"] - values["white"] - ventricle, 0, 1)
    fluid = np.maximum(cortex.template_gain * (fluid - 0.06), cortex.ridge * values["ridge"])
    sulcal = np.clip(fluid, 0, 1) * (1 - ventricle)
    white = values["white"] * (1 - sulcal - ventricle)
    grey = np.clip(1 - sulcal - white - ventricle, 0, 1)
    deep = np.minimum(values["deep"], grey)
    return {"white": white, "grey": grey - deep, "deep": deep, "sulcal": sulcal}


def _blend_procedural(
    cortex: Cortex, maps: Maps, values: Maps, ventricle: Array, sheet: Array, patch: Array, midline_distance: Array
) -> None:
    """Replace the outer cortex by the folded ribbon, in place."""
    depth = values["depth"]
    bottom = np.maximum(depth - cortex.sulcal_depth * np.exp(0.3 * patch), 0)
    sulcus_distance, width = np.hypot(sheet, bottom), cortex.half_width * np.exp(0.45 * patch)
    medial = np.abs(midline_distance) + 40 * (1 - values["midline"])
    distance = np.minimum(np.minimum(sulcus_distance - width, depth - cortex.hull_fluid), medial - 1.0)
    fluid = np.maximum(sheet_share(sulcus_distance, width), sigmoid((cortex.hull_fluid - depth) / _FLUID))
    fluid = np.maximum(fluid, sheet_share(medial, 1.0))
    cortical = sigmoid((cortex.thickness - distance) / _CORTEX)
    weight = np.maximum(sigmoid((cortex.reach + 2 * patch - depth) / 1.5), values["midline"] * (medial < 9))
    weight *= (1 - maps["deep"]) * (1 - ventricle)
    ribbon = {"sulcal": fluid, "grey": (1 - fluid) * cortical, "white": (1 - fluid) * (1 - cortical)}
    for name, tissue in ribbon.items():
        maps[name] += weight * (tissue * (1 - ventricle) - maps[name])
    maps["deep"] *= 1 - weight


def sheet_share(distance: Array, half_width: float | Array) -> Array:
    """Share of a sheet in a voxel at ``distance`` (mm, 0 or more) from its middle.

    Integrated across the sheet it gives the sheet's thickness however thin: a narrow sulcus pales, it does not break.
    """
    return np.asarray(
        sigmoid((half_width - distance) / _FLUID) + sigmoid((half_width + distance) / _FLUID) - 1, np.float32
    )
