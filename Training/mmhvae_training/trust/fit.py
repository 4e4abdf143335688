"""Fits the additive model of trust to trials with known errors, and chooses its thresholds.

Weights are found by ridge regression of the logarithm of the error under the condition that none is negative: evidence
that is worse never raises trust, whatever chance says in a small set. Thresholds are chosen on errors predicted for
cases that the weights did not see.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from typing import Any

import numpy as np
from mmhvae.registration import ULTRASOUND, Term, TrustModel, Witness, confirming_weight, weighed
from numpy.typing import NDArray
from scipy.optimize import lsq_linear

Row = dict[str, Any]

#: Errors (mm) that the report asks about: wrong results, and exact ones.
WRONG_MM, EXACT_MM = 3.0, 1.5
#: Errors count from and up to here: no evidence of this kind tells a pose more exactly, and results that were expected
#: nearer were too sure of themselves. The end also stands for another patient's MR, for which no pose is right.
LEAST_MM, MOST_MM = 0.5, 20.0
#: Evidence that may enter: whether on a logarithmic scale, and whether more of it is worse.
FEATURES = {
    "similarity": (False, False),
    "margin_over_random": (False, False),
    "weakest_margin": (False, False),
    "rival": (False, True),
    "flattest_mm": (True, True),
    "start_disagreement_mm": (True, True),
    "contrast_disagreement_mm": (True, True),
    "nearest_contrasts_mm": (True, True),
    "half_disagreement_mm": (True, True),
    "ultrasound_margin": (False, False),
    "ultrasound_disagreement_mm": (True, True),
    "synthesis_uncertainty": (False, True),
    "weighed_witnesses_mm": (True, True),
    "second_witness_mm": (True, True),
}
#: What is missing without the ultrasound: every row is also fitted, and reported, without.
OF_ULTRASOUND = ("ultrasound_margin", "ultrasound_disagreement_mm")
IF_MISSING = 0.6
#: Enough to spread the weight over pieces of evidence that say the same: any one of them can be fooled.
RIDGE = 0.3
#: A result is never called good with a larger expected error (mm) than this, nor only to be checked with a larger one
#: than that, whatever the calibration allows.
GOOD_AT_MOST, CHECK_AT_MOST = 2.0, 8.0
#: Witnesses that confirm a result by less weight than these are not heard, or do not convince, whatever the
#: calibration allows: a fifth, and half, of one plain optimum of a contrast as strong as is usual.
HEARD_AT_LEAST, CONVINCING_AT_LEAST = 0.1, 0.25
#: Of the calibration's wrong results this share at most may be heard.
HEARD_BUT_WRONG = 0.05
#: Of the calibration's wrong results this share at most may be called good; of its failed ones that share at least must
#: be wrong.
GOOD_BUT_WRONG, FAILED_AND_WRONG = 0.02, 0.95


def usable(rows: Sequence[Row]) -> list[Row]:
    """The rows of registrations that were not refused and of which there is more than too little overlap to tell."""
    return [row for row in rows if len(row["evidence"]) > 1]


def error_of(row: Row) -> float:
    """Millimetres; infinite where no pose would be right."""
    return math.inf if row["error_mm"] is None else float(row["error_mm"])


def is_wrong(row: Row) -> bool:
    """More than 3 mm off, or on another patient's MR."""
    return error_of(row) > WRONG_MM


def without_ultrasound(row: Row) -> Row:
    """The same row as if there had been no ultrasound to compare with, and so no LC2 among the witnesses."""
    left = {name: value for name, value in row["evidence"].items() if name not in OF_ULTRASOUND}
    return restated(row | {"evidence": left}, [each for each in witnesses_of(row) if each.name != ULTRASOUND])


def witnesses_of(row: Row, strength: Mapping[str, float] | None = None) -> list[Witness]:
    """Who was asked about the result; ``strength`` by contrast in place of what was known when it was made."""
    held = [Witness(**each) for each in row.get("witnesses", ())]
    return [replace(each, strength=(strength or {}).get(each.name, each.strength)) for each in held]


def restated(row: Row, witnesses: Sequence[Witness]) -> Row:
    """The row as if these had been its witnesses."""
    before = weighed([Witness("", 0.0, 0.0, 0.0)] * 2)
    left = {name: value for name, value in row["evidence"].items() if name not in before}
    return row | {"evidence": left | weighed(witnesses), "witnesses": [asdict(each) for each in witnesses]}


def fit(rows: Sequence[Row], provenance: dict[str, Any]) -> TrustModel:
    """The model of these rows, its thresholds chosen on predictions for cases left out in turn."""
    rows = augmented(usable(rows))
    predicted = left_out_predictions(rows)
    good, failed = thresholds(predicted, np.array([is_wrong(row) for row in rows]))
    heard, convincing = carrying(rows)
    return replace(
        fit_weights(rows), good_mm=good, failed_mm=failed, heard=heard, convincing=convincing, provenance=provenance
    )


