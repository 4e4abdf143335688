"""The report on trust for people: a table in Markdown, the same numbers as JSON, and a figure.

Everything is remade from ``trials.json`` (evidence and errors) and ``trust.json`` (the model).
"""

from __future__ import annotations

import json
import math
import shutil
from collections.abc import Callable, Sequence
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
from mmhvae.answers import Verdict
from mmhvae.files import write_text
from mmhvae.registration import NAVIGATION, SHIPPED, Evidence, TrustModel, conclude, read_model, worst_error

from ..records import read_json, write_json
from .fit import EXACT_MM, Row, error_of, fit, is_wrong, usable, without_ultrasound, witnesses_of
from .run import CALIBRATION, JUDGED_SHAPE, REPORT, TRIAL_SHAPE
from .trials import DIRECT, TEMPLATE

AGAIN = "restore it, or write the report again."
TRIALS, MODEL, TABLE, WORDS = "trials.json", "trust.json", "report.json", "report.md"
NEVER_SILENT, USEFUL = 0.95, 0.70  # the goals: wrong results not called good, exact ones of two contrasts called good
#: Rows of the table, and which results each is about.
ROWS: dict[str, Callable[[Row], bool]] = {
    "report": lambda row: row["group"] == REPORT,
    "of these, two or three contrasts": lambda row: row["group"] == REPORT and len(row["contrasts"]) > 1,
    "one contrast": lambda row: row["group"] == REPORT and len(row["contrasts"]) == 1 and not _is_direct(row),
    "straight to the ultrasound": lambda row: row["group"] == REPORT and _is_direct(row),
    "over real heads": lambda row: row["group"] == REPORT and _is_over_a_patient(row),
    "of these, two or three contrasts over real heads": lambda row: (
        row["group"] == REPORT and _is_over_a_patient(row) and len(row["contrasts"]) > 1
    ),
    "over the template": lambda row: row["group"] == REPORT and row["head"] == TEMPLATE,
    "with the panel's prior": lambda row: row["group"] == REPORT and bool(row["prior"]),
    "without a prior": lambda row: row["group"] == REPORT and not row["prior"],
    "calibration": lambda row: row["group"] == CALIBRATION,
}
NO_ULTRASOUND = "report without ultrasound"
VERDICTS: tuple[Verdict, ...] = ("good", "check", "failed")
KEPT = (
    "group",
    "case",
    "head",
    "situation",
    "seed",
    "prior",
    "contrasts",
    "reach_mm",
    "donor",
    "error_mm",
    "refused",
    "evidence",
    "witnesses",
)


def write_report(
    rows: Sequence[Row], folder: Path, provenance: dict[str, Any], shipped: TrustModel | None = None
) -> TrustModel:
    """Fit on the calibration's rows, report on the others, write all of it into ``folder``; returns the model.

    With ``shipped`` nothing is fitted: all rows are reported on, as that model judges them.
    """
    provenance = provenance | {"date": date.today().isoformat()}
    if shipped is not None:
        rows = [row | {"group": REPORT} for row in rows]
    rows = sorted(({key: row[key] for key in KEPT} for row in rows), key=lambda r: (r["group"], r["case"]))
    model = shipped or _fitted([row for row in rows if row["group"] == CALIBRATION], provenance)
    folder.mkdir(parents=True, exist_ok=True)
    write_rows(rows, folder / TRIALS)
    if shipped is None:
        write_json(model.to_json(), folder / MODEL)
    table = summary(rows, model) | {"provenance": provenance, "fitted": shipped is None}
    write_json(table, folder / TABLE)
    write_text(words(table, model), folder / WORDS)
    return model


def _fitted(rows: Sequence[Row], provenance: dict[str, Any]) -> TrustModel:
    cases = sorted({row["case"] for row in rows})
    return fit(rows, provenance | {"cases": cases, "results": len(usable(rows)), "patients": 0})


def read_report(folder: Path) -> tuple[list[dict[str, Any]], TrustModel, dict[str, Any]]:
    """Rows, model and table as :func:`write_report` wrote them; the model that ships where none was fitted.

    Raises:
        InputError: one of them is missing or damaged.
    """
    rows = read_rows(folder / TRIALS, TRIAL_SHAPE | {"head": (str, None)})
    table = read_json(folder / TABLE, dict, AGAIN, {"fitted": bool})
    return rows, read_model(folder / MODEL if table["fitted"] else SHIPPED), table


def ship(folder: Path) -> None:
    """Put the model of a report into the core."""
    shutil.copyfile(folder / MODEL, SHIPPED)


def write_rows(rows: Sequence[Row], path: Path) -> None:
    """A JSON list, a row a line."""
    write_text("[\n" + ",\n".join(json.dumps(row) for row in rows) + "\n]\n", path)


