"""The additive model: worse or missing evidence never raises trust; what ships is whole and can explain itself."""

from __future__ import annotations

import math

import numpy as np
import pytest
from mmhvae.registration.trust.evidence import Evidence
from mmhvae.registration.trust.model import Term, TrustModel, shipped_model
from mmhvae.registration.trust.reasons import advised, reason, shown
from mmhvae.registration.trust.witnesses import Witness

FALLING = Term("margin_over_random", 6.0, 2.0, False, 1.0, 0.6)
RISING = Term("half_disagreement_mm", 0.5, 8.0, True, 2.0, 0.6)
MODEL = TrustModel(math.log(0.3), (FALLING, RISING), 1.0, 4.0, 0.1, 0.25, {})


@pytest.mark.parametrize(
    ("term", "value", "badness"),
    [
        (FALLING, 7.0, 0.0), (FALLING, 6.0, 0.0), (FALLING, 4.0, 0.5), (FALLING, 2.0, 1.0), (FALLING, -3.0, 1.0),
        (RISING, 0.0, 0.0), (RISING, 2.0, 0.5), (RISING, 30.0, 1.0), (RISING, math.nan, 0.6),
    ],
)  # fmt: skip
def test_badness_runs_from_best_to_worst(term: Term, value: float, badness: float) -> None:
    assert term.badness({term.name: value}) == pytest.approx(badness)
    assert term.badness({}) == 0.6


def test_expected_error_multiplies_and_verdicts_follow() -> None:
    best = {"margin_over_random": 9.0, "half_disagreement_mm": 0.1}
    assert MODEL.expected_error(best) == pytest.approx(0.3)
    assert MODEL.expected_error(best | {"half_disagreement_mm": 2.0}) == pytest.approx(0.3 * math.e)
    assert [MODEL.verdict(x) for x in (0.99, 1.0, 3.99, 4.0)] == ["good", "check", "check", "failed"]


@pytest.mark.parametrize("model", [MODEL, shipped_model()], ids=["small", "shipped"])
def test_worse_evidence_never_raises_trust(model: TrustModel) -> None:
    rng = np.random.default_rng(0)
    for _ in range(50):
        evidence = {t.name: float(rng.uniform(*sorted((t.best, t.worst)))) for t in model.terms}
        for term in model.terms:
            worse = evidence | {term.name: evidence[term.name] + rng.uniform() * (term.worst - term.best)}
            assert model.expected_error(worse) >= model.expected_error(evidence) - 1e-12


def test_missing_evidence_is_no_better_than_an_exact_results() -> None:
    for term in shipped_model().terms:
        assert term.weight > 0
        assert term.if_missing >= 0.5
    best = {term.name: term.best for term in shipped_model().terms}
    for name in best:
        less = {key: value for key, value in best.items() if key != name}
        assert shipped_model().expected_error(less) > shipped_model().expected_error(best)


def test_every_piece_of_evidence_has_its_sentence() -> None:
    """The one that speaks most against a result is said, with its number where it has one."""
    model = shipped_model()
    best = {term.name: term.best for term in model.terms}
    sentences = set()
    for term in model.terms:
        alone = TrustModel(0.0, (term,), 0.1, 0.2, 0.1, 0.25, {})
        found = Evidence(best | {term.name: term.worst}, ("t2", "flair"), ("t2", "cet1"), "cet1")
        sentences.add(reason(alone, found, "failed"))
        assert reason(alone, Evidence({}), "check").endswith(".")
    assert len(sentences) == len(model.terms)
    assert all(sentence.endswith(".") and sentence.count(". ") == 0 for sentence in sentences)


def test_two_contrasts_are_named_with_their_distance() -> None:
    model = TrustModel(0.0, (Term("contrast_disagreement_mm", 0.5, 8.0, True, 1.0, 0.6),), 1.5, 3.0, 0.1, 0.25, {})
    found = Evidence({"contrast_disagreement_mm": 4.04}, farthest=("t2", "cet1"))
    assert reason(model, found, "check") == "T2 and ceT1 disagree by 4.0 mm."
    assert shown("") == "MR"


def test_a_result_that_fits_badly_says_what_may_be_mixed_up() -> None:
    said, low, high = "The match is loose.", Evidence({"weakest_margin": 2.3}), Evidence({"weakest_margin": 2.6})
    assert (
        advised(said, low, "failed")
        == f"{said} Check that each MR is the contrast that it is named, and of this patient."
    )
    assert advised(said, low, "check") != said
    for found, verdict in ((low, "good"), (high, "failed"), (Evidence({}), "failed")):
        assert advised(said, found, verdict) == said
    assert advised("It fits nowhere; check that it is the T2.", low, "failed").count("heck that") == 1
    lost = Evidence({"weakest_margin": 0.9}, weakest="flair")
    assert advised("T2 and ceT1 agree.", lost, "good") == (
        "T2 and ceT1 agree. The FLAIR itself hardly fits; check that it is the FLAIR of this patient."
    )


@pytest.mark.parametrize(
    ("distances", "verdict", "is_advised"),
    [
        ((9.0, 12.0), "failed", True),
        ((9.0, 0.5), "failed", False),
        ((9.0,), "failed", False),  # one route is no witness
        ((9.0, 12.0), "check", False),
    ],
)
def test_a_failed_result_that_no_route_ends_at_says_what_may_be_mixed_up(distances, verdict, is_advised) -> None:
    witnesses = [Witness(name, distance, 3.0, 0.5) for name, distance in zip(("t2", "us"), distances, strict=False)]
    found = Evidence({"weakest_margin": 4.0}, witnesses=witnesses)
    assert ("Check that each MR" in advised("The match is loose.", found, verdict)) == is_advised
