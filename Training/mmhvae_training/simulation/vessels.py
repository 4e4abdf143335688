"""Vessels of the brain's surface: arteries in sulci, veins on the hull, the superior sagittal sinus."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .draws import Draws
from .fields import sigmoid
from .geometry import Array

#: Softness (mm) of a vessel's border: partial volume in 1 mm voxels.
_BORDER = 0.3


@dataclass(frozen=True)
class Vessels:
    """Drawn radii and depth in mm."""

    artery: float  # radius in sulci and fissures
    vein: float  # radius of the large veins that run on the hull
    vein_depth: float  # of their axis below the hull
    unevenness: float  # by which radii vary from place to place (log)
    sinus: float  # radius of the superior sagittal sinus


def draw_vessels(rng: np.random.Generator, held_out: bool = False) -> Vessels:
    """Draw calibres."""
    draws = Draws(rng, held_out)
    return Vessels(
        artery=draws.reserved(0.5, 1.2),
        vein=rng.uniform(0.7, 1.8),
        vein_depth=rng.uniform(0.2, 1.6),
        unevenness=rng.uniform(0.1, 0.4),
        sinus=rng.uniform(0.0, 3.5),
    )


def vessel_share(
    vessels: Vessels, depth: Array, midline: Array, fluid: Array, sheet: Array, roam: Array, patch: Array, x: Array
) -> Array:
    """Share in [0, 1] of vessel in voxels (N,).

    Args:
        vessels: drawn parameters.
        depth: below the hull, mm.
        midline: 1 where the falx hangs.
        fluid: share of subarachnoid fluid, in which arteries run.
        sheet: signed distance (mm) to the sulci.
        roam: signed distance (mm) to surfaces across which vessels run.
        patch: slow random field of unit variance.
        x: signed distance (mm) from the midline plane.
    """
    calibre = np.exp(vessels.unevenness * patch)
    in_fluid = np.clip(3 * fluid + (depth < 3), 0, 1)
    artery = in_fluid * sigmoid((vessels.artery * calibre - np.hypot(sheet, roam)) / _BORDER)
    # A vein ends where the slow field falls: no nets of veins all over the hull.
    radius = vessels.vein * calibre - np.maximum(0.3 - patch, 0)
    vein = sigmoid((radius - np.hypot(depth - vessels.vein_depth, roam)) / _BORDER) * (np.abs(x) > 4)
    sinus = midline * sigmoid((vessels.sinus - np.hypot(x, depth - 0.5 * vessels.sinus)) / _BORDER)
    sinus *= vessels.sinus > 0.5
    return np.asarray(np.maximum(np.maximum(artery, vein), sinus), np.float32)
