"""Trust: what is right is called good, what is wrong is not, and the sentence says why."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import replace

import numpy as np
import pytest
import SimpleITK as sitk
import torch
from mmhvae.exceptions import Cancelled, InputError
from mmhvae.images.transforms import exp_se3, to_euler, to_matrix
from mmhvae.registration.channels import Channel
from mmhvae.registration.problem import RigidProblem
from mmhvae.registration.rigid import RigidResult, register_channels
from mmhvae.registration.trust.assessment import Trust, assess, conclude, veto
from mmhvae.registration.trust.evidence import Evidence, answered
from mmhvae.registration.trust.inquiry import Answer, Inquiry, Question, margin
from mmhvae.registration.trust.model import shipped_model
from mmhvae.registration.trust.witnesses import Witness
from mmhvae.settings import PosePrior

Sampler = Callable[..., sitk.Image]
Threads = Callable[[int], None]
POSE = sitk.Euler3DTransform((0.0, 0.0, 0.0), 0.05, -0.04, 0.06, (3.0, -2.0, 2.0))
ELSEWHERE = sitk.TranslationTransform(3, (400.0, -300.0, 500.0))
CONTRASTS = {"t2": lambda x: x, "cet1": lambda x: np.exp(-(x**2)), "flair": lambda x: np.sin(3 * x)}
SIZE, LARGER, RADIUS = (52, 50, 48), (76, 74, 72), 24.0


def noisy(image: sitk.Image, seed: int, amount: float) -> sitk.Image:
    """With smooth noise, in units of the image's own spread: a synthesis is never right everywhere."""
    array = sitk.GetArrayFromImage(image)
    white = sitk.GetImageFromArray(np.random.default_rng(seed).standard_normal(array.shape).astype(np.float32))
    noise = sitk.GetArrayFromImage(sitk.SmoothingRecursiveGaussian(white, 2.0))
    result = sitk.GetImageFromArray((array + amount * array.std() * noise / noise.std()).astype(np.float32))
    result.CopyInformation(image)
    return result


@pytest.fixture
def threads() -> Iterator[Threads]:
    """Sets how many threads torch has, until the test ends."""
    before = torch.get_num_threads()
    yield torch.set_num_threads
    torch.set_num_threads(before)


@pytest.fixture(scope="module")
def mask(sample: Sampler) -> sitk.Image:
    """A ball, uint8, on the fixed images' grid."""
    image = sample(SIZE)
    index = np.stack(np.meshgrid(*map(np.arange, SIZE[::-1]), indexing="ij"), -1)[..., ::-1]
    points = index + np.array(image.GetOrigin())
    result = sitk.GetImageFromArray((np.linalg.norm(points, axis=-1) < RADIUS).astype(np.uint8))
    result.CopyInformation(image)
    return result


@pytest.fixture(scope="module")
def ultrasound(sample: Sampler) -> sitk.Image:
    return noisy(sample(SIZE, contrast=lambda x: 2 * x), 9, 0.5)


@pytest.fixture(scope="module")
def channels(sample: Sampler, mask: sitk.Image) -> list[Channel]:
    """Three contrasts of one scene, the moving ones displaced by one pose."""
    return [
        Channel(
            noisy(sample(SIZE, contrast=contrast), seed, 0.5),
            sample(LARGER, pose=POSE, contrast=contrast),
            mask,
            signed=True,
            name=name,
        )
        for seed, (name, contrast) in enumerate(CONTRASTS.items())
    ]


@pytest.fixture(scope="module")
def result(channels: list[Channel]) -> RigidResult:
    return register_channels(channels, device="cpu")


@pytest.fixture(scope="module")
def right(channels: list[Channel], result: RigidResult, ultrasound: sitk.Image, mask: sitk.Image) -> Trust:
    return assess(channels, result, None, ultrasound, mask, device="cpu")


def test_a_right_result_is_good_and_says_what_agrees(right: Trust, result: RigidResult) -> None:
    assert np.abs(to_matrix(result.transform) @ to_matrix(POSE) - np.eye(4)).max() < 0.5
    assert right.verdict == "good", right
    assert 0 < right.expected_error_mm < shipped_model().good_mm
    assert "agree within" in right.reason
    assert {term.name for term in shipped_model().terms} - set(right.evidence) <= {"synthesis_uncertainty"}
    assert right.moved_mm == pytest.approx(np.linalg.norm([3, -2, 2]), abs=1.5)
    assert right.moved_deg == pytest.approx(np.rad2deg(np.linalg.norm([0.05, -0.04, 0.06])), abs=0.7)


