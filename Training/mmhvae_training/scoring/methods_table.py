"""Table 1's last rows: each method's mean over all input subsets, what it costs, and what the paper found."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
from mmhvae.exceptions import InputError
from mmhvae.images import MODALITIES

from .comparison import ALPHA, Compared, compared_values
from .scores import SliceScore
from .table import METRICS, TITLES, pooled_means, summary

#: Rows "Average" of the paper's Table 1: PSNR (dB), SSIM (%), LPIPS (%) of iUS, T2, ceT1, FLAIR; 72 patients of ReMIND.
PAPER: Mapping[str, tuple[tuple[float, float, float], ...]] = {
    "mopoe": ((21.3, 74.6, 31.7), (21.8, 83.2, 24.1), (23.8, 85.4, 19.8), (19.2, 79.9, 22.8)),
    "mm-gan": ((21.6, 76.7, 21.9), (22.2, 86.5, 10.8), (25.4, 88.5, 9.3), (21.4, 83.7, 11.0)),
    "resvit": ((23.0, 76.9, 15.4), (25.1, 87.8, 9.3), (26.3, 89.1, 7.9), (24.0, 88.0, 7.2)),
    "m2dn": ((22.2, 77.5, 19.1), (22.1, 87.8, 12.0), (22.4, 88.8, 11.1), (21.1, 87.7, 9.5)),
    "mmhvae": ((27.0, 79.9, 14.8), (28.9, 90.5, 7.0), (29.5, 91.4, 6.4), (26.9, 90.5, 6.8)),
}

Costs = Mapping[str, Mapping[str, float]]
#: Columns; methods may be measured at slices of different sides, and then take times that must not be compared.
COSTS = {"side": "slice (pixels)", "parameters": "parameters (M)", "gmacs": "GMACs", "seconds": "seconds a slice"}


def read_costs(path: Path) -> Costs:
    """What `measure_methods.py` wrote: method -> what :data:`COSTS` names.

    Raises:
        InputError: the file is missing or not of that script.
    """
    try:
        content: Any = json.loads(path.read_text(encoding="utf-8"))["costs"]
        return {name: {key: float(cost[key]) for key in COSTS} for name, cost in content.items()}
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise InputError(f"{path} holds no costs; give the file that measure_methods.py --output wrote.") from error


def table_by_method(runs: Mapping[str, Sequence[SliceScore]], variant: str, costs: Costs | None = None) -> str:
    """Markdown: a row a method, a column a target and metric; below each known method the paper's row.

    A case counts once a target: by its mean over its input subsets. Bold: better than every other method, paired
    Wilcoxon tests over cases with Bonferroni's correction.

    Args:
        runs: method -> scores; names as in :data:`PAPER` find the paper's row and the costs.
        variant: of the metrics.
        costs: of :func:`read_costs`.

    Raises:
        InputError: fewer than two methods, or nothing that all of them have.
    """
    cells = _cells(runs, variant)
    metrics = [metric for metric in METRICS[variant] if any(found for found, _ in cells if found == metric)]
    titles = [f"{MODALITIES[target].name} {TITLES[metric]}" for target in MODALITIES for metric in metrics]
    titles += COSTS.values() if costs else []
    lines = [
        f"Mean (standard deviation) over the {_counted(cells)} that all have of each case's mean over its input "
        f"subsets; bold: better than every other at p < {ALPHA}, "
        f"{len(list(combinations(runs, 2))) * len(cells)} tests (Bonferroni). In italics the "
        "paper's averages, of patients and with LPIPS in place of ST-LPIPS.",
        "",
        "| method | " + " | ".join(titles) + " |",
        "|" + "---|" * (len(titles) + 1),
    ]
    for name in runs:
        shown = [_shown(cells.get((metric, target)), name, metric) for target in MODALITIES for metric in metrics]
        lines.append("| " + " | ".join([name, *shown, *_cost(name, costs)]) + " |")
        if name in PAPER:
            theirs = [f"*{number:.1f}*" for target in PAPER[name] for number in target[: len(metrics)]]
            theirs += [""] * len(COSTS) if costs else []
            lines.append("| " + " | ".join([f"*{name}, paper*", *theirs]) + " |")
    return "\n".join(lines) + "\n"


def seeds_table(seeds: Mapping[str, Mapping[str, Sequence[SliceScore]]], variant: str) -> str:
    """Markdown: how far a method's seeds differ; empty where no method has more than one.

    Args:
        seeds: method -> seed -> scores.
        variant: of the metrics.
    """
    if all(len(of) < 2 for of in seeds.values()):
        return ""
    metric = METRICS[variant][0]
    common = set.intersection(*({row.case for row in rows} for of in seeds.values() for rows in of.values()))
    titles = [f"{known.name} {TITLES[metric]}" for known in MODALITIES.values()]
    lines = [
        f"Seeds of each method one by one, the same means over {len(common)} cases. They differ in weights, order of "
        "the slices and noise.",
        "",
        "| method | seeds | " + " | ".join(titles) + " |",
        "|" + "---|" * (len(titles) + 2),
    ]
    for name, of in seeds.items():
        pooled = [pooled_means([row for row in rows if row.case in common], metric) for rows in of.values()]
        cells = [
            ", ".join(f"{np.mean(list(each[t].values())):.1f}" for each in pooled if t in each) for t in MODALITIES
        ]
        lines.append("| " + " | ".join([name, str(len(of)), *(cell or "-" for cell in cells)]) + " |")
    return "\n".join(lines) + "\n\n"


def _cells(runs: Mapping[str, Sequence[SliceScore]], variant: str) -> dict[tuple[str, str], Compared]:
    """(metric, target) -> the methods' values, for what all of them have."""
    values = {}
    for metric in METRICS[variant]:
        pooled = {name: pooled_means(rows, metric) for name, rows in runs.items()}
        for target in MODALITIES:
            found = {name: of.get(target, {}) for name, of in pooled.items()}
            cases = sorted(set.intersection(*(set(of) for of in found.values())))
            if cases:
                values[metric, target] = {name: [of[case] for case in cases] for name, of in found.items()}
    return compared_values(values)


def _counted(cells: Mapping[tuple[str, str], Compared]) -> str:
    """How many cases the cells are of: targets may differ."""
    counts = sorted({len(next(iter(compared.values.values()))) for compared in cells.values()})
    return " to ".join(str(count) for count in {counts[0]: None, counts[-1]: None}) + " cases"


def _shown(compared: Compared | None, name: str, metric: str) -> str:
    if compared is None:
        return "-"
    text = summary(compared.values[name], metric)
    return f"**{text}**" if compared.best(metric) == name else text


def _cost(name: str, costs: Costs | None) -> list[str]:
    if costs is None:
        return []
    cost = costs.get(name)
    if cost is None:
        return ["-"] * len(COSTS)
    numbers = f"{cost['parameters'] / 1e6:.2f}", f"{cost['gmacs']:.1f}", f"{cost['seconds']:.3f}"
    return [f"{cost['side']:.0f}", *numbers]
