"""From ultrasound to registered MR through the simulator, in the form of the paper's Table 3.

Methods: the MR straight to the ultrasound (squared local correlation; LC2), the MR to the synthetic image of its own
contrast, and all three together. All are rated at the same landmarks from the same displacements.
"""

from __future__ import annotations

import csv
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import SimpleITK as sitk
from mmhvae.files import whole_file
from mmhvae.images import MODALITIES
from mmhvae.registration import CasePairs, Channel, register_channels
from mmhvae.settings import NAVIGATION, PosePrior, RegistrationSettings
from scipy.stats import wilcoxon

from ..simulation import displace
from .evaluation import RANGES_MM, TARGETS, errors_by_range
from .syntheses import SynthesisedCase

Row = Mapping[str, Any]
Method = Callable[[SynthesisedCase, sitk.Euler3DTransform], sitk.Transform]

RANGES = tuple(f"{low}-{high}" for low, high in RANGES_MM)
SUCCESS_MM = 2.0  # as in the team's registration benchmark
TOGETHER = "all three together"
TABLE, WORDS, SINGLE = "registration.json", "registration.md", "registration.csv"
#: Mean (standard deviation) in mm of the paper's Table 3 by contrast: acquired iUS, and its own synthesis.
PAPER = {
    "t2": ("1.0 (0.9) | 1.5 (1.7) | 2.0 (2.7) | 7.3 (7.3)", "0.7 (0.2) | 1.3 (2.3) | 2.0 (3.4) | 7.3 (6.9)"),
    "cet1": ("12.6 (3.2) | 12.9 (3.7) | 14.6 (3.8) | 14.9 (4.0)", "2.3 (1.7) | 2.8 (2.4) | 3.2 (3.3) | 6.5 (5.0)"),
    "flair": ("8.9 (2.6) | 9.2 (3.0) | 9.4 (3.2) | 12.6 (4.4)", "1.8 (1.2) | 2.3 (2.1) | 4.4 (4.7) | 8.0 (6.5)"),
}


def direct(name: str) -> str:
    """The method that registers this contrast straight to the ultrasound."""
    return f"direct {name}"


def by_lc2(name: str) -> str:
    """The same by LC2."""
    return f"LC2 {name}"


def through(name: str) -> str:
    """The method that registers this contrast to its synthetic image."""
    return f"through {name}"


def methods(lc2: bool, device: str, prior: PosePrior | None) -> dict[str, Method]:
    """Name -> how a displaced MR is registered; ``prior``: around where it is displaced to, the start."""
    found: dict[str, Method] = {direct(name): _direct(name, device, prior) for name in TARGETS}
    if lc2:
        found |= {by_lc2(name): _case((name,), RegistrationSettings("direct", prior), device) for name in TARGETS}
    settings = RegistrationSettings(prior=prior)
    found |= {through(name): _case((name,), settings, device) for name in TARGETS}
    return found | {TOGETHER: _case(TARGETS, settings, device)}


def _direct(name: str, device: str, prior: PosePrior | None) -> Method:
    """By squared correlation, which only this table compares with."""

    def register(case: SynthesisedCase, motion: sitk.Euler3DTransform) -> sitk.Transform:
        moving = displace(case.simulated.preop[name], motion)
        channel = Channel(case.simulated.us, moving, case.synthesis.field_of_view, name=name)
        return register_channels([channel], device=device, prior=prior).transform

    return register


def _case(names: Sequence[str], settings: RegistrationSettings, device: str) -> Method:
    """As :func:`mmhvae.register_case`, without a verdict."""

    def register(case: SynthesisedCase, motion: sitk.Euler3DTransform) -> sitk.Transform:
        made = case.synthesis
        mrs = {name: displace(case.simulated.preop[name], motion) for name in names}
        pairs = CasePairs.of(case.simulated.us, mrs, settings, synthetic=made, mask=made.field_of_view)
        return pairs.register(device).transform

    return register


def evaluate(case: SynthesisedCase, method: Method) -> dict[str, dict[str, float]]:
    """Errors of one method on one case by range."""
    return errors_by_range(case.simulated, lambda motion: method(case, motion))


def compared(rows: Sequence[Row]) -> tuple[list[str], dict[str, dict[str, np.ndarray[Any, Any]]]]:
    """The cases that all methods have done, and method -> range -> (N,) errors in their order; and "before"."""
    names = list(dict.fromkeys(row["method"] for row in rows))
    of = {(row["case"], row["method"]): row["tre"] for row in rows}
    cases = sorted({case for case, _ in of if all((case, name) in of for name in names)})
    errors = {name: {r: np.array([of[case, name][r]["after"] for case in cases]) for r in RANGES} for name in names}
    if names:
        errors["before"] = {r: np.array([of[case, names[0]][r]["before"] for case in cases]) for r in RANGES}
    return cases, errors


