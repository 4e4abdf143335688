"""Table 4: Dice and average surface distance of outlines, median [quartiles], paired tests; empty outlines apart."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from itertools import combinations
from typing import Any

import numpy as np
import SimpleITK as sitk
from mmhvae.overlays import compare_outlines

from ..scoring import paired_p

ALPHA = 0.05  # the paper's


@dataclass(frozen=True)
class Outlined:
    """One outline of one case.

    Attributes:
        dice: of the whole volume, 0 to 1; 0 for an empty outline.
        distance_mm: average symmetric surface distance; None for an empty one.
        found_ml, true_ml: volumes.
    """

    method: str
    case: str
    dice: float
    distance_mm: float | None
    found_ml: float
    true_ml: float


def score_outline(method: str, case: str, found: sitk.Image, truth: sitk.Image) -> Outlined:
    """Compare an outline with the truth, on the outline's grid.

    Args:
        found, truth: label maps, the tumour wherever they are not 0; of any grids; the truth is not empty.

    Raises:
        InputError: they do not overlap, or one is no label map.
    """
    agreement = compare_outlines(found, truth)
    return Outlined(method, case, agreement.dice or 0.0, agreement.mean_mm, _millilitres(found), _millilitres(truth))


def _millilitres(labels: sitk.Image) -> float:
    voxels = int((sitk.GetArrayViewFromImage(labels) != 0).sum())
    return round(voxels * float(np.prod(labels.GetSpacing())) / 1000, 3)


def scores_rows(rows: Sequence[Outlined]) -> list[dict[str, Any]]:
    """The rows as JSON holds them."""
    return [asdict(row) for row in rows]


def scores_table(rows: Sequence[Outlined]) -> str:
    """Markdown: a line a method over the cases that all of them have, then p of every pair."""
    methods = list(dict.fromkeys(row.method for row in rows))
    by_method = {method: {row.case: row for row in rows if row.method == method} for method in methods}
    cases = sorted(set.intersection(*(set(found) for found in by_method.values())))
    chosen = {method: [found[case] for case in cases] for method, found in by_method.items()}
    lines = [
        f"Tumours outlined in ultrasound, {len(cases)} cases. Median [quartiles]. An empty outline has Dice 0 and no "
        "distance.",
        "",
        "| method | Dice (%) | average surface distance (mm) | empty | volume found / true (ml) |",
        "|---|---|---|---|---|",
    ]
    for method, found in chosen.items():
        dice = _quartiles([100 * row.dice for row in found])
        distance = _quartiles([row.distance_mm for row in found if row.distance_mm is not None])
        volumes = f"{np.median([row.found_ml for row in found]):.1f} / {np.median([row.true_ml for row in found]):.1f}"
        empty = sum(row.found_ml == 0 for row in found)
        lines.append(f"| {method} | {dice} | {distance} | {empty} | {volumes} |")
    return "\n".join([*lines, *_tests(chosen)]) + "\n"


def _tests(chosen: dict[str, list[Outlined]]) -> list[str]:
    if len(chosen) < 2:
        return []
    title = f"Paired Wilcoxon signed-rank tests over cases, two-sided, uncorrected as the paper's (p < {ALPHA} in bold)"
    lines = [
        "",
        f"{title}; distances over the cases that both outline.",
        "",
        "| pair | p, Dice | p, distance |",
        "|---|---|---|",
    ]
    for a, b in combinations(chosen, 2):
        dice = paired_p([row.dice for row in chosen[a]], [row.dice for row in chosen[b]])
        pairs = [(x.distance_mm, y.distance_mm) for x, y in zip(chosen[a], chosen[b], strict=True)]
        both = [(x, y) for x, y in pairs if x is not None and y is not None]
        distance = paired_p([x for x, _ in both], [y for _, y in both]) if both else None
        lines.append(f"| {a} - {b} | {_bold(dice)} | {_bold(distance)} |")
    return lines


def _bold(p: float | None) -> str:
    if p is None:
        return "-"
    return f"**{p:.2g}**" if p < ALPHA else f"{p:.2g}"


def _quartiles(values: Sequence[float]) -> str:
    if not values:
        return "-"
    low, middle, high = np.percentile(values, [25, 50, 75])
    return f"{middle:.1f} [{low:.1f}-{high:.1f}]"
