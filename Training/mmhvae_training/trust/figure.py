"""Expected against true error, simulated and on a patient: the report's picture."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from matplotlib.figure import Figure
from mmhvae.files import whole_file
from mmhvae.registration import TrustModel

from .fit import WRONG_MM, Row, error_of
from .report import VERDICTS, verdict_of
from .run import REPORT

#: Told apart by colour-blind eyes, and by shape.
COLOURS, MARKERS = (
    {"good": "#0072b2", "check": "#e69f00", "failed": "#d55e00"},
    {"good": "o", "check": "s", "failed": "x"},
)
#: Where results without a truth are drawn (mm), and the ends of both axes.
NO_TRUTH, ENDS, EXPECTED_ENDS = 60.0, (0.05, 80.0), (0.1, 25.0)


def draw(rows: Sequence[Row], patient: Sequence[Row], model: TrustModel, path: Path) -> None:
    """The report's rows on the left; on the right a patient's (see :mod:`.patient`), filled where by synthesis."""
    figure = Figure(figsize=(13, 6), layout="constrained")
    left, right = figure.subplots(1, 2, sharey=True)
    _scatter(left, [row for row in rows if row["group"] == REPORT and not row["refused"]], model, True)
    left.set_title("Simulated sweeps that the calibration never saw")
    left.text(0.01, NO_TRUTH * 1.06, "another patient's MR", transform=left.get_yaxis_transform(), fontsize=8)
    for route, filled in (("synthesis", True), ("direct", False)):
        _scatter(right, [row for row in patient if row["route"] == route], model, filled)
    right.set_title("A patient (Case2 of RESECT): filled through synthesis, hollow LC2 alone")
    for axis in (left, right):
        axis.axhspan(WRONG_MM, ENDS[1], color="black", alpha=0.06)
        axis.axhline(WRONG_MM, color="black", linewidth=1)
        axis.plot(ENDS, ENDS, color="grey", linewidth=0.7)
        for edge in (model.good_mm, model.failed_mm):
            axis.axvline(edge, color="grey", linestyle=":", linewidth=1)
        axis.set(xscale="log", yscale="log", xlim=EXPECTED_ENDS, ylim=ENDS, xlabel="expected error (mm)")
        axis.text(0.01, WRONG_MM * 1.08, "wrong: over 3 mm", transform=axis.get_yaxis_transform(), fontsize=9)
    left.set_ylabel("true error (mm)")
    left.legend(title="verdict", loc="lower right")
    with whole_file(path) as temporary:
        figure.savefig(temporary, dpi=90, format="png")


def _scatter(axis: Any, rows: Sequence[Row], model: TrustModel, filled: bool) -> None:
    for verdict in VERDICTS:
        chosen = [row for row in rows if verdict_of(row, model)[0] == verdict]
        expected = [verdict_of(row, model)[1] for row in chosen]
        true = [min(error_of(row), NO_TRUTH) for row in chosen]
        inside = COLOURS[verdict] if filled or MARKERS[verdict] == "x" else "none"
        edge = {} if MARKERS[verdict] == "x" else {"edgecolors": COLOURS[verdict]}
        name = f"{verdict} ({len(chosen)})"
        axis.scatter(expected, true, c=inside, marker=MARKERS[verdict], s=30, label=name, **edge)
