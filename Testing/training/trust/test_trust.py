"""The calibration of trust: the committed report follows from its rows, and the shipped model is the reported one."""

from __future__ import annotations

import json
import math
from dataclasses import asdict
from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk
from mmhvae.exceptions import InputError
from mmhvae.registration.landmarks import target_registration_error
from mmhvae.registration.trust.model import SHIPPED
from mmhvae.registration.trust.witnesses import Witness, weighed
from mmhvae.settings import NAVIGATION, PosePrior
from mmhvae_training.judging.evaluation import TARGETS, EvaluationCase
from mmhvae_training.judging.syntheses import Synthesis, SynthesisedCase
from mmhvae_training.records import read_all_lines, write_line
from mmhvae_training.trust import fit as fitting, report as reporting, run as running
from mmhvae_training.trust.inputs import cut, half_turned, middle, misnamed, set_up, spoilt
from mmhvae_training.trust.run import CALIBRATION, REPORT, TRIAL_SHAPE, key_of, planned
from mmhvae_training.trust.trials import (
    BENCHMARK,
    CORRUPT,
    DIRECT,
    MISNAMED,
    ONE_CONTRAST,
    PARTIAL,
    TEMPLATE,
    WITHIN,
    WRONG_PATIENT,
    Trial,
    trials_of,
)

CARD = Path(__file__).resolve().parents[3] / "Training" / "cards" / "trust"


@pytest.fixture(scope="module")
def card() -> tuple[list[dict], fitting.TrustModel, dict]:
    return reporting.read_report(CARD)


def test_what_ships_is_what_was_reported(card) -> None:
    assert json.loads(SHIPPED.read_text()) == json.loads((CARD / reporting.MODEL).read_text())
    assert card[1].provenance["patients"] == 0


def test_the_table_follows_from_the_rows(card) -> None:
    rows, model, table = card
    told = {key: table[key] for key in ("provenance", "fitted")}
    assert json.loads(json.dumps(reporting.summary(rows, model))) | told == table
    assert reporting.words(table, model) == (CARD / reporting.WORDS).read_text()


def test_the_report_is_over_real_heads_and_reaches_its_goals(card) -> None:
    """No result over 3 mm is called good, what is exact is not thrown away, and most of it is good."""
    table = card[2]
    assert table["fitted"]
    wrong, failed = (
        table["report"][f"{kind} results {called}"]
        for kind, called in (("wrong", "not called good"), ("exact", "called failed"))
    )
    useful = table["of these, two or three contrasts"]["exact results called good"]
    assert table["cases"][REPORT]["over real heads"] > table["cases"][REPORT]["over the template"]
    heads = {group: {row["head"] for row in card[0] if row["group"] == group} for group in (CALIBRATION, REPORT)}
    assert heads[CALIBRATION] & heads[REPORT] <= {TEMPLATE, None}
    assert wrong["of"] >= 60
    assert wrong["hits"] / wrong["of"] >= reporting.NEVER_SILENT
    assert failed["hits"] / failed["of"] <= 0.05
    assert useful["hits"] / useful["of"] >= reporting.USEFUL


def test_the_coefficients_follow_from_the_calibrations_rows(card) -> None:
    rows, model, _ = card
    again = fitting.fit([row for row in rows if row["group"] == CALIBRATION], model.provenance)
    assert [term.name for term in again.terms] == [term.name for term in model.terms]
    for new, old in zip(again.terms, model.terms, strict=True):
        assert (new.best, new.worst) == (old.best, old.worst)
        assert new.weight == pytest.approx(old.weight, abs=2e-3)
    for name in ("good_mm", "failed_mm", "heard", "convincing"):
        assert getattr(again, name) == pytest.approx(getattr(model, name), rel=0.02), name


def test_no_case_is_in_both_groups(card) -> None:
    groups = {name: {row["case"] for row in card[0] if row["group"] == name} for name in (CALIBRATION, REPORT)}
    assert groups[CALIBRATION]
    assert groups[REPORT]
    assert not groups[CALIBRATION] & groups[REPORT]
    assert set(card[1].provenance["cases"]) == groups[CALIBRATION]


@pytest.mark.parametrize(
    ("hits", "of", "low", "high"), [(0, 0, 0, 1), (0, 10, 0, 0.2775), (10, 10, 0.7225, 1), (81, 263, 0.2553, 0.3662)]
)
def test_wilson_intervals(hits: int, of: int, low: float, high: float) -> None:
    """Against published values (Newcombe, 1998, for 81 of 263)."""
    assert reporting.wilson(hits, of) == pytest.approx((low, high), abs=2e-4)


