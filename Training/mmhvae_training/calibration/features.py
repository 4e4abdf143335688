"""Numbers that describe one ultrasound volume, or one cube of it, inside its field of view.

Grey levels are those the network sees, in [0, 1]. Every feature belongs to a family, so that a classifier can be told
to use one family alone, and a simulator's author which physical effect to look at.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise, product

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from .scan import Scan
from .speckle import lengths

QUANTILES = (5, 25, 50, 75, 95)
SCALES_MM = (1.0, 2.0, 4.0, 8.0)  # Gaussians whose differences are the bands of the local contrast spectrum
RESIDUAL_MM = 2.0  # local mean from which speckle is measured
EDGE_MM = 2.0
DEPTH_BANDS = 5
HISTOGRAM_BINS = 40
DARK = 0.02  # grey under which a voxel counts as empty of echoes
CUBE_MM, CUBE_SHARE = 32.0, 0.6  # a cube counts where at least this share of it lies in the field of view

_HISTOGRAM = (*(f"grey q{q:02d}" for q in QUANTILES), "grey mean", "grey spread", "dark share")
_SPECKLE = ("axial length", "lateral length", "shortest length", "longest length")
_SPECTRUM = ("contrast under 1 mm", *(f"contrast {a:g} to {b:g} mm" for a, b in pairwise(SCALES_MM)))
_GRADIENT = ("gradient mean", "gradient tail", "gradient along beam")
_BANDS = tuple(f"{what} at depth {n + 1}/{DEPTH_BANDS}" for what in ("mean", "spread") for n in range(DEPTH_BANDS))
_OUTLINE = ("share of grid", "volume ml", "depth mm", "compactness")

#: Feature -> family.
PATCH_FEATURES: Mapping[str, str] = {
    **dict.fromkeys(_HISTOGRAM, "histogram"),
    **dict.fromkeys(_SPECKLE, "speckle"),
    **dict.fromkeys(_SPECTRUM, "contrast spectrum"),
    **dict.fromkeys(_GRADIENT, "gradient"),
    "slope with depth": "depth",
}
VOLUME_FEATURES: Mapping[str, str] = {
    **{name: family for name, family in PATCH_FEATURES.items() if name != "slope with depth"},
    **dict.fromkeys(_BANDS, "depth"),
    "edge brightness": "edge",
    **dict.fromkeys(_OUTLINE, "outline"),
}

Volume = NDArray[np.float32]
Mask = NDArray[np.bool_]
Box = tuple[slice, ...]
WHOLE: Box = (slice(None),) * 3


@dataclass(frozen=True)
class Maps:
    """What is computed once a volume and then gathered over it or over cubes; arrays (k, j, i)."""

    scan: Scan
    residual: Volume
    bands: tuple[Volume, ...]  # squared differences of Gaussians
    slope: Volume  # gradient's magnitude, 1/mm
    along: Volume  # squared gradient along the beam, 1/mm^2
    sound: Mask  # where the gradient mixes nothing from outside


def maps(volume: Scan) -> Maps:
    """Filter the volume; every filter uses the field of view alone, so that its edge makes no contrast."""
    means = [_local_mean(volume.grey, volume, scale) for scale in SCALES_MM]
    fine = volume.grey - _local_mean(volume.grey, volume, RESIDUAL_MM)
    spread = np.sqrt(_local_mean(fine**2, volume, RESIDUAL_MM) + 1e-6)
    gradient = np.array(np.gradient(volume.grey, *volume.spacing), np.float32)
    levels = [volume.grey, *means]
    return Maps(
        scan=volume,
        residual=fine / spread,
        bands=tuple((a - b) ** 2 for a, b in pairwise(levels)),
        slope=np.sqrt((gradient**2).sum(0)),
        along=np.tensordot(volume.beam.astype(np.float32), gradient, 1) ** 2,
        sound=ndimage.binary_erosion(volume.inside),
    )


def volume_features(filtered: Maps) -> dict[str, float]:
    """All of :data:`VOLUME_FEATURES` of one volume."""
    values = {**_common(filtered, WHOLE), **_with_depth(filtered.scan), **_outline(filtered.scan)}
    return {name: values[name] for name in VOLUME_FEATURES}


def histogram(volume: Scan) -> list[float]:
    """Density of grey levels in ``HISTOGRAM_BINS`` equal bins from 0 to 1; for the figure, the quantiles classify."""
    counts, _ = np.histogram(volume.grey[volume.inside], HISTOGRAM_BINS, (0, 1), density=True)
    return [float(value) for value in counts]


def patch_features(filtered: Maps, cube_mm: float = CUBE_MM) -> list[dict[str, float]]:
    """All of :data:`PATCH_FEATURES` of every cube, half overlapping, that the field of view fills well enough."""
    inside = filtered.scan.inside
    found = []
    for box in _cubes(filtered.scan, cube_mm):
        if inside[box].mean() >= CUBE_SHARE:
            found.append({**_common(filtered, box), "slope with depth": _slope_with_depth(filtered.scan, box)})
    return [{name: row[name] for name in PATCH_FEATURES} for row in found]


def _local_mean(values: Volume, volume: Scan, scale: float) -> Volume:
    """Gaussian mean (``scale`` mm) over the field of view alone; 0 outside."""
    sigma = [scale / s for s in volume.spacing]
    weight = ndimage.gaussian_filter(volume.inside.astype(np.float32), sigma, truncate=3, mode="constant")
    total = ndimage.gaussian_filter(np.where(volume.inside, values, 0), sigma, truncate=3, mode="constant")
    return np.where(volume.inside, total / np.maximum(weight, 1e-3), 0).astype(np.float32)


def _common(filtered: Maps, box: Box) -> dict[str, float]:
    """Histogram, speckle, contrast spectrum and gradients over a box."""
    volume = filtered.scan
    inside, sound = volume.inside[box], filtered.sound[box]
    grey = volume.grey[box][inside]
    mean = max(float(grey.mean()), 1e-6)
    values = dict(
        zip(_HISTOGRAM, [*np.percentile(grey, QUANTILES), mean, grey.std(), (grey < DARK).mean()], strict=True)
    )
    values |= lengths(filtered.residual[box], inside, volume.spacing, volume.beam)
    spread = [float(np.sqrt(band[box][inside].mean())) / mean for band in filtered.bands]
    values |= dict(zip(_SPECTRUM, spread, strict=True))
    slope = filtered.slope[box][sound]
    energy = max(float((slope**2).mean()), 1e-12)
    tail = float(np.percentile(slope, 95) / max(np.median(slope), 1e-6))
    values |= dict(zip(_GRADIENT, [slope.mean() / mean, tail, filtered.along[box][sound].mean() / energy], strict=True))
    return {name: float(value) for name, value in values.items()}


def _with_depth(volume: Scan) -> dict[str, float]:
    """Mean and spread of grey in equal bands of depth, relative to the volume's mean, and the edge's brightness."""
    grey, depth = volume.grey[volume.inside], volume.depth[volume.inside]
    mean = max(float(grey.mean()), 1e-6)
    band = np.minimum((depth / max(float(depth.max()), 1e-6) * DEPTH_BANDS).astype(int), DEPTH_BANDS - 1)
    groups = [grey[band == n] for n in range(DEPTH_BANDS)]
    rows = [float(g.mean()) / mean if len(g) else 0.0 for g in groups]
    rows += [float(g.std()) / mean if len(g) else 0.0 for g in groups]
    within = ndimage.distance_transform_edt(np.pad(volume.inside, 1), sampling=volume.spacing)[1:-1, 1:-1, 1:-1]
    edge = volume.inside & (within <= EDGE_MM)
    return {**dict(zip(_BANDS, rows, strict=True)), "edge brightness": float(volume.grey[edge].mean()) / mean}


def _outline(volume: Scan) -> dict[str, float]:
    """Size and shape of the field of view; compactness is 36 pi V^2 / S^3, 1 for a ball (voxel faces overcount S)."""
    size = float(volume.inside.sum() * np.prod(volume.spacing))
    surface = 0.0
    for axis, step in enumerate(volume.spacing):
        faces = np.abs(np.diff(np.pad(volume.inside, 1).astype(np.int8), axis=axis)).sum()
        surface += float(faces) * float(np.prod(volume.spacing)) / step
    values = (volume.share, size / 1000, float(volume.depth[volume.inside].max()), 36 * np.pi * size**2 / surface**3)
    return dict(zip(_OUTLINE, values, strict=True))


def _slope_with_depth(volume: Scan, box: Box) -> float:
    """Relative change of grey a centimetre of depth, by least squares."""
    inside = volume.inside[box]
    grey, depth = volume.grey[box][inside].astype(np.float64), volume.depth[box][inside].astype(np.float64)
    centred = depth - depth.mean()
    slope = float((centred * grey).mean()) / max(float((centred**2).mean()), 1e-6)
    return 10 * slope / max(float(grey.mean()), 1e-6)


def _cubes(volume: Scan, cube_mm: float) -> list[Box]:
    ranges = []
    for count, step in zip(volume.inside.shape, volume.spacing, strict=True):
        side = min(count, round(cube_mm / step))
        starts = np.unique(
            np.linspace(0, count - side, 1 + int(np.ceil((count - side) / (side / 2)))).round().astype(int)
        )
        ranges.append([slice(int(start), int(start) + side) for start in starts])
    return list(product(*ranges))
