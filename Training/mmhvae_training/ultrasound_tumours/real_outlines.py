"""Outlines in real ultrasound whose tumour nobody drew: numbers that need no truth, beside an ellipsoid set by eye."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import SimpleITK as sitk
from mmhvae.exceptions import InputError
from mmhvae.images import image_on
from mmhvae.overlays import compare_outlines
from mmhvae.segmentation import UltrasoundOutline
from scipy import ndimage


@dataclass(frozen=True)
class Ellipsoid:
    """Where somebody sees the tumour: no outline, but enough to tell whether one is at its place and of its size.

    Attributes:
        centre_lps_mm: x, y, z.
        radii_mm: along the index axes i, j, k of the ultrasound.
    """

    centre_lps_mm: tuple[float, float, float]
    radii_mm: tuple[float, float, float]

    def on(self, grid: sitk.Image) -> sitk.Image:
        """Its label map (uint8) on a grid."""
        centre = grid.TransformPhysicalPointToContinuousIndex(self.centre_lps_mm)
        size, spacing = grid.GetSize(), grid.GetSpacing()
        steps = [(np.arange(size[a]) - centre[a]) * spacing[a] / self.radii_mm[a] for a in range(3)]
        squared = steps[2][:, None, None] ** 2 + steps[1][None, :, None] ** 2 + steps[0][None, None, :] ** 2
        return image_on((squared < 1).astype(np.uint8), grid)


def read_ellipsoids(path: Path) -> dict[str, Ellipsoid]:
    """Name -> ellipsoid, of a JSON file.

    Raises:
        InputError: it holds none.
    """
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        return {str(name): _ellipsoid(row["centre_lps_mm"], row["radii_mm"]) for name, row in content.items()}
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise InputError(
            f'{path} holds no ellipsoids; write {{"NAME": {{"centre_lps_mm": [x, y, z], "radii_mm": [i, j, k]}}}}.'
        ) from error


def _ellipsoid(centre: Any, radii: Any) -> Ellipsoid:
    (x, y, z), (i, j, k) = map(float, centre), map(float, radii)
    if not (np.isfinite([x, y, z, i, j, k]).all() and min(i, j, k) > 0):
        raise ValueError("radii are positive")
    return Ellipsoid((x, y, z), (i, j, k))


@dataclass(frozen=True)
class RealOutline:
    """One volume of real ultrasound and what was outlined in it; all images are on its grid.

    Attributes:
        us: the ultrasound.
        found: what the segmenter of ultrasound outlined.
        by_eye: a label map of where somebody sees the tumour, wherever it is not 0; None: nobody looked.
    """

    us: sitk.Image
    found: UltrasoundOutline
    by_eye: sitk.Image | None = None


def facts_of(outline: RealOutline) -> dict[str, Any]:
    """What can be said of an outline without a truth.

    Returns:
        ``volume_ml``; ``share``, of the field of view; ``pieces``, connected; ``contrast``, mean grey level within over
        that of the rest of the field of view, None without an outline or a rest; and, against what was set by eye,
        ``by_eye_ml`` in the field of view, ``dice``, ``mean_mm`` and ``percentile_95_mm``, None where one shows
        nothing.
    """
    grey, labels, seen = (
        sitk.GetArrayViewFromImage(image) for image in (outline.us, outline.found.labels, outline.found.field_of_view)
    )
    inside, rest = labels > 0, (seen > 0) & (labels == 0)
    known = inside.any() and rest.any()
    facts = {
        "volume_ml": outline.found.volume_ml,
        "share": float(inside.sum() / (seen > 0).sum()),
        "pieces": int(ndimage.label(inside)[1]),
        "contrast": float(grey[inside].mean() / max(grey[rest].mean(), 1e-6)) if known else None,
    }
    return facts | ({} if outline.by_eye is None else _against(outline.by_eye, outline.found))


def _against(by_eye: sitk.Image, found: UltrasoundOutline) -> dict[str, Any]:
    agreement = compare_outlines(found.labels, by_eye, found.field_of_view)
    in_view = (sitk.GetArrayViewFromImage(by_eye) > 0) & (sitk.GetArrayViewFromImage(found.field_of_view) > 0)
    return {
        "by_eye_ml": round(float(in_view.sum() * np.prod(by_eye.GetSpacing()) / 1000), 3),
        "dice": agreement.dice,
        "mean_mm": agreement.mean_mm,
        "percentile_95_mm": agreement.percentile_95_mm,
    }


def facts_table(facts: Mapping[str, Mapping[str, Any]]) -> str:
    """Markdown: a line a volume; columns by eye are empty where nobody looked."""
    lines = [
        "| volume | outlined (ml) | of the field of view (%) | pieces | grey inside / outside | by eye (ml) | Dice "
        "| mean, 95 % distance (mm) |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for name, row in facts.items():
        contrast = "-" if row["contrast"] is None else f"{row['contrast']:.2f}"
        cells = [name, f"{row['volume_ml']:.1f}", f"{100 * row['share']:.0f}", str(row["pieces"]), contrast]
        lines.append("| " + " | ".join([*cells, *_by_eye_cells(row)]) + " |")
    return "\n".join(lines) + "\n"


def _by_eye_cells(row: Mapping[str, Any]) -> list[str]:
    if "by_eye_ml" not in row:
        return ["", "", ""]
    dice = "-" if row["dice"] is None else f"{row['dice']:.2f}"
    known = row["mean_mm"] is not None
    distance = f"{row['mean_mm']:.1f}, {row['percentile_95_mm']:.1f}" if known else "-"
    return [f"{row['by_eye_ml']:.1f}", dice, distance]