def row(case: str, error: float | None, rng: np.random.Generator, noise: float = 0.2) -> dict:
    size = math.log(20 if error is None else error)
    evidence = {
        "half_disagreement_mm": math.exp(size + noise * rng.normal()),
        "margin_over_random": 5 - size + noise * rng.normal(),
        "similarity": rng.uniform(),  # says nothing
    }
    return {
        "group": CALIBRATION,
        "case": case,
        "error_mm": error,
        "refused": "",
        "evidence": evidence,
        "contrasts": TARGETS,
    }


def test_the_fit_orders_results_by_their_error() -> None:
    rng = np.random.default_rng(0)
    errors = [0.3, 0.5, 0.9, 2.0, 6.0, 15.0, None]
    rows = [row(f"case-{n}", error, rng) for n in range(12) for error in errors]
    model = fitting.fit(rows, {})
    assert all(term.weight > 0 for term in model.terms)
    expected = {e: np.median([model.expected_error(r["evidence"]) for r in rows if r["error_mm"] == e]) for e in errors}
    assert sorted(expected.values()) == list(expected.values())
    wrong = [model.verdict(model.expected_error(r["evidence"])) for r in rows if fitting.is_wrong(r)]
    assert wrong.count("good") <= 0.05 * len(wrong)
    assert fitting.is_wrong({"error_mm": None})
    assert not fitting.is_wrong({"error_mm": 3.0})


def test_evidence_that_speaks_the_wrong_way_is_left_out() -> None:
    rng = np.random.default_rng(1)
    rows = [row(f"case-{n}", error, rng) for n in range(6) for error in (0.4, 10.0)]
    for r in rows:
        r["evidence"]["rival"] = 1 / r["error_mm"]  # rises where the result is right
    assert fitting.unweighted("rival", rows) is None
    assert fitting.unweighted("half_disagreement_mm", rows) is not None
    assert fitting.unweighted("ultrasound_margin", rows) is None


def witnessed(error: float, distances: tuple[float, float], strength: float = 0.5) -> dict:
    witnesses = [Witness(name, mm, 6.0, strength) for name, mm in zip(("t2", "us"), distances, strict=True)]
    return {"error_mm": error, "evidence": {}, "witnesses": [asdict(each) for each in witnesses]}


def test_what_witnesses_may_carry_is_more_than_confirms_what_is_wrong() -> None:
    least = fitting.HEARD_AT_LEAST, fitting.CONVINCING_AT_LEAST
    right, wrong = witnessed(0.5, (0.4, 0.6)), [witnessed(9.0, (9.0, 8.0)) for _ in range(20)]
    assert fitting.carrying([right, *wrong]) == fitting.carrying([right]) == least
    direct = witnessed(9.0, (1.0, 1.0)) | {"evidence": {"unsynthesised": 1.0}}
    assert fitting.carrying([*wrong, direct]) == least
    split = witnessed(9.0, (1.0, 9.0))  # one for, one against
    assert fitting.carrying([*wrong, split]) == least
    fooled = [witnessed(9.0, (1.0, 2.0), 0.4) for _ in range(5)]
    heard, convincing = fitting.carrying([*wrong, *fooled])
    assert heard == convincing == pytest.approx(0.8)


def test_trials_are_the_same_every_time_and_cover_every_situation() -> None:
    cases = ["case-07000", "case-07001", "case-07002"]
    trials = trials_of(cases, 2, report=True, head=False)
    assert trials == trials_of(cases, 2, report=True, head=False)
    assert len({trial.key for trial in trials}) == len(trials)
    assert {trial.donor for trial in trials if trial.situation == WRONG_PATIENT} == {"case-07000"}
    counts = [len(t.contrasts) for t in trials if t.situation == WRONG_PATIENT]
    assert sorted(counts) == [1, 3]
    alone = {
        t.contrasts
        for n in range(3)
        for t in trials_of(cases, n, report=True, head=False)
        if t.situation == ONE_CONTRAST
    }
    assert alone == {(name,) for name in TARGETS}
    assert [len(t.contrasts) for t in trials if t.situation == WITHIN] == [3, 2]
    assert {t.method for t in trials if t.situation == DIRECT} == {"direct"}
    priors = [{t.situation: t.prior for t in trials_of(cases, n, True, False)} for n in range(2)]
    assert all({of[name] for of in priors} == {NAVIGATION, None} for name in priors[0])
    todo = planned(cases[:2], [cases[2], "case-07003"], benchmark=True, head=True)
    assert len({trial.key for _, trial in todo}) == len(todo)
    for _, trial in todo:
        assert key_of(json.loads(json.dumps(trial.to_json()))) == trial.key
    assert {group for group, _ in todo[:20]} == {CALIBRATION, REPORT}
    repeats = {
        group: {t.case for g, t in todo if g == group and t.situation == BENCHMARK} for group in (CALIBRATION, REPORT)
    }
    assert not repeats[CALIBRATION] & repeats[REPORT]