def read_rows(path: Path, shape: Any = JUDGED_SHAPE) -> list[Row]:
    """What :func:`write_rows` wrote.

    Args:
        shape: of a row, see :func:`mmhvae_training.records.misfit`.

    Raises:
        InputError: the file is missing or damaged, or holds other rows.
    """
    return read_json(path, list, AGAIN, [shape])


def verdict_of(row: Row, model: TrustModel) -> tuple[Verdict, float]:
    """Verdict and expected error (mm) of a row's evidence."""
    if len(row["evidence"]) <= 1:  # overlap alone: too little of it
        return "failed", worst_error(model)
    verdict, expected, _ = conclude(model, Evidence(row["evidence"], witnesses=witnesses_of(row)))
    return verdict, expected


def summary(rows: Sequence[Row], model: TrustModel) -> dict[str, Any]:
    """What ``report.json`` holds."""
    rows = [row for row in rows if not row["refused"]]
    reported = [row for row in rows if row["group"] == REPORT]
    situations = dict.fromkeys(row["situation"] for row in reported)
    without = [without_ultrasound(row) for row in reported if not _is_direct(row)]
    return {
        "goals": {"wrong results not called good": NEVER_SILENT, "exact results called good": USEFUL},
        **{name: _shares([row for row in rows if about(row)], model) for name, about in ROWS.items()},
        NO_ULTRASOUND: _shares(without, model),
        "situations": {name: _counts([r for r in reported if r["situation"] == name], model) for name in situations},
        "cases": {group: _cases([row for row in rows if row["group"] == group]) for group in (CALIBRATION, REPORT)},
        "spread": _spread(reported, model),
    }


def _cases(rows: Sequence[Row]) -> dict[str, int]:
    """How many go over a real head, how many such heads there are, and how many over the template."""
    real = [row for row in rows if _is_over_a_patient(row)]
    return {
        "over real heads": len({row["case"] for row in real}),
        "real heads": len({row["head"] for row in real}),
        "over the template": len({row["case"] for row in rows if row["head"] == TEMPLATE}),
    }


def _is_over_a_patient(row: Row) -> bool:
    return row["head"] not in (None, TEMPLATE)  # the benchmark's are over no head


def _is_direct(row: Row) -> bool:
    return bool(row["situation"] == DIRECT)


def _shares(rows: Sequence[Row], model: TrustModel) -> dict[str, Any]:
    wrong, exact = ([row for row in rows if test(row)] for test in (is_wrong, lambda row: error_of(row) < EXACT_MM))
    return {
        "wrong results not called good": _share(wrong, model, lambda verdict: verdict != "good"),
        "exact results called good": _share(exact, model, lambda verdict: verdict == "good"),
        "exact results called failed": _share(exact, model, lambda verdict: verdict == "failed"),
        "results": len(rows),
    }


def _share(rows: Sequence[Row], model: TrustModel, test: Callable[[Verdict], bool]) -> dict[str, Any]:
    hits = sum(test(verdict_of(row, model)[0]) for row in rows)
    low, high = wilson(hits, len(rows))
    return {"hits": hits, "of": len(rows), "interval": [round(low, 4), round(high, 4)]}


def wilson(hits: int, of: int, z: float = 1.959964) -> tuple[float, float]:
    """Wilson's 95 % interval of a share (1927)."""
    if of == 0:
        return 0.0, 1.0
    share, square = hits / of, z * z / of
    centre = (share + square / 2) / (1 + square)
    half = z * math.sqrt(share * (1 - share) / of + square / (4 * of)) / (1 + square)
    return max(centre - half, 0.0), min(centre + half, 1.0)


def _counts(rows: Sequence[Row], model: TrustModel) -> dict[str, Any]:
    errors = [error_of(row) for row in rows if error_of(row) < math.inf]
    verdicts = [verdict_of(row, model)[0] for row in rows]
    return {
        "results": len(rows),
        "wrong": sum(map(is_wrong, rows)),
        "wrong called good": sum(is_wrong(r) and v == "good" for r, v in zip(rows, verdicts, strict=True)),
        "median_error_mm": round(float(np.median(errors)), 2) if errors else None,
        **{verdict: verdicts.count(verdict) for verdict in VERDICTS},
    }


def _spread(rows: Sequence[Row], model: TrustModel) -> dict[str, Any]:
    """By verdict: what was expected and what was true, medians and 90th percentiles, where there is a truth."""
    found: dict[str, Any] = {}
    for verdict in VERDICTS:
        of = [row for row in rows if verdict_of(row, model)[0] == verdict and error_of(row) < math.inf]
        pairs = np.array([(verdict_of(row, model)[1], error_of(row)) for row in of]).reshape(-1, 2)
        names = ("expected_mm", "true_mm")
        found[verdict] = {
            name: [round(float(np.percentile(column, q)), 2) for q in (50, 90)] if len(column) else None
            for name, column in zip(names, pairs.T, strict=True)
        }
    return found