def test_every_route_is_a_witness_and_none_follows_a_wrong_result(
    channels: list[Channel], result: RigidResult, ultrasound: sitk.Image, mask: sitk.Image, right: Trust
) -> None:
    assert [witness.name for witness in right.witnesses] == [*CONTRASTS, "us"]
    assert all(witness.agrees for witness in right.witnesses)
    away = to_matrix(result.transform) @ exp_se3(np.array([0.0, 0.05, 0.0, 6.0, -4.0, 3.0]))
    wrong = replace(result, transform=to_euler(away, np.zeros(3)))
    trust = assess(channels, wrong, None, ultrasound, mask, device="cpu")
    assert sum(witness.agrees for witness in trust.witnesses) <= 1
    assert trust.evidence["second_witness_mm"] > 5
    assert trust.verdict != "good"


def test_a_contrasts_strength_weighs_its_word(channels: list[Channel], result: RigidResult, right: Trust) -> None:
    rated = assess([replace(channels[0], strength=0.9), channels[1]], result, device="cpu")
    assert [witness.strength for witness in rated.witnesses] == [0.9, right.witnesses[1].strength]
    assert rated.witnesses[0].distance_mm == pytest.approx(right.witnesses[0].distance_mm, abs=0.05)


def test_the_same_question_gets_the_same_answer(
    channels: list[Channel], result: RigidResult, ultrasound: sitk.Image, mask: sitk.Image, right: Trust
) -> None:
    assert assess(channels, result, None, ultrasound, mask, device="cpu") == right


def test_less_evidence_is_less_trust(channels: list[Channel], result: RigidResult, right: Trust) -> None:
    without = assess(channels, result, device="cpu")
    assert "ultrasound_disagreement_mm" not in without.evidence
    assert without.expected_error_mm > right.expected_error_mm
    alone = assess(channels[:1], result, device="cpu")
    assert "contrast_disagreement_mm" not in alone.evidence
    assert alone.expected_error_mm > without.expected_error_mm


def test_one_route_is_no_witness_however_well_it_agrees_with_itself(
    channels: list[Channel], result: RigidResult, ultrasound: sitk.Image, mask: sitk.Image
) -> None:
    alone = assess(channels[:1], result, device="cpu")
    assert alone.evidence["start_disagreement_mm"] < 1
    assert alone.verdict == "check"
    confirmed = assess(channels[:1], result, None, ultrasound, mask, device="cpu")
    assert confirmed.evidence["ultrasound_disagreement_mm"] < 3
    assert confirmed.verdict == "good", confirmed


def test_lc2_alone_is_checked_at_best(
    channels: list[Channel], result: RigidResult, ultrasound: sitk.Image, mask: sitk.Image
) -> None:
    """Several MRs under one LC2 are still one route."""
    direct = [replace(c, fixed=ultrasound, signed=False) for c in channels]
    assert assess(direct, result, None, ultrasound, mask, device="cpu").verdict != "good"


def test_another_patients_mr_is_never_good(
    sample: Sampler, channels: list[Channel], ultrasound: sitk.Image, mask: sitk.Image
) -> None:
    wrong = [replace(c, moving=sample(LARGER, pose=ELSEWHERE, contrast=CONTRASTS[c.name])) for c in channels]
    found = register_channels(wrong, device="cpu")
    trust = assess(wrong, found, None, ultrasound, mask, device="cpu")
    assert trust.verdict != "good", trust
    assert trust.expected_error_mm > shipped_model().good_mm


def test_an_mr_of_another_contrast_than_named_lowers_trust(
    channels: list[Channel], ultrasound: sitk.Image, mask: sitk.Image, right: Trust
) -> None:
    misnamed = [channels[0], replace(channels[1], moving=channels[2].moving), channels[2]]
    trust = assess(misnamed, register_channels(misnamed, device="cpu"), None, ultrasound, mask, device="cpu")
    assert trust.expected_error_mm > 1.2 * right.expected_error_mm
    assert trust.evidence["weakest_margin"] < right.evidence["weakest_margin"] / 2


def test_no_overlap_has_failed(channels: list[Channel], result: RigidResult) -> None:
    away = replace(result, transform=to_euler(exp_se3(np.array([0, 0, 0, 300.0, 0, 0])), np.zeros(3)))
    trust = assess(channels, away, device="cpu")
    assert trust.verdict == "failed"
    assert trust.reason == "Only 0 % of the ultrasound lies inside the T2."
    assert trust.expected_error_mm >= shipped_model().failed_mm
    assert trust.moved_mm == pytest.approx(300, abs=0.1)


