"""Shares of tissues in a real head, estimated from T1, T2, FLAIR, contrast-enhanced T1 and a tumour's labels."""

from __future__ import annotations

from typing import TypeAlias

import numpy as np
import numpy.typing as npt
from scipy import ndimage
from scipy.cluster.vq import kmeans2

from .geometry import Array, Maps, distance_to, upsample

#: Scale (mm) of the coil's shading that is divided out.
_SHADING = 25.0
#: Step (voxels) at which it is estimated.
_THINNED = 4
#: Ventricles and deep nuclei lie deeper than this below the hull, mm.
_VENTRICLE_DEPTH, _DEEP_DEPTH = 20.0, 25.0
#: Radius (mm) of the opening that tells ventricles from fissures, and least volume (voxels) of a ventricle.
_WIDE, _LEAST = 2.0, 200
#: How far (mm) narrow horns of a ventricle reach from where it is wide.
_HORNS = 6.0
#: Signal of contrast-enhanced T1 relative to white matter from which a vessel or choroid plexus is seen, and its width.
_ENHANCED, _STEP = 1.18, 0.25
#: Sequences that tell white matter, grey matter and fluid apart.
_SEQUENCES = ("t1", "t2", "flair")
#: Half-width (mm) of the falx.
_FALX_HALF_WIDTH = 0.8
#: T2 and T1 relative to the parenchyma below which a voxel is the brain's cut edge and no tissue to learn from.
_EDGE_T2, _EDGE_T1 = 0.65, 0.75
#: Necrosis: contrast-enhanced T1 (relative to the parenchyma) at which half a voxel counts, T2 as a position between
#: grey matter and fluid, and the widths of both steps; within this of enhancement, mm.
_DARK, _BRIGHT, _NEAR_RIM = (0.85, 0.25), (0.35, 0.3), 12.0
#: The tumour's labels as BraTS numbers them: 3 since 2021, 4 before.
CORE, OEDEMA, ENHANCING = 1, 2, (3, 4)

Mask: TypeAlias = npt.NDArray[np.bool_]
Classes: TypeAlias = dict[str, dict[str, float]]


def segment(contrasts: Maps, tumour: npt.NDArray[np.uint8], brain: Mask) -> Maps:
    """Shares in [0, 1] (nz, ny, nx) by name of tissue; their sum is 1 inside the brain, 0 outside.

    Args:
        contrasts: ``t1``, ``t2``, ``cet1`` and ``flair`` on a grid of 1 mm.
        tumour: 1 core, 2 oedema, 3 or 4 enhancing, 0 elsewhere.
        brain: where brain is.
    """
    healthy = brain & ~ndimage.binary_dilation(tumour > 0, iterations=2)
    even = {name: _without_shading(contrasts[name], healthy) for name in ("t1", "t2", "flair", "cet1")}
    classes = _class_means(even, healthy)
    fluid = _fluid(even, classes)
    white = (1 - fluid) * (1 - _between(even, classes["white"], classes["grey"]))
    grey = 1 - fluid - white
    depth = np.asarray(distance_to(~brain), np.float32)
    region = _ventricle_region(fluid, depth)
    ventricle = fluid * region
    # Where white matter meets the ventricle, voxels that hold both look like cortex.
    border = ndimage.binary_dilation(region, iterations=1)
    white, grey = white + grey * border, grey * ~border
    enhanced = np.clip((even["cet1"] - _ENHANCED) / _STEP, 0, 1) * (healthy > 0)
    central = np.clip((depth - _DEEP_DEPTH) / 3, 0, 1)
    shares = {"white": white, "grey": grey * (1 - central), "deep": grey * central}
    shares |= {"sulcal": fluid - ventricle, "ventricle": ventricle}
    inside = ndimage.binary_dilation(ventricle > 0.5, iterations=2)
    near_fluid = np.clip(3 * ndimage.maximum_filter(shares["sulcal"], 3) + (depth < 3), 0, 1)
    shares = _laid_over(shares, "choroid", enhanced * inside)
    shares = _laid_over(shares, "vessel", enhanced * near_fluid * ~inside)
    shares = _laid_over(shares, "falx", _falx(shares["sulcal"], brain))
    return _with_tumour(shares, tumour, necrotic(even, classes, tumour), brain)


def _without_shading(image: Array, healthy: Mask) -> Array:
    """``image`` relative to the mean of the parenchyma around (normalised convolution on every fourth voxel)."""
    level = np.median(image[healthy])
    coarse = tuple(slice(None, None, _THINNED) for _ in range(3))
    parenchyma = (healthy & (np.abs(image / level - 1) < 0.35))[coarse]
    sigma = _SHADING / _THINNED
    weight = ndimage.gaussian_filter(parenchyma.astype(np.float32), sigma, truncate=2)
    mean = ndimage.gaussian_filter(np.where(parenchyma, image[coarse], 0), sigma, truncate=2) / np.maximum(weight, 1e-3)
    shading = np.maximum(upsample(mean[None], image.shape)[0], 0.2 * level)
    return np.asarray(image / shading, np.float32)