def test_lines_from_before_priors_are_refused_in_a_sentence(tmp_path) -> None:
    line = {"group": REPORT, **trials_of(["case-1", "case-2"], 0, True, False)[0].to_json()}
    line |= {"error_mm": 1.0, "refused": "", "evidence": {"overlap": 1.0}}
    write_line(tmp_path / "trials-0.jsonl", line)
    assert key_of(read_all_lines(tmp_path, "trials", TRIAL_SHAPE)[0])
    write_line(tmp_path / "trials-0.jsonl", {name: value for name, value in line.items() if name != "prior"})
    with pytest.raises(InputError, match=r"^Line 2 of .*trials-0\.jsonl .*prior is missing.*; remove that line"):
        read_all_lines(tmp_path, "trials", TRIAL_SHAPE)


@pytest.mark.parametrize("prior", [None, PosePrior(7.0, 3.0)])
def test_the_trials_prior_holds_the_pose_and_is_told_to_trust(case, prior) -> None:
    trial = Trial("case-1", WITHIN, ("t2",), (8.0, 12.0), seed=4, prior=prior)
    setup = set_up(trial, case, None)
    assert setup.pairs.settings.prior == prior
    outcome = running.outcome(setup, "cpu")
    assert ("prior_deviations" in outcome["evidence"]) == (prior is not None)


def test_the_report_keeps_results_with_and_without_a_prior_apart(card) -> None:
    shared = {"group": REPORT, "situation": WITHIN, "refused": "", "contrasts": ["t2"], "evidence": {"overlap": 0.0}}
    rows = [
        {**shared, "case": f"case-{n}", "error_mm": error, "prior": prior, "head": ("a", TEMPLATE)[n % 2]}
        for prior, errors in ((asdict(NAVIGATION), (9.0, 9.0, 1.0)), (None, (9.0,)))
        for n, error in enumerate(errors)
    ]
    rows.append({**shared, "case": "case-9", "group": CALIBRATION, "error_mm": 9.0, "prior": None, "head": None})
    table = reporting.summary(rows, card[1])
    wrong = {name: table[name]["wrong results not called good"]["of"] for name in reporting.ROWS}
    assert wrong == dict(zip(reporting.ROWS, (3, 0, 3, 0, 2, 0, 1, 2, 1, 1), strict=True))
    assert [*table["cases"][CALIBRATION].values()] == [0, 0, 0]
    assert table["cases"][REPORT] == {"over real heads": 2, "real heads": 1, "over the template": 1}
    assert table["situations"][WITHIN]["results"] == 4


def test_without_the_ultrasound_its_witness_is_not_heard() -> None:
    said = [Witness("t2", 1.0, 6.0, 0.5), Witness("us", 9.0, 6.0, 0.5)]
    evidence = {"similarity": 0.4, "ultrasound_margin": 3.0} | weighed(said)
    held = {"evidence": evidence, "witnesses": [asdict(each) for each in said]}
    left = fitting.without_ultrasound(held)
    assert left["evidence"] == {"similarity": 0.4} | weighed(said[:1])
    assert [each["name"] for each in left["witnesses"]] == ["t2"]
    assert fitting.witnesses_of(held, {"t2": 0.9})[0].strength == 0.9


def picture(seed: int, size: tuple[int, int, int] = (40, 36, 44)) -> sitk.Image:
    white = sitk.GetImageFromArray(np.random.default_rng(seed).standard_normal(size[::-1]).astype(np.float32))
    image = sitk.SmoothingRecursiveGaussian(white, 3.0)
    image = image - sitk.GetArrayViewFromImage(image).min() + 1.0
    image.SetOrigin((-20.0, 10.0, 5.0))
    return image


