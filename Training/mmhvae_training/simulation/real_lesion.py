"""What a case over a real head shows: the patient's own tumour, none, or an invented one; and its MRs' recolouring."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from .anatomy import Anatomy
from .contrasts import Contrast
from .craniotomy import Brain
from .geometry import Array, Maps, distance_to
from .lesions import Tumour, insert_tumour
from .mr_acquisition import apply_mr_acquisition
from .template import COARSE
from .tissues import TISSUE, TISSUES, share_of, values, weighted

Lesion = Literal["own", "none", "invented"]
#: Shares of cases that look at the patient's own tumour and at an invented one; the others look past it.
_OWN, _INVENTED = 0.62, 0.13
#: Distance (mm) that sweeps beside the patient's own tumour keep from it, and the least one where it fills the head.
_AWAY, _LEAST_AWAY = 45.0, 20.0
#: The shallowest share of a tumour that is aimed at, and the depth (mm) beyond which sweeps hardly see.
_SHALLOW, _IN_SIGHT = 0.5, 38.0
#: Smoothing (voxels) of the tissues' recolouring: errors of the maps shall not become edges.
_SOFT = 0.7


@dataclass(frozen=True)
class HeadUse:
    """Which head, and what tumour the sweep sees."""

    name: str
    lesion: Lesion


def draw_lesion(rng: np.random.Generator, tumour: bool | None) -> Lesion:
    """What to look at; ``tumour`` True asks for the patient's own one, False for none, None draws."""
    drawn = rng.random()
    if tumour is not None:
        return "own" if tumour else "none"
    return "own" if drawn < _OWN else "invented" if drawn < _OWN + _INVENTED else "none"


def targets_for(kind: Lesion, brain: Brain, solid: Array, lesion: Array) -> npt.NDArray[np.bool_]:
    """Where the sweep is aimed, (z, y, x): the shallow part of the tumour, or healthy brain far from it."""
    if kind == "own":
        for part in (solid > 0.5, lesion > 0.5):
            if part.any():
                depth = brain.depth[part]
                deepest = max(float(np.quantile(depth, _SHALLOW)), min(_IN_SIGHT, float(depth.max())))
                return np.asarray(part & (brain.depth <= deepest))
    tumour = lesion > 0.5
    away = distance_to(tumour) * COARSE
    for distance in (_AWAY, _LEAST_AWAY, 0.0):
        found = brain.healthy & (away > distance)
        if found.sum() > 50:
            return np.asarray(found)
    return brain.healthy


def with_invented(tumour: Tumour, anatomy: Anatomy, images: Maps) -> Maps:
    """The head's images with an invented tumour, which is laid into the anatomy's shares in place."""
    before = share_of(anatomy.shares, "white", "grey", "deep")
    lesions = [name for name in TISSUES if TISSUE[name].lesion]
    own = share_of(anatomy.shares, *lesions)
    insert_tumour(tumour, dict(zip(TISSUES, anatomy.shares, strict=True)), anatomy.grid)
    painted = np.clip(share_of(anatomy.shares, *lesions) - own, 0, 1)
    white = anatomy.shares[TISSUES.index("white")] > 0.9
    result = {}
    for name, image in images.items():
        column = values(name)
        level = float(np.median(image[white])) / column["white"]
        signal = level * weighted({t: v if TISSUE[t].lesion else 0.0 for t, v in column.items()}, anatomy.shares)
        result[name] = np.asarray(np.where(before > 0, image * (1 - painted), image) + painted * signal, np.float32)
    return result


def recoloured(contrast: Contrast, shares: Array, image: Array, modality: str) -> Array:
    """A real ``image`` (nz, ny, nx) as another scanner would have shown it: tissues' signals, acquisition and scale.

    Each tissue's signal is multiplied by what ``contrast`` drew over the clinical mean of ``modality``.
    """
    clinical = values(modality)
    white = image[shares[TISSUES.index("white")] > 0.9]
    level = float(np.median(white)) if white.size else float(image.max())
    inside = shares.sum(0)
    factor = weighted({name: contrast.means[name] / clinical[name] for name in TISSUES}, shares)
    factor = ndimage.gaussian_filter(factor, _SOFT) / np.maximum(ndimage.gaussian_filter(inside, _SOFT), 0.05)
    signal = image * (clinical["white"] / level) * np.where(inside > 0.05, factor, 1)
    return np.float32(contrast.scale) * apply_mr_acquisition(contrast.acquisition, np.asarray(signal, np.float32))
