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
from matplotlib.figure import Figure
from mmhvae.files import whole_file, write_text
from mmhvae.registration import NAVIGATION, SHIPPED, Evidence, TrustModel, Verdict, conclude, read_model, worst_error

from .fit import EXACT_MM, WRONG_MM, Row, error_of, fit, is_wrong, usable, without_ultrasound
from .run import CALIBRATION, REPORT

TRIALS, MODEL, TABLE, WORDS, FIGURE = "trials.json", "trust.json", "report.json", "report.md", "trust.png"
NEVER_SILENT, USEFUL = 0.95, 0.80  # the goals: wrong results not called good, exact ones called good
WITHOUT, FITTED = "report without prior", "calibration, with prior and without"
ROWS = ("report", "report without ultrasound", "report with one contrast", WITHOUT, FITTED)
VERDICTS: tuple[Verdict, ...] = ("good", "check", "failed")
#: Told apart by colour-blind eyes, and by shape.
COLOURS, MARKERS = (
    {"good": "#0072b2", "check": "#e69f00", "failed": "#d55e00"},
    {"good": "o", "check": "s", "failed": "x"},
)
KEPT = (
    "group",
    "case",
    "situation",
    "seed",
    "prior",
    "contrasts",
    "reach_mm",
    "donor",
    "error_mm",
    "refused",
    "evidence",
)


def write_report(rows: Sequence[Row], folder: Path, provenance: dict[str, Any]) -> TrustModel:
    """Fit on the calibration's rows, report on the others, write all of it into ``folder``; returns the model."""
    rows = sorted(({key: row[key] for key in KEPT} for row in rows), key=lambda r: (r["group"], r["case"]))
    fitted = [row for row in rows if row["group"] == CALIBRATION]
    provenance = provenance | {
        "date": date.today().isoformat(),
        "cases": sorted({row["case"] for row in fitted}),
        "results": len(usable(fitted)),
        "patients": 0,
    }
    model = fit(fitted, provenance)
    folder.mkdir(parents=True, exist_ok=True)
    _write(folder / TRIALS, rows, per_line=True)
    _write(folder / MODEL, model.to_json())
    table = summary(rows, model)
    _write(folder / TABLE, table)
    write_text(words(table, model), folder / WORDS)
    draw(rows, model, folder / FIGURE)
    return model


def read_report(folder: Path) -> tuple[list[dict[str, Any]], TrustModel, dict[str, Any]]:
    """Rows, model and table as :func:`write_report` wrote them."""
    rows, table = (json.loads((folder / name).read_text(encoding="utf-8")) for name in (TRIALS, TABLE))
    return rows, read_model(folder / MODEL), table


def ship(folder: Path) -> None:
    """Put the model of a report into the core."""
    shutil.copyfile(folder / MODEL, SHIPPED)


def _write(path: Path, value: Any, per_line: bool = False) -> None:
    text = "[\n" + ",\n".join(json.dumps(item) for item in value) + "\n]" if per_line else json.dumps(value, indent=1)
    write_text(text + "\n", path)


def verdict_of(row: Row, model: TrustModel) -> tuple[Verdict, float]:
    """Verdict and expected error (mm) of a row's evidence."""
    if len(row["evidence"]) <= 1:  # overlap alone: too little of it
        return "failed", worst_error(model)
    verdict, expected, _ = conclude(model, Evidence(row["evidence"]))
    return verdict, expected