@pytest.fixture(scope="module")
def case() -> SynthesisedCase:
    """Images of noise; the ultrasound fills half of its grid."""
    us = picture(0)
    mask = sitk.Image(us.GetSize(), sitk.sitkUInt8)
    mask.CopyInformation(us)
    mask[8:32, 6:30, 10:34] = 1
    us = us * sitk.Cast(mask, sitk.sitkFloat32)
    images = {name: picture(seed + 1) for seed, name in enumerate(TARGETS)}
    landmarks = np.array([[-5.0, 25.0, 25.0], [3.0, 28.0, 30.0], [0.0, 22.0, 33.0]])
    preop = {name: picture(seed + 11) for seed, name in enumerate(TARGETS)}
    identity = sitk.Transform(3, sitk.sitkIdentity)
    simulated = EvaluationCase("case-1", us, images, mask, preop, identity, landmarks, 1)
    return SynthesisedCase(simulated, Synthesis(images, images, mask))


def test_a_trial_displaces_every_mr_and_its_truth_alike(case) -> None:
    trial = Trial("case-1", WITHIN, TARGETS, (8.0, 12.0), seed=4)
    setup = set_up(trial, case, None)
    assert setup.truth is not None
    moved = target_registration_error(sitk.Euler3DTransform(), setup.landmarks, setup.truth)
    assert 6 < np.median(moved) < 15
    for channel in setup.pairs.channels:
        for point, there in zip(setup.landmarks.tolist(), setup.truth.tolist(), strict=True):
            original = case.simulated.preop[channel.name].TransformPhysicalPointToContinuousIndex(point)
            assert channel.moving.TransformPhysicalPointToContinuousIndex(there) == pytest.approx(original, abs=1e-6)
    assert set_up(trial, case, None).truth.tolist() == setup.truth.tolist()


def test_another_patient_has_no_truth(case) -> None:
    setup = set_up(Trial("case-1", WRONG_PATIENT, ("t2",), (0.0, 4.0), "case-2", 1), case, case.simulated.preop)
    assert setup.truth is None
    assert len(setup.pairs.channels) == 1


def test_a_head_turned_back_to_front_stays_where_it_is(case) -> None:
    turned = half_turned(case.simulated.preop)
    for name, image in turned.items():
        original = case.simulated.preop[name]
        assert middle(image) == pytest.approx(middle(original), abs=1e-6)
        assert np.reshape(image.GetDirection(), (3, 3)) == pytest.approx(np.diag([-1, -1, 1]), abs=1e-9)


def test_an_mr_ends_inside_the_field_of_view(case) -> None:
    left = cut(case.simulated.preop, case, np.random.default_rng(0))
    inside = sitk.GetArrayFromImage(case.synthesis.field_of_view) > 0
    for name, image in left.items():
        kept = sitk.GetArrayFromImage(image)[inside] > 0
        assert 0.25 < kept.mean() < 0.75, name
    setup = set_up(Trial("case-1", PARTIAL, TARGETS, (0.0, 4.0), seed=2), case, None)
    assert any((sitk.GetArrayFromImage(channel.moving) == 0).any() for channel in setup.pairs.channels)


def test_names_are_swapped_and_nothing_else(case) -> None:
    for seed in range(6):
        preop = case.simulated.preop
        swapped = misnamed(preop, np.random.default_rng(seed))
        moved = [name for name in preop if swapped[name] is not preop[name]]
        assert len(moved) in (2, 3)
        assert {id(image) for image in swapped.values()} == {id(image) for image in preop.values()}
    assert set_up(Trial("case-1", MISNAMED, TARGETS, (0.0, 4.0), seed=2), case, None).truth is not None


def test_spoilt_syntheses_are_wrong_at_the_same_places(case) -> None:
    wrong = spoilt(case, np.random.default_rng(3))
    inside = sitk.GetArrayFromImage(case.synthesis.field_of_view) > 0
    changed = [
        sitk.GetArrayFromImage(wrong[name]) != sitk.GetArrayFromImage(case.synthesis.images[name]) for name in TARGETS
    ]
    assert all(0.45 < c[inside].mean() < 0.96 for c in changed)
    assert (changed[0] == changed[1]).mean() > 0.99
    assert not changed[0][~inside].any()
    assert set_up(Trial("case-1", CORRUPT, ("t2",), (0.0, 4.0), seed=2), case, None).truth is not None


def test_rows_of_other_cases_are_not_fitted_nor_reported_on():
    def row(case: str, group: str, situation: str = WITHIN) -> dict[str, str]:
        return {"case": case, "group": group, "situation": situation}

    wanted = [row("a", CALIBRATION), row("b", REPORT), row("pair-1-2-3", REPORT, BENCHMARK)]
    others = [row("c", CALIBRATION), row("b", CALIBRATION), row("a", REPORT, DIRECT)]
    assert running.rows_of([*others, *wanted], {"a": 1}, {"b": 1}) == wanted