def test_a_result_the_navigation_rules_out_is_checked(
    right: Trust, channels: list[Channel], result: RigidResult
) -> None:
    sure = assess(channels, result, prior=PosePrior(0.3, 0.3), device="cpu")
    assert sure.evidence["prior_deviations"] > 3
    assert sure.verdict != "good"
    assert assess(channels, result, prior=PosePrior(5, 5), device="cpu").evidence["prior_deviations"] < 1


VETOED = {"overlap": 1.0, "converged": 1.0, "similarity_gain": 0.1, "nearest_contrasts_mm": 1.0}


@pytest.mark.parametrize(
    ("change", "verdict", "words"),
    [
        ({}, None, ""),
        ({"overlap": 0.1}, "failed", "10 %"),
        ({"overlap": 0.3}, "check", "30 %"),
        ({"converged": 0.0}, "check", "come to rest"),
        ({"similarity_gain": -0.01}, "check", "less well"),
        ({"similarity_gain": -1e-5}, None, ""),
        ({"prior_deviations": 4.0}, "check", "navigation"),
        ({"nearest_contrasts_mm": 3.5, "ultrasound_disagreement_mm": 4.0}, "check", "Only one route"),
        ({"nearest_contrasts_mm": 3.5, "ultrasound_disagreement_mm": 2.0}, None, ""),
        ({"ultrasound_disagreement_mm": 2.0, "agreeing_witnesses": 1.0}, "check", "Only one route"),
        ({"ultrasound_disagreement_mm": 2.0, "agreeing_witnesses": 2.0}, None, ""),
        ({"unsynthesised": 1.0}, "check", "Only one route"),
        ({"weakest_margin": 0.9}, "check", "at random positions"),
    ],
)
def test_vetoes_outweigh_all_agreement(right: Trust, change: dict[str, float], verdict: str | None, words: str) -> None:
    objection = veto(VETOED | change)
    assert (objection is None) == (verdict is None)
    model = shipped_model()
    found = Evidence(right.evidence | VETOED | change, ("t2", "flair"), ("t2", "cet1"), "flair")
    concluded, expected, reason = conclude(model, found)
    assert concluded == (verdict or "good")
    assert words in reason
    assert model.verdict(expected) == concluded  # the number never contradicts the word


LC2, FLAIR = Witness("us", 0.6, 6.9, 0.5), Witness("flair", 1.2, 1.0, 0.5)
ASTRAY = replace(FLAIR, distance_mm=20.0)


@pytest.mark.parametrize(
    ("witnesses", "change", "verdict", "words"),
    [
        ([], {}, "failed", ""),
        ([LC2], {}, "check", "the ultrasound itself 0.6 mm from here"),
        ([LC2, FLAIR], {}, "good", "FLAIR and the ultrasound itself, each alone, agree within 1.2 mm"),
        ([LC2, ASTRAY], {}, "check", "outweigh the others. Yet: "),
        ([replace(LC2, margin=0.5), ASTRAY], {}, "failed", ""),
        ([LC2, FLAIR], {"weighed_witnesses_mm": 9.0}, "failed", ""),
        ([LC2, FLAIR], {"weighed_witnesses_mm": 3.0}, "check", "Yet: "),
        ([LC2, FLAIR], {"overlap": 0.1}, "failed", "10 %"),
        ([LC2, FLAIR], {"converged": 0.0}, "check", "Yet: The registration did not come to rest"),
        ([LC2, replace(FLAIR, strength=0.4)], {"weakest_margin": 0.5}, "good", "agree within"),
        ([LC2, FLAIR], {"weakest_margin": 0.5}, "check", "Yet: One MR fits hardly better"),  # not known to be weak
        ([LC2, replace(FLAIR, strength=0.4, margin=0.9)], {"weakest_margin": 0.5}, "check", "Yet: One MR fits hardly"),
        ([LC2], {"weakest_margin": 0.5}, "check", "outweigh the others. Yet: "),
        ([LC2, FLAIR], {"unsynthesised": 1.0}, "failed", ""),
    ],
)
def test_witnesses_that_outweigh_the_others_carry_a_result(
    witnesses: list[Witness], change: dict[str, float], verdict: str, words: str
) -> None:
    """Whatever else speaks against it, short of a veto: one to be looked at, two of weight to be good."""
    model = shipped_model()
    worst = {term.name: term.worst for term in model.terms} | {"overlap": 1.0, "converged": 1.0, "similarity_gain": 0.1}
    fine = {"weakest_margin": 2.0, "weighed_witnesses_mm": 1.5}
    found = Evidence(worst | fine | change, ("t2", "flair"), ("t2", "cet1"), "flair", witnesses[::-1])
    concluded, expected, reason = conclude(model, found)
    assert concluded == verdict == model.verdict(expected)
    assert words in reason