def words(table: dict[str, Any], model: TrustModel) -> str:
    """Markdown."""
    lines = ["# How far a registration is trusted", "", *_setting(table, model), ""]
    lines += ["| | wrong results not called good (goal 95 %) | exact called good | exact called failed (goal 5 %) |"]
    lines += ["|---|---|---|---|"]
    for name in (*ROWS, NO_ULTRASOUND):
        cells = [_cell(table[name][key]) for key in table[name] if key != "results"]
        lines.append(f"| {name} | " + " | ".join(cells) + " |")
    lines += [
        "",
        "Intervals: Wilson, 95 %. The calibration's own row is no evidence: it was fitted to it. Goal for exact",
    ]
    lines += [f"results of two or three contrasts: {100 * USEFUL:.0f} % good.", ""]
    lines += ["| situation | results | wrong | good | check | failed | wrong called good | median error (mm) |"]
    lines += ["|---|---|---|---|---|---|---|---|"]
    for name, row in table["situations"].items():
        error = "-" if row["median_error_mm"] is None else f"{row['median_error_mm']:.2f} mm"
        counts = " | ".join(str(row[key]) for key in ("results", "wrong", *VERDICTS, "wrong called good"))
        lines.append(f"| {name} | {counts} | {error} |")
    lines += ["", "| verdict | expected error, median (90 %) | true error, median (90 %) |", "|---|---|---|"]
    for name, row in table["spread"].items():
        lines.append(f"| {name} | {_pair(row['expected_mm'])} | {_pair(row['true_mm'])} |")
    made = table["provenance"]
    lines += [*_model_words(model), "", f"Made by commit {made['commit']} on {made['date']}, syntheses "]
    lines[-1] += f"{made['syntheses']}."
    return "\n".join([*lines, "", "![Expected against true error](trust.png)"]) + "\n"


def _setting(table: dict[str, Any], model: TrustModel) -> list[str]:
    """What was judged, and by whom."""
    fitted, judged = (_counted(table["cases"][group]) for group in (CALIBRATION, REPORT))
    if table["fitted"]:
        who = (
            f"Simulated sweeps: fitted on {fitted}; reported on {judged} (other patients, other "
            "warps of the template), and on the benchmark."
        )
    else:
        who = f"The model that ships, fitted on other cases, judges simulated sweeps: {judged}."
    return [
        who,
        "**No calibration on patients exists.** Wrong: over 3 mm off, or on another patient's MR. Exact: under 1.5 mm.",
        f"The panel's prior holds the pose near the start (standard deviations {NAVIGATION.translation_mm:g} mm and "
        f"{NAVIGATION.rotation_deg:g} degrees);",
        "some of the results were registered without it.",
        *([table["provenance"]["remark"]] if table["provenance"].get("remark") else []),
    ]


def _counted(cases: dict[str, int]) -> str:
    """In words."""
    return (
        f"{cases['over real heads']} over the heads of {cases['real heads']} patients and {cases['over the template']} "
        "over the MNI template"
    )


def _cell(share: dict[str, Any]) -> str:
    if not share["of"]:
        return "-"
    low, high = (100 * value for value in share["interval"])
    return f"{share['hits']}/{share['of']} = {100 * share['hits'] / share['of']:.0f} % ({low:.0f} to {high:.0f})"


def _pair(values: list[float] | None) -> str:
    return "-" if values is None else f"{values[0]:.2f} ({values[1]:.2f}) mm"


def _model_words(model: TrustModel) -> list[str]:
    lines = [
        "",
        "## The model",
        "",
        f"log(expected error) = {model.intercept:.2f} + the sum of weight x badness; badness runs from 0 at the "
        f"best to 1 at the worst value, and is {model.terms[0].if_missing:g} where the evidence is missing. Good below "
        f"{model.good_mm:.2f} mm, failed from {model.failed_mm:.2f} mm on. Where the witnesses who confirm a result "
        f"have more weight than the others, and more than {model.heard:g}, it has not failed; if they are two or more, "
        f"of {model.convincing:g} together, it may be good by their word alone.",
        "",
        "| evidence | best | worst | scale | weight |",
        "|---|---|---|---|---|",
    ]
    for term in sorted(model.terms, key=lambda t: -t.weight):
        scale = "logarithmic" if term.logarithmic else "linear"
        lines.append(f"| {term.name} | {term.best:g} | {term.worst:g} | {scale} | {term.weight:.2f} |")
    return lines
