"""From evidence to an expected error and a verdict: a small additive model whose every number can be read.

Each piece of evidence becomes a badness from 0 to 1 between two ends, on a linear or logarithmic scale; the logarithm
of the expected error is a weighted sum of them, with weights of at least 0: worse evidence never raises trust. Evidence
that is missing counts as `if_missing`, well above what good registrations show, so that knowing less never raises it
either. `Training/studies/calibrate_trust.py` fits weights and thresholds and writes `trust.json`.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from ...answers import Verdict

SHIPPED = Path(__file__).with_name("trust.json")


@dataclass(frozen=True)
class Term:
    """What one piece of evidence adds.

    Attributes:
        name: of the evidence, with its unit.
        best, worst: the values at which the badness is 0 and 1; `worst` may be the smaller one.
        logarithmic: the badness rises with the value's logarithm.
        weight: what a badness of 1 adds to the logarithm of the expected error; 0 or more.
        if_missing: the badness of evidence that is not there.
    """

    name: str
    best: float
    worst: float
    logarithmic: bool
    weight: float
    if_missing: float

    def badness(self, evidence: Mapping[str, float]) -> float:
        """0 (as in the best registrations) to 1 (as in wrong ones)."""
        value = evidence.get(self.name, math.nan)
        if math.isnan(value):
            return self.if_missing
        best, worst = self.best, self.worst
        if self.logarithmic:
            best, worst, value = (math.log(max(number, 1e-6)) for number in (best, worst, value))
        return min(max((value - best) / (worst - best), 0.0), 1.0)


@dataclass(frozen=True)
class TrustModel:
    """The calibrated model.

    Attributes:
        intercept: logarithm of the error (mm) expected where all evidence is as good as it gets.
        terms: what each piece of evidence adds.
        good_mm: a result with a smaller expected error is good.
        failed_mm: a result with this expected error or more has failed.
        heard, convincing: weights of the witnesses that confirm a result (:mod:`.witnesses`), above which it is not
            thrown away, and from which on it may be good, whatever the terms say.
        provenance: where the numbers come from.
    """

    intercept: float
    terms: tuple[Term, ...]
    good_mm: float
    failed_mm: float
    heard: float
    convincing: float
    provenance: dict[str, Any]

    def expected_error(self, evidence: Mapping[str, float]) -> float:
        """Millimetres."""
        return math.exp(self.intercept + sum(self.contributions(evidence).values()))

    def contributions(self, evidence: Mapping[str, float]) -> dict[str, float]:
        """What each piece of evidence adds to the logarithm of the expected error."""
        return {term.name: term.weight * term.badness(evidence) for term in self.terms}

    def verdict(self, expected_error: float) -> Verdict:
        """The word for an expected error in mm."""
        if expected_error < self.good_mm:
            return "good"
        return "check" if expected_error < self.failed_mm else "failed"

    def to_json(self) -> dict[str, Any]:
        """What :func:`read_model` reads."""
        return asdict(self)


def read_model(path: Path = SHIPPED) -> TrustModel:
    """The model in a JSON file; by default the one that ships with the software."""
    held = json.loads(path.read_text(encoding="utf-8"))
    return TrustModel(**held | {"terms": tuple(Term(**term) for term in held["terms"])})


@lru_cache(maxsize=1)
def shipped_model() -> TrustModel:
    """:func:`read_model`, read once."""
    return read_model()