def _class_means(even: Maps, healthy: Mask) -> Classes:
    """Means of white matter, grey matter and fluid in every contrast, by k-means from quantiles of T2.

    Between grey matter and fluid a fourth class takes the voxels that hold both. The cut edge, dark in all, is left
    out: in heads of low contrast it would make up a class.
    """
    tissue = healthy & ((even["t2"] > _EDGE_T2) | (even["t1"] > _EDGE_T1))
    features = np.stack([np.clip(even[name][tissue], 0, 3) for name in _SEQUENCES], -1)[::7].astype(np.float64)
    order = np.argsort(features[:, _SEQUENCES.index("t2")])
    start = [features[part].mean(0) for part in np.split(order, [int(q * len(order)) for q in (0.45, 0.85, 0.95)])]
    means, _ = kmeans2(features, np.stack(start), iter=20, minit="matrix")
    white, grey, _, fluid = means[np.argsort(means[:, _SEQUENCES.index("t2")])].tolist()
    return {
        name: dict(zip(_SEQUENCES, mean, strict=True))
        for name, mean in (("white", white), ("grey", grey), ("fluid", fluid))
    }


def _fluid(even: Maps, classes: Classes) -> Array:
    """Share of cerebrospinal fluid: bright in T2 and dark in T1. FLAIR decides where T2 alone would take a lesion."""
    grey, pure = classes["grey"], classes["fluid"]
    bright = np.clip((even["t2"] - grey["t2"]) / (pure["t2"] - grey["t2"]), 0, 1)
    dark = np.clip((grey["t1"] - even["t1"]) / (grey["t1"] - pure["t1"]), 0, 1)
    not_lesion = np.clip((1.15 * grey["flair"] - even["flair"]) / (0.15 * grey["flair"]), 0, 1)
    return np.asarray(np.sqrt(bright * np.maximum(dark, 0.5 * bright)) * not_lesion, np.float32)


def _between(even: Maps, first: dict[str, float], second: dict[str, float]) -> Array:
    """Position in [0, 1] on the way from the class ``first`` to ``second``, over all contrasts."""
    steps = {name: second[name] - first[name] for name in _SEQUENCES}
    along = sum(((even[name] - first[name]) * step for name, step in steps.items()), np.zeros_like(even["t2"]))
    position = along / sum(step**2 for step in steps.values())
    return np.asarray(np.clip(1.6 * (position - 0.6) + 0.5, 0, 1), np.float32)


def _ventricle_region(fluid: Array, depth: Array) -> Mask:
    """Wide, deep pools of fluid and what touches them: the ventricles without cisterns and fissures."""
    pool = distance_to(fluid <= 0.5)
    seeds = (pool > _WIDE) & (depth > _VENTRICLE_DEPTH)
    reached = distance_to(seeds) < _HORNS
    labels, count = ndimage.label((pool > 0) & reached)
    sizes = ndimage.sum_labels(seeds, labels, range(1, count + 1))
    body = np.isin(labels, 1 + np.flatnonzero(sizes > _LEAST))
    return np.asarray(ndimage.binary_dilation(body, iterations=2), bool)


def _falx(sulcal: Array, brain: Mask) -> Array:
    """A sheet in the fluid of the interhemispheric fissure, about the middle of the brain's width at each height."""
    columns = np.arange(brain.shape[2], dtype=np.float32)
    area = np.maximum(brain.sum((1, 2)), 1)
    middle = ndimage.gaussian_filter1d((brain.sum(1) * columns).sum(1) / area, 3)
    distance = np.abs(columns - middle[:, None])[:, None]  # (nz, 1, nx)
    sheet = 1 / (1 + np.exp((distance - _FALX_HALF_WIDTH) / 0.3))
    return np.asarray(sheet * np.clip(2 * sulcal, 0, 1), np.float32)


def _laid_over(shares: Maps, name: str, share: Array) -> Maps:
    """``shares`` with ``share`` of a voxel given to the tissue ``name``."""
    return {other: value * (1 - share) for other, value in shares.items()} | {name: np.asarray(share, np.float32)}


def necrotic(even: Maps, classes: Classes, tumour: npt.NDArray[np.uint8]) -> Array:
    """Share in [0, 1] of a tumour's core that is necrosis: dark in ceT1, nearly as bright as fluid in T2, by the rim.

    BraTS's label 1 is necrosis and solid tumour without enhancement alike. Where nothing enhances nothing is taken for
    necrosis: the solid tumour of low grade is dark in T1 and bright in T2, too.
    """
    grey, fluid = classes["grey"]["t2"], classes["fluid"]["t2"]
    rim = np.isin(tumour, ENHANCING)
    if not rim.any():
        return np.zeros_like(even["t2"])
    t2 = ndimage.gaussian_filter((even["t2"] - grey) / (fluid - grey), 0.7)
    dark = 0.5 + (_DARK[0] - ndimage.gaussian_filter(even["cet1"], 0.7)) / _DARK[1]
    bright = 0.5 + (t2 - _BRIGHT[0]) / _BRIGHT[1]
    near = distance_to(rim) < _NEAR_RIM
    return np.asarray(np.clip(dark, 0, 1) * np.clip(bright, 0, 1) * near, np.float32)


def _with_tumour(shares: Maps, tumour: npt.NDArray[np.uint8], necrotic: Array, brain: Mask) -> Maps:
    """Core, necrosis, oedema and rim as labelled, with borders as soft as a voxel; nothing outside the brain."""
    for labels, name in ((OEDEMA, "oedema"), (CORE, "core"), (ENHANCING, "rim")):
        soft = ndimage.gaussian_filter(np.isin(tumour, labels).astype(np.float32), 0.6, truncate=3)
        shares = _laid_over(shares, name, soft)
    dead = shares["core"] * necrotic
    shares |= {"core": shares["core"] - dead, "necrosis": dead}
    return {name: share * brain for name, share in shares.items()}
