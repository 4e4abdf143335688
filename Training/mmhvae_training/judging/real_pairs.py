"""Real pairs of ultrasound and MR of the same patient: how like the true MR is the one made of the ultrasound?

Files as they are found beside NAME-us.nii.gz:

- ``NAME-MODALITY-warped.nii.gz``: warped onto the ultrasound by others, good to a millimetre or two;
- ``NAME-MODALITY-navigation.nii.gz``: where the navigation put it, with ``landmarks/NAME-MRI-beforeUS.tag``. The
  best rigid fit of its landmarks brings it over.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import SimpleITK as sitk
from mmhvae.bundle import Bundle
from mmhvae.exceptions import InputError
from mmhvae.images import MR_MODALITIES, read_volume
from mmhvae.registration import best_rigid_fit, read_tag
from mmhvae.settings import SliceAxis
from numpy.typing import NDArray
from scipy import ndimage

from ..single_precision import synthesize
from .judgement import global_correlation

MR = MR_MODALITIES
WARPED, NAVIGATION = "warped", "navigation"
LANDMARKS = "landmarks/{}-MRI-beforeUS.tag"
WINDOW_MM = 8.0  # side of the windows of local correlation
EDGE_MM = 2.0  # the outermost of the field of view, where interpolation and the edge's own bright rim weigh most

Array = NDArray[np.float32]
Mask = NDArray[np.bool_]


@dataclass(frozen=True)
class RealPair:
    """``us`` and the true MR; ``to_mr`` takes LPS points of the ultrasound to the MR."""

    name: str
    modality: str
    us: sitk.Image
    mr: sitk.Image
    to_mr: sitk.Transform

    def truth(self) -> sitk.Image:
        """The MR on the ultrasound's grid, float32; -1 where the MR does not reach."""
        return sitk.Resample(sitk.Cast(self.mr, sitk.sitkFloat32), self.us, self.to_mr, sitk.sitkLinear, -1.0)


def find_pairs(
    folder: Path, names: Sequence[str] | None = None, kinds: Sequence[str] = (WARPED, NAVIGATION)
) -> list[RealPair]:
    """All pairs in ``folder`` of these kinds, or those of the patients ``names``, by name.

    Raises:
        InputError: there is none, one of ``names`` has none, or a file cannot be used.
    """
    found = []
    for modality in MR:
        for kind in kinds:
            for path in folder.glob(f"*-{modality}-{kind}.nii.gz"):
                name = path.name.removesuffix(f"-{modality}-{kind}.nii.gz")
                if names is None or name in names:
                    found.append(_read(folder, name, modality, path, kind))
    missing = [name for name in names or () if all(pair.name != name for pair in found)]
    if missing or not found:
        whose = f" of {missing[0]}" if missing else ""
        raise InputError(f"{folder} holds no NAME-cet1-{WARPED}.nii.gz or -{NAVIGATION}{whose}; name another folder.")
    return sorted(found, key=lambda pair: pair.name)


def navigation_files(folder: Path, name: str) -> list[Path]:
    """What a patient's pairs of the kind NAVIGATION are read from."""
    mrs = sorted(folder.glob(f"{name}-*-{NAVIGATION}.nii.gz"))
    return [folder / f"{name}-us.nii.gz", *mrs, folder / LANDMARKS.format(name)]


def _read(folder: Path, name: str, modality: str, path: Path, kind: str) -> RealPair:
    to_mr: sitk.Transform = sitk.Transform(3, sitk.sitkIdentity)
    if kind == NAVIGATION:
        mri, ultrasound = read_tag(folder / LANDMARKS.format(name))
        to_mr = best_rigid_fit(ultrasound, mri)
    us = read_volume(folder / f"{name}-us.nii.gz", "ultrasound")
    return RealPair(name, modality, us, read_volume(path, modality), to_mr)


def judge_pair(
    bundle: Bundle, pair: RealPair, device: str = "auto", slice_axis: SliceAxis | None = "all"
) -> dict[str, float]:
    """Correlation of the synthetic MR with the true one in the field of view, ``global`` and ``local``.

    At temperature 0, by default the mean of the three slicing axes, on the ultrasound's own grid.
    """
    result = synthesize(bundle, {"us": pair.us}, [pair.modality], 0.0, device=device, slice_axis=slice_axis)
    synthetic = sitk.GetArrayFromImage(result.images[pair.modality])
    field = sitk.GetArrayFromImage(result.field_of_view) > 0
    return compared(synthetic, sitk.GetArrayFromImage(pair.truth()), field, pair.us.GetSpacing()[::-1])


def compared(synthetic: Array, truth: Array, field: Mask, spacing: Sequence[float]) -> dict[str, float]:
    """``global`` and ``local`` correlation of two volumes (k, j, i), ``spacing`` (mm) in the same order.

    Over the field of view less its outermost ``EDGE_MM``, where ``truth`` is not negative. ``local``: the mean over
    its voxels of the correlation in the window around each.
    """
    known = field & (truth >= 0)
    depth = ndimage.distance_transform_edt(np.pad(known, 1), sampling=spacing)[1:-1, 1:-1, 1:-1]
    inner = depth > EDGE_MM
    local = windowed_correlation(synthetic, truth, known, spacing)
    return {"global": global_correlation(synthetic, truth, inner), "local": float(local[inner].mean())}


def windowed_correlation(a: Array, b: Array, mask: Mask, spacing: Sequence[float]) -> NDArray[np.float64]:
    """Pearson correlation (k, j, i) in cubes of ``WINDOW_MM`` over their voxels in ``mask``; 0 where either is flat."""
    sides = [2 * int(WINDOW_MM / s / 2) + 1 for s in spacing]

    def mean(values: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.asarray(ndimage.uniform_filter(np.where(mask, values, 0.0), sides, mode="constant"))

    weight = np.maximum(mean(np.ones(mask.shape)), 1e-6)
    x, y = (_standardised(values, mask) for values in (a, b))
    mean_x, mean_y = mean(x) / weight, mean(y) / weight
    variance_x, variance_y = mean(x * x) / weight - mean_x**2, mean(y * y) / weight - mean_y**2
    scale = np.sqrt(np.maximum(variance_x, 0) * np.maximum(variance_y, 0))
    covariance = mean(x * y) / weight - mean_x * mean_y
    return np.where(scale > 1e-9, covariance / np.maximum(scale, 1e-9), 0.0)


def _standardised(values: Array, mask: Mask) -> NDArray[np.float64]:
    """Zero mean and unit variance over ``mask``: rounding errors of windows do not depend on the images' scale."""
    inside = values[mask].astype(np.float64)
    return np.asarray((values - inside.mean()) / max(float(inside.std()), 1e-12), np.float64)


def pairs_table(rows: Mapping[str, Mapping[str, Mapping[str, float]]]) -> str:
    """Markdown of weights -> pair -> measures: ``global, local`` a pair, and the mean of all."""
    pairs = list(dict.fromkeys(name for measures in rows.values() for name in measures))
    lines = ["| weights | " + " | ".join([*pairs, "mean"]) + " |", "|---" * (len(pairs) + 2) + "|"]
    for weights, measures in rows.items():
        whole, local = ([measures[name][kind] for name in pairs] for kind in ("global", "local"))
        cells = [f"{g:.2f}, {n:.2f}" for g, n in zip(whole, local, strict=True)]
        lines.append(f"| {weights} | " + " | ".join([*cells, f"{np.mean(whole):.3f}, {np.mean(local):.3f}"]) + " |")
    return "\n".join(lines) + "\n"
