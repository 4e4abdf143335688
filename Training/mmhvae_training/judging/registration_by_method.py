"""The paper's Table 3: a displaced MR is registered to each method's synthetic one, and to the ultrasound itself.

Every method's numbers are those of one folder of evaluate_registration.py; all have the same cases, displacements and
prior, so that they differ by the synthesis alone.
"""

from __future__ import annotations

import csv
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
from mmhvae.exceptions import InputError
from mmhvae.images import MODALITIES
from mmhvae.settings import PosePrior

from ..records import misfit
from ..scoring import compared_values
from .evaluation import TARGETS
from .registration_table import PAPER, RANGES, SINGLE, TABLE, TOGETHER, by_lc2, direct, through, words_of_prior

ALPHA = 0.05  # the paper's, in this table
#: Mean (standard deviation) in mm of the paper's Table 3, of patients: method -> contrast -> the four ranges.
OTHERS: Mapping[str, Mapping[str, str]] = {
    "mm-gan": {
        "t2": "1.2 (0.8) | 2.0 (2.5) | 4.4 (5.3) | 9.6 (7.3)",
        "cet1": "6.3 (3.7) | 7.7 (5.2) | 7.6 (5.1) | 11.0 (5.2)",
        "flair": "7.5 (4.1) | 8.5 (4.0) | 10.4 (4.1) | 12.2 (4.3)",
    },
    "resvit": {
        "t2": "0.8 (0.3) | 1.4 (2.4) | 2.5 (4.0) | 7.1 (7.2)",
        "cet1": "2.2 (2.4) | 4.0 (4.3) | 4.1 (4.3) | 7.9 (5.7)",
        "flair": "1.9 (2.7) | 3.4 (4.6) | 5.1 (5.0) | 10.8 (6.2)",
    },
    "m2dn": {
        "t2": "1.1 (0.7) | 3.5 (4.4) | 5.8 (5.3) | 9.2 (6.1)",
        "cet1": "5.4 (2.9) | 6.6 (3.8) | 9.8 (4.4) | 12.2 (4.0)",
        "flair": "4.6 (3.5) | 7.1 (4.7) | 9.4 (4.7) | 13.2 (5.2)",
    },
    "mmhvae": {name: ours for name, (_, ours) in PAPER.items()},
}

#: Route -> range -> case -> error in mm.
Errors = dict[str, dict[str, dict[str, float]]]


@dataclass(frozen=True)
class Registrations:
    """What one folder holds: errors after registration, before it, and the prior that all of them had."""

    after: Errors
    before: dict[str, dict[str, float]]
    prior: dict[str, float] | None


def read_registrations(folder: Path) -> Registrations:
    """The tables that evaluate_registration.py wrote.

    Raises:
        InputError: the folder holds none, or not all ranges of one.
    """
    after: Errors = {}
    before: dict[str, dict[str, float]] = {}
    try:
        table = json.loads((folder / TABLE).read_text(encoding="utf-8"))
        wrong = misfit(table, {"provenance": {"prior": (None, PosePrior)}})
        if wrong is not None:
            raise ValueError(wrong)
        with (folder / SINGLE).open(newline="", encoding="utf-8") as file:
            for row in csv.DictReader(file):
                of = after.setdefault(row["method"], {}).setdefault(row["range_mm"], {})
                of[row["case"]] = float(row["tre_after_mm"])
                before.setdefault(row["range_mm"], {})[row["case"]] = float(row["tre_before_mm"])
        if not after:
            raise ValueError("no line")
    except (OSError, ValueError, KeyError, TypeError, csv.Error) as error:
        raise InputError(
            f"{folder} holds no registrations; give a folder that evaluate_registration.py wrote."
        ) from error
    _require_all_ranges(after, folder)
    return Registrations(after, before, table["provenance"]["prior"])


def _require_all_ranges(after: Errors, folder: Path) -> None:
    """A file that was changed by hand may lack one."""
    for method, by_range in after.items():
        missing = [name for name in RANGES if name not in by_range]
        if missing:
            raise InputError(
                f"{SINGLE} in {folder} lacks the range {' and '.join(missing)} mm of '{method}'; restore it, or "
                "evaluate again into another folder."
            )


