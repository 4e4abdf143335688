"""How good an image is where it matters: in the lesion, and in it with the 5 mm around.

The public benchmark of synthesis from intraoperative ultrasound found global SSIM to misrank methods, and these
measures to rank them rightly. SSIM is taken over the lesion's box in a slice, the outside set to zero in both images.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from mmhvae.images import ssim_map
from numpy.typing import NDArray
from scipy import ndimage

from ..data import LESION

#: Fewest pixels of a region in a slice that is measured.
LEAST_PIXELS = 50
#: Names of the regions, and how far (mm) beyond the lesion they reach.
REGIONS = {"lesion": 0.0, "around": 5.0}

Slices = NDArray[np.float32]  # (S, H, W) in [0, 1]
Mask = NDArray[np.bool_]
Scores = NDArray[np.float64]  # (S,), NaN where the slice shows too little of the region


def lesion_of(labels: NDArray[np.generic]) -> Mask:
    """Where a simulated label map shows a lesion: oedema, solid tumour, rim or cyst."""
    return np.asarray(np.isin(labels, LESION))


def regions(lesion: Mask, inside: Mask, spacing: float) -> dict[str, Mask]:
    """The regions of :data:`REGIONS` inside the field of view; volumes of isotropic ``spacing`` (mm), any axes."""
    if not lesion.any():
        return {name: np.zeros_like(lesion) for name in REGIONS}
    distance = ndimage.distance_transform_edt(~lesion) * spacing
    return {name: np.asarray((distance <= reach) & inside) for name, reach in REGIONS.items()}


def region_scores(image: Slices, truth: Slices, region: Mask) -> dict[str, Scores]:
    """``psnr`` (dB), ``constant`` (dB, of the region's best grey level in the volume), ``mae`` and ``ssim`` a slice."""
    level = float(truth[region].mean(dtype=np.float64)) if region.any() else 0.0
    measured = {name: np.full(len(image), np.nan) for name in ("psnr", "constant", "mae", "ssim")}
    for number, box in _boxes(region):
        part = region[number][box]
        seen, true = image[number][box].astype(np.float64), truth[number][box].astype(np.float64)
        error = (seen - true)[part]
        measured["psnr"][number] = _decibel(np.mean(error**2))
        measured["constant"][number] = _decibel(np.mean((level - true[part]) ** 2))
        measured["mae"][number] = np.abs(error).mean()
        cut = [np.where(part, values, 0).astype(np.float32)[None] for values in (seen, true)]
        measured["ssim"][number] = float(ssim_map(*cut).mean())
    return measured


def _boxes(region: Mask) -> Iterator[tuple[int, tuple[slice, slice]]]:
    """Number and bounding box of every slice with enough of the region."""
    for number in np.flatnonzero(region.sum((1, 2)) >= LEAST_PIXELS).tolist():
        rows, columns = np.nonzero(region[number])
        yield number, (slice(rows.min(), rows.max() + 1), slice(columns.min(), columns.max() + 1))


def _decibel(squared: float) -> float:
    """PSNR of a mean squared error on images in [0, 1]."""
    return float("inf") if squared == 0 else -10 * float(np.log10(squared))


def mean_scores(image: Slices, truth: Slices, region: Mask) -> dict[str, float] | None:
    """Means over the slices that show enough of the region, and their number; None where none does."""
    scores = region_scores(image, truth, region)
    known = np.isfinite(scores["psnr"])
    if not known.any():
        return None
    return {name: float(values[known].mean()) for name, values in scores.items()} | {"slices": int(known.sum())}