def test_margin_counts_deviations() -> None:
    assert margin(np.array([5.0, 1.0, -1.0, 1.0, -1.0])) == pytest.approx(5)


def test_answers_do_not_depend_on_how_many_are_asked_at_once(
    channels: list[Channel], result: RigidResult, ultrasound: sitk.Image, mask: sitk.Image, threads: Threads
) -> None:
    problem, found = RigidProblem(channels[:2], result.transform, "cpu"), []
    poses = problem.start @ exp_se3(np.random.default_rng(0).normal(0, [0.1] * 3 + [6] * 3, (8, 6)))
    by_channel = problem.evaluate_channels(np.concatenate([problem.start[None], poses]), 3)
    inquiry = Inquiry(problem, poses, problem.start[None], by_channel, by_channel.mean(axis=0), 0.5, ultrasound, mask)
    for workers in (1, 3):
        threads(workers)
        found.append(Evidence())
        assert len(answered(inquiry.questions(), problem.device, lambda share, text: None, found[-1])) == 2
    assert found[0] == found[1]
    assert [witness.name for witness in found[0].witnesses] == ["t2", "cet1", "us"]
    wanted = {"ultrasound_margin", "ultrasound_disagreement_mm", "start_disagreement_mm", "rival", "flattest_mm"}
    assert set(found[0].values) == wanted | {"half_disagreement_mm"}


def test_a_question_that_fails_ends_the_others(threads: Threads) -> None:
    def stands_still(still: Callable[[float], None]) -> Answer:
        while True:
            still(0.5)
            time.sleep(0.01)

    def fails(still: Callable[[float], None]) -> Answer:
        raise InputError("no")

    threads(2)
    asked = [Question("a", stands_still), Question("b", fails)]
    with pytest.raises(InputError, match="no"):
        answered(asked, torch.device("cpu"), lambda share, text: None, Evidence())


def test_work_is_cancelled(channels: list[Channel], result: RigidResult) -> None:
    def stop(fraction: float, message: str) -> None:
        if fraction > 0.3:
            raise Cancelled

    with pytest.raises(Cancelled):
        assess(channels, result, device="cpu", progress=stop)


def test_an_empty_mask_is_refused(channels: list[Channel], result: RigidResult, mask: sitk.Image) -> None:
    with pytest.raises(InputError, match="empty"):
        assess([replace(channels[0], fixed_mask=mask * 0)], result, device="cpu")


def test_part_of_a_view_keeps_its_centre(channels: list[Channel]) -> None:
    problem = RigidProblem(channels[:1], device="cpu")
    half = problem.narrowed(lambda points: points[:, 0] > 0)
    assert np.array_equal(half.start, problem.start)
    assert half.evaluate(half.start[None]) != problem.evaluate(problem.start[None])
    whole = problem.narrowed(lambda points: points[:, 0] > -1e3)
    assert whole.evaluate(whole.start[None]) == problem.evaluate(problem.start[None])
    with pytest.raises(InputError, match="Too little"):
        problem.narrowed(lambda points: points[:, 0] > 1e3)


def test_against_the_ultrasound_it_is_lc2_of_the_same_poses(
    channels: list[Channel], ultrasound: sitk.Image, mask: sitk.Image
) -> None:
    direct = RigidProblem(channels, device="cpu").against_ultrasound(ultrasound, mask)
    apart = [replace(c, fixed=ultrasound, signed=False) for c in channels]
    itself = RigidProblem(apart, device="cpu", metric="lc2")
    twists = np.random.default_rng(0).normal(size=(3, 6)) * np.array([0.02] * 3 + [1.0] * 3)
    poses = direct.start @ exp_se3(twists)
    same = np.stack([itself.pose_of(direct.transform_of(pose)) for pose in poses])  # about its own centre
    np.testing.assert_allclose(direct.evaluate(poses), itself.evaluate(same), atol=1e-4)