def augmented(rows: Sequence[Row]) -> list[Row]:
    """The rows, and again without the ultrasound where they had it."""
    return [*rows, *(without_ultrasound(row) for row in rows if OF_ULTRASOUND[0] in row["evidence"])]


def left_out_predictions(rows: Sequence[Row]) -> NDArray[np.float64]:
    """(N,) mm: expected errors by models fitted without the row's case."""
    predicted = np.zeros(len(rows))
    cases = np.array([row["case"] for row in rows])
    for case in sorted(set(cases)):
        model = fit_weights([row for row in rows if row["case"] != case])
        for index in np.flatnonzero(cases == case).tolist():
            predicted[index] = model.expected_error(rows[index]["evidence"])
    return predicted


def fit_weights(rows: Sequence[Row]) -> TrustModel:
    """Weights of the terms; nothing else is chosen yet."""
    terms = [term for term in (unweighted(name, rows) for name in FEATURES) if term is not None]
    target = np.log(np.clip([error_of(row) for row in rows], LEAST_MM, MOST_MM))
    design = np.array([[term.badness(row["evidence"]) for term in terms] for row in rows])
    wrong = np.array([is_wrong(row) for row in rows])
    balance = np.where(wrong, 0.5 / max(wrong.mean(), 1e-9), 0.5 / max(1 - wrong.mean(), 1e-9)) / len(rows)
    weights, intercept = nonnegative(design, target, balance)
    weighted = (
        Term(t.name, t.best, t.worst, t.logarithmic, round(float(w), 4), t.if_missing)
        for t, w in zip(terms, weights, strict=True)
    )
    kept = tuple(term for term in weighted if term.weight > 0)
    return TrustModel(round(intercept, 4), kept, good_mm=0, failed_mm=0, heard=0, convincing=0, provenance={})


def unweighted(name: str, rows: Sequence[Row]) -> Term | None:
    """The ends of one piece of evidence: the better half of exact results' to the worse half of wrong ones'.

    None where wrong results do not look worse by it.
    """
    logarithmic, more_is_worse = FEATURES[name]
    values = {
        kind: [row["evidence"][name] for row in rows if name in row["evidence"] and accept(row)]
        for kind, accept in (("exact", lambda row: error_of(row) < EXACT_MM), ("wrong", is_wrong))
    }
    if not values["exact"] or not values["wrong"]:
        return None
    sign = 1 if more_is_worse else -1
    best = sign * float(np.percentile(sign * np.array(values["exact"]), 25))
    worst = sign * float(np.percentile(sign * np.array(values["wrong"]), 75))
    if sign * (worst - best) <= 0:
        return None
    return Term(name, float(f"{best:.3g}"), float(f"{worst:.3g}"), logarithmic, 0.0, IF_MISSING)


def nonnegative(
    design: NDArray[np.float64], target: NDArray[np.float64], balance: NDArray[np.float64]
) -> tuple[NDArray[np.float64], float]:
    """(F,) weights of at least 0 and the intercept of a ridge regression, rows weighted by ``balance``."""
    features = design.shape[1]
    root = np.sqrt(balance)[:, None]
    matrix = np.concatenate(
        [np.c_[design, np.ones(len(design))] * root, np.c_[np.eye(features), np.zeros(features)] * RIDGE]
    )
    aim = np.concatenate([target * root[:, 0], np.zeros(features)])
    lower = np.r_[np.zeros(features), -np.inf]
    solution = lsq_linear(matrix, aim, bounds=(lower, np.full(features + 1, np.inf))).x
    return np.where(solution[:-1] > 1e-3, solution[:-1], 0.0), float(solution[-1])


def thresholds(predicted: NDArray[np.float64], wrong: NDArray[np.bool_]) -> tuple[float, float]:
    """Expected errors (mm) below which a result is good, and from which on it has failed."""
    good = min(float(np.quantile(predicted[wrong], GOOD_BUT_WRONG)), GOOD_AT_MOST)
    candidates = np.sort(predicted[predicted > good])
    failed = next((c for c in candidates if wrong[predicted >= c].mean() >= FAILED_AND_WRONG), math.inf)
    return round(good, 3), round(float(min(max(failed, 1.5 * good), CHECK_AT_MOST)), 3)


def carrying(rows: Sequence[Row]) -> tuple[float, float]:
    """Weights of confirming witnesses above which a result is heard, and from which on it convinces.

    No wrong result of the calibration is confirmed by so much, but for the shares that ``HEARD_BUT_WRONG`` and
    ``GOOD_BUT_WRONG`` allow. Straight to the ultrasound the one route confirms nothing, whatever it weighs.
    """
    asked = [row for row in rows if is_wrong(row) and row.get("witnesses") and not row["evidence"].get("unsynthesised")]
    weights = [confirming_weight(witnesses_of(row)) for row in asked] or [0.0]
    heard, convincing = (
        max(float(np.quantile(weights, 1 - share)), least)
        for share, least in ((HEARD_BUT_WRONG, HEARD_AT_LEAST), (GOOD_BUT_WRONG, CONVINCING_AT_LEAST))
    )
    return round(heard, 3), round(convincing, 3)
