"""One measure of several runs beside the paper's numbers, with paired tests over patients, as Markdown."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np

from ...scoring import ALPHA, Compared, compared_values

Cell = tuple[str, str]
Values = Mapping[str, float]
"""Patient -> value."""
Cells = Mapping[Cell, Mapping[str, Values]]
"""Cell -> run -> values."""
TESTS_TOLD = (
    "p: paired Wilcoxon signed-rank tests over patients, two-sided, times the number of tests in the table "
    f"(Bonferroni); bold: better than every other run at p < {ALPHA}."
)
Published = Mapping[str, Mapping[Cell, float]]
"""Method -> cell -> what the paper says of it."""


@dataclass(frozen=True)
class Measure:
    """A field of the scores, its title, how it is written, and whether less of it is better."""

    name: str
    title: str
    digits: int = 1
    scale: float = 1.0

    def text(self, values: Sequence[float]) -> str:
        """Mean (standard deviation), in the measure's unit; a dash where there is none."""
        if not len(values):
            return "-"
        scaled = self.scale * np.array(values)
        spread = f" ({scaled.std(ddof=1):.{self.digits}f})" if len(scaled) > 1 else ""
        return f"{scaled.mean():.{self.digits}f}{spread}"


def compared_table(measure: Measure, titles: Cell, cells: Cells, published: Published | None = None) -> str:
    """A row a cell: every run's mean (sd), the paper's numbers in italics, p of each pair of runs.

    Only patients that all runs have count. Bold: better than every other run, paired Wilcoxon signed-rank tests over
    patients, two-sided, with Bonferroni's correction for all tests of the table.
    """
    shared = {cell: kept for cell, runs in cells.items() if (kept := _shared(runs))}
    runs = list(next(iter(shared.values())))
    pairs = list(combinations(runs, 2))
    found = compared_values(shared) if pairs else {cell: Compared(kept, {}) for cell, kept in shared.items()}
    theirs = {name: numbers for name, numbers in (published or {}).items() if numbers.keys() & shared.keys()}
    head = [*titles, "patients", *runs, *(f"*{name}, paper*" for name in theirs), *(f"p, {a} - {b}" for a, b in pairs)]
    lines = [f"### {measure.title}", "", "| " + " | ".join(head) + " |", "|" + "---|" * len(head)]
    for cell, compared in found.items():
        best = compared.best(measure.name) if pairs else None
        own = [(run, measure.text(values)) for run, values in compared.values.items()]
        shown = [f"**{text}**" if run == best else text for run, text in own]
        paper = [f"*{numbers[cell]:.{measure.digits}f}*" if cell in numbers else "-" for numbers in theirs.values()]
        count = str(len(next(iter(compared.values.values()))))
        chances = [f"{compared.p[pair]:.2g}" for pair in pairs]
        lines.append("| " + " | ".join([*cell, count, *shown, *paper, *chances]) + " |")
    return "\n".join([*lines, ""])


def _shared(runs: Mapping[str, Values]) -> dict[str, list[float]]:
    patients = sorted(set.intersection(*(set(values) for values in runs.values())))
    return {run: [values[name] for name in patients] for run, values in runs.items()} if patients else {}
