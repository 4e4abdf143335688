"""The calibration for people: a table in Markdown, the same numbers as JSON, and a figure."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from mmhvae.files import whole_file, write_text

from .features import DEPTH_BANDS
from .measure import Measured, separations

GOAL = 0.80  # a simulator is good enough when the classifier's balanced accuracy is no higher
DIGITS = 4  # significant ones that are kept
FEATURES, TABLE, WORDS, FIGURE = "features.json", "calibration.json", "calibration.md", "calibration.png"
REAL_COLOUR, SIMULATED_COLOUR = "#b2182b", "#2166ac"


def summary(measured: Sequence[Measured], spacing: float | None) -> dict[str, Any]:
    """What ``calibration.json`` holds: every number rounded, remade from ``features.json`` alone."""
    found = {name: asdict(separation) for name, separation in separations(list(measured)).items()}
    return {"goal": GOAL, "spacing_mm": spacing, **_rounded(found)}


def write_report(measured: Sequence[Measured], spacing: float | None, folder: Path) -> dict[str, Any]:
    """Write features, table, words and figure into ``folder``; returns the table."""
    folder.mkdir(parents=True, exist_ok=True)
    rows = _rounded([m.to_json() for m in measured])
    kept = [Measured(**row) for row in rows]
    table = summary(kept, spacing)
    write_text(json.dumps({"spacing_mm": spacing, "cases": rows}, indent=1) + "\n", folder / FEATURES)
    write_text(json.dumps(table, indent=1) + "\n", folder / TABLE)
    write_text(words(table), folder / WORDS)
    draw(kept, folder / FIGURE)
    return table


def words(table: Mapping[str, Any]) -> str:
    """Markdown: both classifiers, families alone, and the features that differ most."""
    at = "their own spacing" if table["spacing_mm"] is None else f"{table['spacing_mm']:.2f} mm"
    lines = ["# Simulated against real ultrasound", "", f"At {at}, cross-validated by case; 50 % is chance.", ""]
    lines += [
        "| classifier on | cases real + simulated | samples | balanced accuracy (95 %) | real | simulated | goal |"
    ]
    lines += ["|---|---|---|---|---|---|---|"]
    for name in ("volumes", "patches"):
        lines.append(_classifier_line(name, table[name]))
    for name in ("volumes", "patches"):
        lines += ["", f"## By what: {name}", "", "| features alone | balanced accuracy |", "|---|---|"]
        lines += [f"| {family} | {100 * value:.0f} % |" for family, value in table[name]["families"].items()]
        lines += ["", "| feature | family | real | simulated | effect (d) | ROC area | coefficient |"]
        lines += ["|---|---|---|---|---|---|---|"]
        lines += [_feature_line(row) for row in table[name]["differences"]]
    return "\n".join(lines) + "\n"


def _classifier_line(name: str, row: Mapping[str, Any]) -> str:
    low, high = (100 * value for value in row["interval"])
    met = "met" if row["accuracy"] <= GOAL else "missed"
    return (
        f"| {name} | {row['cases_real']} + {row['cases_simulated']} | {row['samples_real']} + "
        f"{row['samples_simulated']} | {100 * row['accuracy']:.0f} % ({low:.0f} to {high:.0f}) | "
        f"{100 * row['recall_real']:.0f} % | {100 * row['recall_simulated']:.0f} % | {met} |"
    )


def _feature_line(row: Mapping[str, Any]) -> str:
    return (
        f"| {row['feature']} | {row['family']} | {row['real']:.3g} | {row['simulated']:.3g} | {row['effect']:+.2f} "
        f"| {row['area']:.2f} | {row['coefficient']:+.2f} |"
    )


def draw(measured: Sequence[Measured], path: Path) -> None:
    """Histogram, grey with depth, contrast spectrum: median and band; correlation lengths and outline: points."""
    figure = Figure(figsize=(15, 8), layout="constrained")
    axes = figure.subplots(2, 3).ravel()
    bands = range(1, DEPTH_BANDS + 1)
    depths = [f"{n}/{DEPTH_BANDS}" for n in bands]
    contrast = [name for name in measured[0].volume if name.startswith("contrast")]
    _bands(axes[0], measured, lambda m: m.histogram, "density of grey (network's input, 0 to 1)")
    _bands(axes[1], measured, lambda m: [m.volume[f"mean at depth {d}"] for d in depths], "grey with depth / mean")
    _bands(axes[2], measured, lambda m: [m.volume[f"spread at depth {d}"] for d in depths], "spread with depth / mean")
    _bands(axes[3], measured, lambda m: [m.volume[name] for name in contrast], "local contrast / mean")
    axes[0].set_xticks(*_grey_ticks(len(measured[0].histogram)))
    for axis in axes[1:3]:
        axis.set_xticks(range(DEPTH_BANDS), depths)
    axes[3].set_xticks(range(len(contrast)), [name.removeprefix("contrast ") for name in contrast])
    _points(axes[4], measured, "lateral length", "axial length", " (mm)")
    _points(axes[5], measured, "share of grid", "volume ml", "")
    figure.suptitle("Real (red) against simulated (blue): median, and 10 to 90 % of the volumes")
    with whole_file(path) as temporary:
        figure.savefig(temporary, dpi=90, format="png")


def _grey_ticks(bins: int) -> tuple[list[float], list[str]]:
    shares = [0.0, 0.25, 0.5, 0.75, 1.0]
    return [share * bins - 0.5 for share in shares], [f"{share:g}" for share in shares]


def _bands(axis: Axes, measured: Sequence[Measured], of: Callable[[Measured], list[float]], title: str) -> None:
    for real, colour in ((False, SIMULATED_COLOUR), (True, REAL_COLOUR)):
        rows = np.array([of(m) for m in measured if m.real == real])
        low, middle, high = np.percentile(rows, (10, 50, 90), axis=0)
        axis.fill_between(range(len(middle)), low, high, color=colour, alpha=0.2)
        axis.plot(middle, color=colour, label=f"{'real' if real else 'simulated'} ({len(rows)})")
    axis.set_title(title, fontsize=10)
    axis.set_ylim(bottom=0)
    axis.legend(fontsize=8)


def _points(axis: Axes, measured: Sequence[Measured], across: str, upwards: str, unit: str) -> None:
    for real, colour in ((False, SIMULATED_COLOUR), (True, REAL_COLOUR)):
        chosen = [m.volume for m in measured if m.real == real]
        axis.scatter([v[across] for v in chosen], [v[upwards] for v in chosen], color=colour, s=18)
    axis.set(xlabel=across + unit, ylabel=upwards + unit)


def _rounded(value: Any) -> Any:
    """Every number to so many significant digits, so that another processor's rounding changes nothing."""
    if isinstance(value, float):
        return float(f"{value:.{DIGITS}g}")
    if isinstance(value, Mapping):
        return {key: _rounded(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_rounded(item) for item in value]
    return value