def compare_registrations(found: Mapping[str, Registrations]) -> str:
    """Markdown: a table a contrast, a row a method.

    Raises:
        InputError: fewer than two methods, other priors, or no case in common.
    """
    first = next(iter(found.values()), None)
    if first is None or len(found) < 2:
        raise InputError("One method cannot be compared; give the folders of two or more.")
    if any(each.prior != first.prior for each in found.values()):
        raise InputError("These registrations had different priors; give folders of one and the same --prior.")
    cases = _common_cases(found)
    lines = ["# Registration by method (Table 3)", ""]
    lines += [
        f"{len(cases)} held-out simulated cases, displaced by medians from four ranges. Mean (standard deviation) over",
        "cases of each case's mean TRE over its landmarks, in mm. Bold: better than every other row of its column at",
        f"p < {ALPHA:g} by paired Wilcoxon signed-rank tests, times the pairs of the table's rows (Bonferroni).",
        "In italics the paper's, of patients.",
        words_of_prior(first.prior),
    ]
    for name in TARGETS:
        lines += [
            "",
            f"## {MODALITIES[name].name}",
            "",
            "| registered to | " + " | ".join(f"{r} mm" for r in RANGES) + " |",
        ]
        lines += ["|" + "---|" * (len(RANGES) + 1), _line("before", [_values(first.before, r, cases) for r in RANGES])]
        lines += _rows(name, found, cases)
    lines += ["", "## All three contrasts together", ""]
    lines += ["| registered to | " + " | ".join(f"{r} mm" for r in RANGES) + " |", "|" + "---|" * (len(RANGES) + 1)]
    together = {f"synthetic, {method}": each.after.get(TOGETHER, {}) for method, each in found.items()}
    return "\n".join([*lines, *_compared_lines(together, cases)]) + "\n"


def _rows(name: str, found: Mapping[str, Registrations], cases: Sequence[str]) -> list[str]:
    """The ultrasound's own rows, then each method's with the paper's below."""
    first = next(iter(found.values()))
    rows = {"acquired iUS": first.after.get(direct(name), {})}
    rows |= {f"synthetic, {method}": each.after.get(through(name), {}) for method, each in found.items()}
    lines = _compared_lines(rows, cases)
    papers = [PAPER[name][0], *(OTHERS.get(method, {}).get(name) for method in found)]
    told = []
    for label, line, paper in zip(rows, lines, papers, strict=True):
        told += [line] + ([f"| *{label}, paper* | " + _italics(paper) + " |"] if paper else [])
    lc2 = first.after.get(by_lc2(name))
    return told + ([_line("acquired iUS, LC2", [_values(lc2[r], None, cases) for r in RANGES])] if lc2 else [])


def _italics(cells: str) -> str:
    return " | ".join(f"*{cell}*" for cell in cells.split(" | "))


def _common_cases(found: Mapping[str, Registrations]) -> list[str]:
    each = [set(of[r]) for made in found.values() for of in made.after.values() for r in RANGES if r in of]
    cases = sorted(set.intersection(*each)) if each else []
    if not cases:
        raise InputError("These folders have no case in common; evaluate the same cases with every method.")
    return cases


def _values(by: Mapping[str, Any], key: str | None, cases: Sequence[str]) -> list[float]:
    of = by if key is None else by[key]
    return [float(of[case]) for case in cases]


def _compared_lines(rows: Mapping[str, Mapping[str, Mapping[str, float]]], cases: Sequence[str]) -> list[str]:
    """A line a row; rows that a folder lacks are left empty and take no part in the tests."""
    there = {label: of for label, of in rows.items() if all(r in of for r in RANGES)}
    columns = {r: {label: _values(of, r, cases) for label, of in there.items()} for r in RANGES}
    pairs = len(list(combinations(there, 2)))
    cells = {r: ("tre", r) for r in RANGES}
    best = {
        r: compared_values({cells[r]: by})[cells[r]].best("tre", ALPHA) if pairs else None for r, by in columns.items()
    }
    lines = []
    for label in rows:
        if label not in there:
            lines.append(f"| {label} |" + " - |" * len(RANGES))
            continue
        lines.append(_line(label, [columns[r][label] for r in RANGES], [best[r] == label for r in RANGES]))
    return lines


def _line(label: str, columns: Sequence[Sequence[float]], bold: Sequence[bool] = ()) -> str:
    cells = []
    for number, values in enumerate(columns):
        deviation = float(np.std(values, ddof=1)) if len(values) > 1 else 0.0
        text = f"{np.mean(values):.1f} ({deviation:.1f})"
        cells.append(f"**{text}**" if bold and bold[number] else text)
    return f"| {label} | " + " | ".join(cells) + " |"
