"""Fluid that is dark in ultrasound must come out bright in T2 and dark in FLAIR: measured on ventricles and dark pools.

Simulated cases know where their ventricles are. In real ultrasound nobody has marked them: there, compact dark regions
well inside the field of view are searched for, which may be ventricles, cysts or cavities, but shadows too.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import SimpleITK as sitk
from mmhvae.bundle import Bundle
from mmhvae.images import field_of_view
from numpy.typing import NDArray
from scipy import ndimage

from ..simulation import Label
from ..single_precision import synthesize
from .evaluation import EvaluationCase, harmonised_truth

TARGETS = ("t2", "flair")
LEAST_MM3 = 500.0  # of a ventricle in the field of view, so that a mean over it says something
RIM_MM = 1.0  # of the ventricle that is left out: partial volume
VISIBLE = 0.6  # mean grey relative to white matter nearby under which a ventricle counts as dark in ultrasound
DARK = 0.4  # grey relative to the median of the surroundings under which a place counts as dark
SMOOTH_MM, AROUND_MM = 1.0, 10.0  # scale at which darkness is looked for, and of the surroundings
INSIDE_MM = 5.0  # least distance from the edge of the field of view
POOL_MM3 = 150.0  # least volume of a dark pool
RADIUS_MM = 2.0  # least radius of the largest ball in it: streaks between bright sheets are no pools

Array = NDArray[np.float32]
Mask = NDArray[np.bool_]


@dataclass(frozen=True)
class Pool:
    """One compact dark region of an ultrasound volume: ``voxels`` (k, j, i); ``centre`` in LPS mm."""

    voxels: Mask
    centre: tuple[float, float, float]
    volume_mm3: float
    darkness: float  # its mean grey relative to the surroundings'


def fluid_contrast(image: Array, fluid: Mask, white: Mask) -> dict[str, float]:
    """Means over ``fluid`` and over ``white``, and the chance that a voxel of fluid is the brighter of two (ROC area).

    Args:
        image: (k, j, i), harmonised to [0, 1].
        fluid, white: where ventricle and white matter are, neither empty.
    """
    inside, outside = image[fluid].astype(np.float64), np.sort(image[white].astype(np.float64))
    below, ties = np.searchsorted(outside, inside, "left"), np.searchsorted(outside, inside, "right")
    brighter = float((below + ties).mean() / 2 / len(outside))
    return {"fluid": float(inside.mean()), "white": float(outside.mean()), "brighter": brighter}


def ventricle_in_view(case: EvaluationCase) -> tuple[Mask, Mask] | None:
    """Ventricle without its rim, and white matter, in the field of view (k, j, i); None where too little is seen."""
    labels, seen = sitk.GetArrayFromImage(case.labels), sitk.GetArrayFromImage(field_of_view(case.us)) > 0
    i, j, k = case.us.GetSpacing()
    ventricle = labels == Label.VENTRICLE
    core = seen & (ndimage.distance_transform_edt(ventricle, sampling=(k, j, i)) > RIM_MM)
    white = seen & (labels == Label.WHITE_MATTER)
    return (core, white) if core.sum() * i * j * k >= LEAST_MM3 and white.any() else None


def ventricle_contrast(bundle: Bundle, case: EvaluationCase) -> dict[str, dict[str, float]] | None:
    """Target -> :func:`fluid_contrast` from ultrasound alone, and of the truth; None where no ventricle is in view.

    ``us`` compares with the white matter nearby alone, since gain and shadows change the grey across the view.
    """
    found = ventricle_in_view(case)
    if found is None:
        return None
    result = synthesize(bundle, {"us": case.us}, TARGETS, 0.0, slice_axis="all")
    i, j, k = case.us.GetSpacing()
    nearby = found[1] & (ndimage.distance_transform_edt(~found[0], sampling=(k, j, i)) < AROUND_MM)
    us = sitk.GetArrayFromImage(case.us).astype(np.float32)
    rows = {"us": fluid_contrast(us, found[0], nearby if nearby.any() else found[1])}
    for name in TARGETS:
        truth = harmonised_truth(case.truths[name], case.labels, name)
        rows[name] = fluid_contrast(sitk.GetArrayFromImage(result.images[name]), *found)
        rows[f"true {name}"] = fluid_contrast(sitk.GetArrayFromImage(truth), *found)
    return rows


def of_dark(rows: Mapping[str, Mapping[str, Any]]) -> str:
    """A sentence on the ventricles that are dark in ultrasound: in how many the contrast is right, and how much of it.

    ``rows``: name -> ``us``, target, ``true`` target -> :func:`fluid_contrast`.
    """
    dark = [row for row in rows.values() if "us" in row and row["us"]["fluid"] < VISIBLE * row["us"]["white"]]
    if not dark:
        return "No ventricle is dark in ultrasound.\n"
    parts = [f"Ventricles dark in ultrasound (under {VISIBLE} of the white matter around): {len(dark)}."]
    for target, sign in (("t2", 1), ("flair", -1)):
        right = sum(sign * (row[target]["brighter"] - 0.5) > 0.25 for row in dark)
        shares = [_contrast(row[target]) / _contrast(row[f"true {target}"]) for row in dark]
        side = "brighter" if sign > 0 else "darker"
        parts.append(
            f"{target}: {side} than white matter (three of four pairs of voxels) in {right}; "
            f"median {np.median(shares):.0%} of the true contrast."
        )
    return " ".join(parts) + "\n"


def _contrast(row: Mapping[str, float]) -> float:
    return row["fluid"] - row["white"]


def dark_pools(us: sitk.Image) -> list[Pool]:
    """Compact dark regions of an ultrasound volume, well inside its field of view, the largest first."""
    seen = sitk.GetArrayFromImage(field_of_view(us)) > 0
    i, j, k = us.GetSpacing()
    spacing = (k, j, i)
    grey = np.where(seen, sitk.GetArrayFromImage(us), 0).astype(np.float32)
    around = _mean(grey, seen, spacing, AROUND_MM)
    relative = _mean(grey, seen, spacing, SMOOTH_MM) / np.maximum(around, 1e-6)
    edge = ndimage.distance_transform_edt(np.pad(seen, 1), sampling=spacing)[1:-1, 1:-1, 1:-1]
    labels, _ = ndimage.label((relative < DARK) & (edge > INSIDE_MM))
    pools = []
    for number, box in enumerate(ndimage.find_objects(labels), start=1):
        part = labels[box] == number
        volume = float(part.sum() * i * j * k)
        radius = float(ndimage.distance_transform_edt(np.pad(part, 1), sampling=spacing).max())
        if volume < POOL_MM3 or radius < RADIUS_MM:
            continue
        voxels = labels == number
        kc, jc, ic = ndimage.center_of_mass(voxels)
        x, y, z = us.TransformContinuousIndexToPhysicalPoint((ic, jc, kc))
        pools.append(Pool(voxels, (x, y, z), volume, float(relative[voxels].mean())))
    return sorted(pools, key=lambda pool: -pool.volume_mm3)


def pool_contrast(bundle: Bundle, us: sitk.Image, pools: Sequence[Pool]) -> list[dict[str, dict[str, float]]]:
    """For each pool: target -> :func:`fluid_contrast` against what lies 2 to 8 mm around it."""
    result = synthesize(bundle, {"us": us}, TARGETS, 0.0, slice_axis="all")
    seen = sitk.GetArrayFromImage(result.field_of_view) > 0
    i, j, k = us.GetSpacing()
    rows = []
    for pool in pools:
        away = ndimage.distance_transform_edt(~pool.voxels, sampling=(k, j, i))
        shell = seen & (away > 2) & (away < 8)
        images = {name: sitk.GetArrayFromImage(result.images[name]) for name in TARGETS}
        rows.append({name: fluid_contrast(image, pool.voxels, shell) for name, image in images.items()})
    return rows


def _mean(values: Array, seen: Mask, spacing: tuple[float, ...], scale: float) -> Array:
    """Gaussian mean (``scale`` mm) over ``seen`` alone."""
    sigma = [scale / s for s in spacing]
    weight = ndimage.gaussian_filter(seen.astype(np.float32), sigma, truncate=3)
    return np.asarray(ndimage.gaussian_filter(values, sigma, truncate=3) / np.maximum(weight, 1e-3), np.float32)


def fluid_table(rows: Mapping[str, Mapping[str, Any]]) -> str:
    """Markdown: a line a case or pool and target; ``rows``: name -> target -> :func:`fluid_contrast`."""
    lines = ["| where | target | in fluid | around | ROC area |", "|---|---|---|---|---|"]
    for where, targets in rows.items():
        for target, row in targets.items():
            lines.append(f"| {where} | {target} | {row['fluid']:.2f} | {row['white']:.2f} | {row['brighter']:.2f} |")
    return "\n".join(lines) + "\n"
