"""Is one run better than another? Paired Wilcoxon signed-rank tests over cases, Bonferroni-corrected."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
from mmhvae.exceptions import InputError
from scipy.stats import wilcoxon

from .scores import SliceScore
from .table import LESION_TITLES, METRICS, TITLES, Cell, case_means, cell_order, summary

ALPHA = 0.01  # the paper's
LOWER_IS_BETTER = {"tre", "st_lpips", "mae_lesion", "mae_around", "nmse"}


@dataclass(frozen=True)
class Compared:
    """One cell of the table: run -> a value a case (the same cases in all runs), and p a pair of runs, corrected."""

    values: Mapping[str, Sequence[float]]
    p: Mapping[tuple[str, str], float]

    def best(self, metric: str, alpha: float = ALPHA) -> str | None:
        """The run that is better than every other at p < ``alpha``; None where there is no such."""
        sign = -1 if metric in LOWER_IS_BETTER else 1
        first = max(self.values, key=lambda run: sign * float(np.mean(self.values[run])))
        return first if all(p < alpha for pair, p in self.p.items() if first in pair) else None


def compare(runs: Mapping[str, Sequence[SliceScore]], metric: str) -> dict[Cell, Compared]:
    """All cells that every run has, over the cases that all of them have there.

    Raises:
        InputError: fewer than two runs, or no cell that all have.
    """
    if len(runs) < 2:
        raise InputError("One evaluation cannot be compared; give two or more.")
    means = {name: case_means(rows, metric) for name, rows in runs.items()}
    shared: dict[Cell, Mapping[str, list[float]]] = {}
    for cell in sorted(set.intersection(*(set(found) for found in means.values()))):
        cases = sorted(set.intersection(*(set(found[cell]) for found in means.values())))
        if cases:
            shared[cell] = {name: [found[cell][case] for case in cases] for name, found in means.items()}
    if not shared:
        raise InputError(f"The evaluations have no case, input subset and target in common for {metric}.")
    return compared_values(shared)


def compared_values(cells: Mapping[Cell, Mapping[str, Sequence[float]]]) -> dict[Cell, Compared]:
    """Cell -> run -> a value a case, with the tests; p is that of the two-sided test times the number of all tests.

    Raises:
        InputError: there is no cell, or there are fewer than two runs.
    """
    runs = list(next(iter(cells.values()), {}))
    if len(runs) < 2:
        raise InputError("One evaluation cannot be compared; give two or more that have something in common.")
    pairs = list(combinations(runs, 2))
    tests = len(pairs) * len(cells)
    return {
        cell: Compared(values, {pair: min(1.0, tests * paired_p(values[pair[0]], values[pair[1]])) for pair in pairs})
        for cell, values in cells.items()
    }


def paired_p(a: Sequence[float], b: Sequence[float]) -> float:
    """p of the two-sided paired Wilcoxon signed-rank test; 1 where nothing differs."""
    if np.array_equal(a, b):
        return 1.0
    return float(wilcoxon(a, b).pvalue)


def comparison_report(runs: Mapping[str, Sequence[SliceScore]], variant: str) -> str:
    """Markdown: a table a metric; bold where a run is better than every other."""
    lines = [f"# {', '.join(runs)} compared, {variant}", ""]
    for metric in (*METRICS[variant], *LESION_TITLES):
        if all(np.isnan(getattr(row, metric)) for rows in runs.values() for row in rows):
            continue
        cells = compare(runs, metric)
        pairs = list(combinations(runs, 2))
        lines += [
            f"## {(TITLES | LESION_TITLES)[metric]}",
            "",
            f"Mean (standard deviation) over cases. Paired Wilcoxon signed-rank test over cases, two-sided, times "
            f"{len(pairs) * len(cells)} tests (Bonferroni); bold: better than every other at p < {ALPHA}.",
            "",
            "| inputs | target | cases | " + " | ".join([*runs, *(f"p, {a} - {b}" for a, b in pairs)]) + " |",
            "|" + "---|" * (3 + len(runs) + len(pairs)),
        ]
        lines += [_line(cell, cells[cell], metric, pairs) for cell in sorted(cells, key=cell_order)]
        lines.append("")
    return "\n".join(lines)


def _line(cell: Cell, compared: Compared, metric: str, pairs: Sequence[tuple[str, str]]) -> str:
    best = compared.best(metric)
    texts = {run: summary(values, metric) for run, values in compared.values.items()}
    shown = [f"**{text}**" if run == best else text for run, text in texts.items()]
    count = str(len(next(iter(compared.values.values()))))
    return "| " + " | ".join([*cell, count, *shown, *(f"{compared.p[pair]:.2g}" for pair in pairs)]) + " |"
