"""Outlines in real ultrasound whose tumour nobody drew: numbers that need no truth, beside an outline from MR."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import SimpleITK as sitk
from mmhvae.overlays import compare_outlines
from mmhvae.segmentation import UltrasoundOutline
from scipy import ndimage


@dataclass(frozen=True)
class RealOutline:
    """One volume of real ultrasound and what was outlined in it; all images are on its grid.

    Attributes:
        us: the ultrasound.
        found: what the segmenter of ultrasound outlined.
        mr: a label map from the patient's MR, brought over, the tumour wherever it is not 0; None: there is none.
    """

    us: sitk.Image
    found: UltrasoundOutline
    mr: sitk.Image | None = None


def facts_of(outline: RealOutline) -> dict[str, Any]:
    """What can be said of an outline without a truth.

    Returns:
        ``volume_ml``; ``share``, of the field of view; ``pieces``, connected; ``contrast``, mean grey level within over
        that of the rest of the field of view, None without an outline or a rest; and, against an MR's outline,
        ``mr_ml`` in the field of view, ``dice``, ``mean_mm`` and ``percentile_95_mm``, None where one shows nothing.
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
    return facts | ({} if outline.mr is None else _against(outline.mr, outline.found))


def _against(mr: sitk.Image, found: UltrasoundOutline) -> dict[str, Any]:
    agreement = compare_outlines(found.labels, mr, found.field_of_view)
    in_view = (sitk.GetArrayViewFromImage(mr) > 0) & (sitk.GetArrayViewFromImage(found.field_of_view) > 0)
    return {
        "mr_ml": round(float(in_view.sum() * np.prod(mr.GetSpacing()) / 1000), 3),
        "dice": agreement.dice,
        "mean_mm": agreement.mean_mm,
        "percentile_95_mm": agreement.percentile_95_mm,
    }


def facts_table(facts: Mapping[str, Mapping[str, Any]]) -> str:
    """Markdown: a line a volume; columns against MR are empty where there is none."""
    lines = [
        "| volume | outlined (ml) | of the field of view (%) | pieces | grey inside / outside | from MR (ml) | Dice "
        "| mean, 95 % distance (mm) |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for name, row in facts.items():
        contrast = "-" if row["contrast"] is None else f"{row['contrast']:.2f}"
        cells = [name, f"{row['volume_ml']:.1f}", f"{100 * row['share']:.0f}", str(row["pieces"]), contrast]
        lines.append("| " + " | ".join([*cells, *_mr_cells(row)]) + " |")
    return "\n".join(lines) + "\n"


def _mr_cells(row: Mapping[str, Any]) -> list[str]:
    if "mr_ml" not in row:
        return ["", "", ""]
    dice = "-" if row["dice"] is None else f"{row['dice']:.2f}"
    known = row["mean_mm"] is not None
    distance = f"{row['mean_mm']:.1f}, {row['percentile_95_mm']:.1f}" if known else "-"
    return [f"{row['mr_ml']:.1f}", dice, distance]