def summary(rows: Sequence[Row], model: TrustModel) -> dict[str, Any]:
    """What ``report.json`` holds."""
    rows = [row for row in rows if not row["refused"]]
    without = [row for row in rows if row["group"] == REPORT and not row["prior"]]
    reported = [row for row in rows if row["group"] == REPORT and row["prior"]]
    situations = dict.fromkeys(row["situation"] for row in reported)
    return {
        "goals": {"wrong results not called good": NEVER_SILENT, "exact results called good": USEFUL},
        "report": _shares(reported, model),
        "report without ultrasound": _shares([without_ultrasound(row) for row in reported], model),
        "report with one contrast": _shares([row for row in reported if len(row["contrasts"]) == 1], model),
        WITHOUT: _shares(without, model),
        FITTED: _shares([row for row in rows if row["group"] == CALIBRATION], model),
        "situations": {name: _counts([r for r in reported if r["situation"] == name], model) for name in situations},
        "cases": {
            group: len({row["case"] for row in rows if row["group"] == group}) for group in (CALIBRATION, REPORT)
        },
        "spread": _spread(reported, model),
    }


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
    cases = table["cases"]
    lines = [
        "# How far a registration is trusted",
        "",
        f"Fitted on {cases[CALIBRATION]} cases of the training range and the benchmark, reported on {cases[REPORT]}",
        "others (simulator settings that training never draws; repeats of the benchmark that calibration never saw).",
        "**No calibration on patients exists.** Wrong: over 3 mm off, or on another patient's MR. Exact: under 1.5 mm.",
        f"A prior held the pose near the start (standard deviations {NAVIGATION.translation_mm:g} mm and "
        f"{NAVIGATION.rotation_deg:g} degrees), as the panel does unless told",
        "otherwise; every trial was also registered without it, for the fit and for the row that says so.",
        "",
        "| | wrong results not called good (goal 95 %) | exact results called good (goal 80 %) | exact called failed |",
        "|---|---|---|---|",
    ]
    for name in ROWS:
        row = table[name]
        cells = [_cell(row[key]) for key in row if key != "results"]
        lines.append(f"| {name} | " + " | ".join(cells) + " |")
    lines += ["", "Intervals: Wilson, 95 %. The calibration's own row is no evidence: it was fitted to it.", ""]
    lines += [
        "| situation (report) | results | wrong | good | check | failed | wrong called good | median error (mm) |"
    ]
    lines += ["|---|---|---|---|---|---|---|---|"]
    for name, row in table["situations"].items():
        error = "-" if row["median_error_mm"] is None else f"{row['median_error_mm']:.2f} mm"
        counts = " | ".join(str(row[key]) for key in ("results", "wrong", *VERDICTS, "wrong called good"))
        lines.append(f"| {name} | {counts} | {error} |")
    lines += ["", "| verdict (report) | expected error, median (90 %) | true error, median (90 %) |", "|---|---|---|"]
    for name, row in table["spread"].items():
        lines.append(f"| {name} | {_pair(row['expected_mm'])} | {_pair(row['true_mm'])} |")
    lines += ["", "## The model", "", _model_words(model), "", "| evidence | best | worst | scale | weight |"]
    lines += ["|---|---|---|---|---|"]
    for term in sorted(model.terms, key=lambda t: -t.weight):
        scale = "logarithmic" if term.logarithmic else "linear"
        lines.append(f"| {term.name} | {term.best:g} | {term.worst:g} | {scale} | {term.weight:.2f} |")
    made = model.provenance
    lines += ["", f"Made by commit {made['commit']} on {made['date']}, syntheses {made['syntheses']}.", ""]
    lines += ["![Expected against true error](trust.png)"]
    return "\n".join(lines) + "\n"


def _cell(share: dict[str, Any]) -> str:
    if not share["of"]:
        return "-"
    low, high = (100 * value for value in share["interval"])
    return f"{share['hits']}/{share['of']} = {100 * share['hits'] / share['of']:.0f} % ({low:.0f} to {high:.0f})"


def _pair(values: list[float] | None) -> str:
    return "-" if values is None else f"{values[0]:.2f} ({values[1]:.2f}) mm"


def _model_words(model: TrustModel) -> str:
    return (
        f"log(expected error) = {model.intercept:.2f} + the sum of weight x badness; badness runs from 0 at the "
        f"best to 1 at the worst value, and is {model.terms[0].if_missing:g} where the evidence is missing. Good below "
        f"{model.good_mm:.2f} mm, failed from {model.failed_mm:.2f} mm on."
    )


def draw(rows: Sequence[Row], model: TrustModel, path: Path) -> None:
    """Expected against true error of the report's results, a colour and a shape a verdict."""
    figure = Figure(figsize=(8, 6.5), layout="constrained")
    axis = figure.subplots()
    reported = [row for row in rows if row["group"] == REPORT and row["prior"] and not row["refused"]]
    top = 60.0  # where results without a truth are drawn
    for verdict in VERDICTS:
        chosen = [row for row in reported if verdict_of(row, model)[0] == verdict]
        expected = [verdict_of(row, model)[1] for row in chosen]
        true = [min(error_of(row), top) for row in chosen]
        axis.scatter(
            expected, true, c=COLOURS[verdict], marker=MARKERS[verdict], s=34, label=f"{verdict} ({len(chosen)})"
        )
    axis.axhspan(WRONG_MM, 80, color="black", alpha=0.06)
    axis.axhline(WRONG_MM, color="black", linewidth=1)
    for edge in (model.good_mm, model.failed_mm):
        axis.axvline(edge, color="grey", linestyle=":", linewidth=1)
    axis.set(xscale="log", yscale="log", ylim=(0.05, 80), xlabel="expected error (mm)", ylabel="true error (mm)")
    axis.text(0.01, WRONG_MM * 1.08, "wrong: over 3 mm", transform=axis.get_yaxis_transform(), fontsize=9)
    axis.text(0.01, top * 1.06, "another patient's MR", transform=axis.get_yaxis_transform(), fontsize=8)
    axis.set_title("Registrations of cases that the calibration never saw")
    axis.legend(title="verdict", loc="lower right")
    with whole_file(path) as temporary:
        figure.savefig(temporary, dpi=100, format="png")
