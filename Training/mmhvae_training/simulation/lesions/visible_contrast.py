"""Can a lesion be seen in its own ultrasound? Grey of its parts against that of the brain around them."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from ..geometry import Array, distance_to
from ..tissues import share_of

#: What is measured: name -> tissues that make it up.
PARTS = {"solid": ("core", "rim"), "necrosis": ("necrosis",), "oedema": ("oedema",), "cyst": ("cyst",)}
#: The brain about a lesion: within this distance of it, mm.
_AROUND = 12.0
#: Smoothing of the ultrasound (mm, standard deviation): speckle is no contrast.
_SMOOTH = 1.0
#: Smallest part that is measured, mm3.
_LEAST = 60.0
_Mask = npt.NDArray[np.bool_]


def visibility(us: Array, shares: Array, inside: _Mask, spacing: float) -> dict[str, dict[str, float]]:
    """Part of a lesion -> its volume in view (ml), median grey over that of the brain within 12 mm, and ROC area.

    The ROC area is the chance that a voxel of the part is brighter than one of that brain: 0.5 cannot be seen, solid
    tumour should be near 1, necrosis and cysts near 0. Parts that are not in view are left out.

    Args:
        us: grey levels (nz, ny, nx) of isotropic voxels.
        shares: of the tissues, (C, nz, ny, nx).
        inside: the field of view, (nz, ny, nx).
        spacing: of the voxels, mm.
    """
    masks = {name: (share_of(shares, *tissues) > 0.5) & inside for name, tissues in PARTS.items()}
    masks = {name: mask for name, mask in masks.items() if mask.sum() * spacing**3 >= _LEAST}
    if not masks:
        return {}
    sigma = _SMOOTH / spacing
    weight = ndimage.gaussian_filter(inside.astype(np.float32), sigma)
    smooth = ndimage.gaussian_filter(np.where(inside, us, 0).astype(np.float32), sigma) / np.maximum(weight, 1e-3)
    brain = (share_of(shares, "white", "grey", "deep") > 0.7) & inside
    found: dict[str, dict[str, Any]] = {}
    for name, mask in masks.items():
        around = brain & (distance_to(mask) * spacing < _AROUND)
        if around.sum() * spacing**3 >= _LEAST:
            part, other = smooth[mask], smooth[around]
            ratio = float(np.median(part) / max(float(np.median(other)), 1.0))
            found[name] = {"ml": float(mask.sum() * spacing**3 / 1000), "ratio": ratio, "roc": roc_area(part, other)}
    return found


def roc_area(first: npt.NDArray[np.floating], second: npt.NDArray[np.floating]) -> float:
    """The chance that a value of ``first`` (N,) is larger than one of ``second`` (M,); ties count half."""
    order = np.sort(second)
    below, upto = (np.searchsorted(order, first, side) for side in ("left", "right"))
    return float((below + upto).mean() / (2 * len(order)))