def summary(rows: Sequence[Row]) -> dict[str, Any]:
    """Method -> range -> mean, standard deviation, median and success; and the paired tests."""
    cases, errors = compared(rows)
    table = {name: {r: _statistics(values) for r, values in by.items()} for name, by in errors.items()} if cases else {}
    pairs = [(through(name), direct(name)) for name in TARGETS] + [(TOGETHER, through(name)) for name in TARGETS]
    pairs += [(TOGETHER, by_lc2(name)) for name in TARGETS]
    tests = {
        f"{a} - {b}": {r: _paired(errors[a][r], errors[b][r]) for r in RANGES} for a, b in pairs if {a, b} <= set(table)
    }
    return {"cases": cases, "success_mm": SUCCESS_MM, "table": table, "wilcoxon": tests}


def _statistics(values: np.ndarray[Any, Any]) -> dict[str, float]:
    deviation = float(values.std(ddof=1)) if len(values) > 1 else 0.0
    numbers = {"mean": values.mean(), "sd": deviation, "median": np.median(values)}
    return {k: round(float(v), 3) for k, v in numbers.items()} | {"success": float((values < SUCCESS_MM).mean())}


def _paired(first: np.ndarray[Any, Any], second: np.ndarray[Any, Any]) -> dict[str, float]:
    """Median of the differences (mm) and p of the two-sided signed-rank test (Wilcoxon, 1945); 1 for no difference."""
    difference = first - second
    p = float(wilcoxon(difference).pvalue) if np.any(difference != 0) else 1.0
    return {"median_difference": round(float(np.median(difference)), 3), "p": float(f"{p:.2g}")}


def write_csv(rows: Sequence[Row], path: Path) -> None:
    """A line a case, method and range."""
    with whole_file(path) as temporary, temporary.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["case", "method", "range_mm", "displacement_mm", "tre_before_mm", "tre_after_mm"])
        for row in sorted(rows, key=lambda r: (r["case"], r["method"])):
            for name, tre in row["tre"].items():
                numbers = (f"{tre[key]:.3f}" for key in ("displacement", "before", "after"))
                writer.writerow([row["case"], row["method"], name, *numbers])


def words(found: Mapping[str, Any]) -> str:
    """Markdown."""
    table, made = found["table"], found["provenance"]
    lines = ["# From ultrasound to registered MR, through the simulator", ""]
    lines += [
        f"{len(found['cases'])} held-out simulated cases (seeds {made['seeds']}), of anatomy and settings that",
        "training never draws, displaced by medians from four ranges. Mean (standard deviation) / median over cases",
        f"of each case's mean TRE over its landmarks, in mm; then the share under {SUCCESS_MM:g} mm.",
        words_of_prior(made["prior"]),
        f"{made['network']}, syntheses {made['syntheses']}, images at {made['spacing_mm']:g} mm,",
        f"commit {made['commit']}.",
    ]
    for name in TARGETS:
        lines += ["", f"## {MODALITIES[name].name}", "", "| | " + " | ".join(f"{r} mm" for r in RANGES) + " |"]
        lines += ["|---|---|---|---|---|"]
        shown = {
            "before": "before",
            direct(name): "iUS itself",
            by_lc2(name): "iUS itself, LC2",
            through(name): "synthetic image",
        }
        shown |= {TOGETHER: "all three synthetic images together"}
        lines += [_line(label, table[key]) for key, label in shown.items() if key in table]
        acquired, translated = PAPER[name]
        lines += [
            f"| the paper, acquired iUS (patients) | {acquired} |",
            f"| the paper, its synthesis (patients) | {translated} |",
        ]
    lines += [
        "",
        "## Paired Wilcoxon signed-rank tests",
        "",
        "Median difference in mm (p); negative: the first is better.",
        "",
    ]
    lines += ["| | " + " | ".join(f"{r} mm" for r in RANGES) + " |", "|---|---|---|---|---|"]
    for name, by in found["wilcoxon"].items():
        cells = (f"{by[r]['median_difference']:+.2f} ({by[r]['p']:.2g})" for r in RANGES)
        lines.append(f"| {name} | " + " | ".join(cells) + " |")
    return "\n".join(lines) + "\n"


def words_of_prior(prior: Mapping[str, float] | None) -> str:
    """One or two lines on how far the start was taken to be off."""
    if prior is None:
        return "No prior on the pose: images alone decide, however far the result is from the start."
    usual = PosePrior(**prior) == NAVIGATION
    return (
        f"A prior holds the pose near the start, standard deviations {prior['translation_mm']:g} mm and "
        f"{prior['rotation_deg']:g} degrees,\nin every row{': what the panel does unless told otherwise' * usual}."
    )


def _line(label: str, by: Mapping[str, Mapping[str, float]]) -> str:
    cells = (
        f"{v['mean']:.1f} ({v['sd']:.1f}) / {v['median']:.2f}; {100 * v['success']:.0f} %"
        for v in (by[r] for r in RANGES)
    )
    return f"| {label} | " + " | ".join(cells) + " |"
