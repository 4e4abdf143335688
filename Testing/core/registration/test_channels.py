"""Several pairs with one pose: weights, certainty, eroded masks, the prior, and questions to a problem."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
import SimpleITK as sitk
import torch
from mmhvae.exceptions import InputError
from mmhvae.images.transforms import exp_se3, translation_matrix
from mmhvae.registration.channels import Channel, fixed_side
from mmhvae.registration.masks import edge_distances, eroded
from mmhvae.registration.prior import PriorTerm
from mmhvae.registration.problem import RigidProblem
from mmhvae.registration.rigid import ALIKE, register_channels, register_problem
from mmhvae.registration.windows import Derivatives
from mmhvae.settings import NAVIGATION, PosePrior
from scipy import ndimage

Sampler = Callable[..., sitk.Image]
POSE = sitk.Euler3DTransform((0.0, 0.0, 0.0), 0.05, -0.04, 0.06, (3.0, -2.0, 2.0))
TURN = exp_se3(np.array([0.5, -0.3, 0.8, 0, 0, 0]))[:3, :3] @ np.diag([1.0, 1.0, -1.0])
CPU = torch.device("cpu")


def ball(image: sitk.Image, radius: float) -> sitk.Image:
    """A uint8 mask: a ball about the LPS origin."""
    index = np.stack(np.meshgrid(*map(np.arange, image.GetSize()[::-1]), indexing="ij"), -1)[..., ::-1]
    linear = np.array(image.GetDirection()).reshape(3, 3) * image.GetSpacing()
    points = index @ linear.T + image.GetOrigin()
    mask = sitk.GetImageFromArray((np.linalg.norm(points, axis=-1) < radius).astype(np.uint8))
    mask.CopyInformation(image)
    return mask


@pytest.fixture(scope="module")
def channels(sample: Sampler) -> list[Channel]:
    """Two contrasts of one scene, on different oblique left-handed grids, both displaced by one pose."""
    fixed = [sample((42, 40, 38)), sample((30, 40, 26), (1.4, 1.0, 1.5), TURN, contrast=np.square)]
    moving = [
        sample((62, 60, 58), pose=POSE),
        sample((56, 60, 44), (1.1, 1.0, 1.4), TURN, pose=POSE, contrast=lambda x: -3 * x**2),
    ]
    pairs = zip(fixed, moving, ("t2", "flair"), (True, False), strict=True)
    return [Channel(f, m, ball(f, 18), signed=signed, name=name) for f, m, name, signed in pairs]


@pytest.fixture(scope="module")
def problem(channels: list[Channel]) -> RigidProblem:
    weighted = [channels[0], replace(channels[1], weight=3.0)]
    return RigidProblem(weighted, device="cpu", prior=PosePrior(4.0, 3.0), erosion_mm=1.0)


def error(problem: RigidProblem, pose: np.ndarray) -> float:
    """The largest distance in mm from the truth over the field of view."""
    return float(problem.displacement(pose, problem.pose_of(POSE.GetInverse())).max())


def away(problem: RigidProblem, seed: int) -> np.ndarray:
    twist = np.random.default_rng(seed).normal(size=6) * [0.03, 0.03, 0.03, 1.0, 1.0, 1.0]
    return problem.start @ exp_se3(twist)


def test_gradient_of_the_whole_objective_against_finite_differences(problem: RigidProblem) -> None:
    objective = problem.objective(problem.level(2.0))
    pose = away(problem, 0)
    found = objective.differentiate(pose[None])
    steps = np.diag([0.002] * 3 + [0.03] * 3)
    ahead, behind = objective.evaluate(pose @ exp_se3(steps)), objective.evaluate(pose @ exp_se3(-steps))
    numeric, scale = (ahead - behind) / (2 * steps.max(axis=1)), np.array([10.0] * 3 + [1.0] * 3)
    assert np.linalg.norm((found.gradients[0] - numeric) / scale) < 0.06 * np.linalg.norm(
        numeric / scale
    )  # 2 mm differences
    assert found.values[0] == pytest.approx(objective.evaluate(pose[None])[0], abs=1e-6)


def test_evaluation_is_the_weighted_mean_of_the_channels(problem: RigidProblem) -> None:
    poses = np.stack([problem.start, away(problem, 1)])
    each = problem.evaluate_channels(poses)
    np.testing.assert_allclose(problem.evaluate(poses), (each[0] + 3 * each[1]) / 4, rtol=1e-6)
    second = problem.only([1])
    np.testing.assert_allclose(second.evaluate(poses), each[1], rtol=1e-6)
    assert second.channels[0].name == "flair"
    np.testing.assert_array_equal(second.start, problem.start)
    with pytest.raises(ValueError, match="no level"):
        problem.evaluate(poses, spacing=2.5)


def test_each_channel_and_both_find_the_pose(problem: RigidProblem) -> None:
    free = RigidProblem(problem.channels, device="cpu")
    for part in (free, free.only([0]), free.only([1])):
        result = register_problem(part, preview=True)
        assert error(problem, part.pose_of(result.transform)) < 0.5
        assert result.overlap == pytest.approx(1.0)
    np.testing.assert_allclose(free.view.centre, (0, 0, 0), atol=0.5)
    assert free.view.radius == pytest.approx(np.sqrt(3 / 5) * 17, rel=0.1)  # of a ball, eroded as at the finest level


def test_climbs_from_several_starts_meet_and_curve_downwards(problem: RigidProblem) -> None:
    optimum = problem.climb(np.stack([problem.start, away(problem, 2)]))
    assert problem.displacement(*optimum.poses).max() < 0.2
    assert error(problem, optimum.poses[0]) < 1.0  # the prior pulls a little
    assert np.linalg.eigvalsh(problem.curvature(optimum.poses[0])).min() > 0
    far = problem.start @ translation_matrix(np.array([9.0, 0.0, 0.0]))
    assert np.linalg.eigvalsh(problem.curvature(far)).min() < 0
    assert problem.overlap(far) <= problem.overlap(problem.start) == 1


@pytest.mark.parametrize("prior", [None, NAVIGATION], ids=["images alone", "prior"])
def test_what_lies_in_place_already_stays_and_has_come_to_rest(sample: Sampler, prior: PosePrior | None) -> None:
    """Of one image with itself no pose is better than none; from where a search ended another finds nothing better."""
    fixed = sample((42, 40, 38))
    itself = RigidProblem([Channel(fixed, fixed, ball(fixed, 18), signed=True)], device="cpu", prior=prior)
    there = register_problem(itself)
    away = [Channel(fixed, sample((62, 60, 58), pose=POSE, contrast=np.sin), ball(fixed, 18))]
    first = register_channels(away, device="cpu", prior=prior)
    again = register_channels(away, first.transform, "cpu", prior=prior)
    for result in (there, again):
        assert result.converged
        assert -ALIKE < result.similarity_after - result.similarity_before < 0.02


def test_the_similarity_at_the_result_is_the_images_alone(problem: RigidProblem) -> None:
    result = register_problem(problem)
    expected = problem.evaluate(problem.pose_of(result.transform)[None], spacing=1.0)
    assert result.similarity_after == pytest.approx(expected[0], abs=1e-5)
    objective, poses = problem.objective(problem.level(2.0)), np.stack([problem.start, away(problem, 1)])
    similarities = objective.evaluate_similarity(poses)
    np.testing.assert_allclose(objective.without_prior(objective.evaluate(poses), poses), similarities, atol=1e-9)


def test_adam_ends_where_gauss_newton_does(channels: list[Channel]) -> None:
    problem = RigidProblem(channels[:1], device="cpu")
    for method, limit in (("gauss-newton", 0.3), ("adam", 0.6)):
        result = register_problem(problem, preview=True, method=method)
        assert error(problem, problem.pose_of(result.transform)) < limit
        assert result.similarity_after > result.similarity_before


def test_certainty_silences_what_the_synthesis_made_up(channels: list[Channel], sample: Sampler) -> None:
    true, shape = channels[0], channels[0].fixed.GetSize()[::-1]
    wrong = sample((42, 40, 38), contrast=np.negative)
    half = np.zeros(shape, np.float32)
    half[:, :20] = 1
    mixture = sitk.GetArrayFromImage(true.fixed) * (1 - half) + sitk.GetArrayFromImage(wrong) * half
    fixed, uncertainty = sitk.GetImageFromArray(mixture), sitk.GetImageFromArray(0.02 + 2 * half)
    for image in (fixed, uncertainty):
        image.CopyInformation(true.fixed)
    plain = Channel(fixed, true.moving, true.fixed_mask, signed=True)
    problems = [RigidProblem([replace(plain, uncertainty=u)], device="cpu") for u in (None, uncertainty)]
    truth = problems[0].pose_of(POSE.GetInverse())[None]
    believing, knowing = (p.evaluate(truth)[0] for p in problems)
    assert knowing > believing + 0.2
    scaled = replace(plain, uncertainty=uncertainty * 100)
    assert RigidProblem([scaled], device="cpu").evaluate(truth)[0] == pytest.approx(knowing, abs=1e-5)
    uniform = replace(plain, uncertainty=uncertainty * 0 + 0.1)
    assert RigidProblem([uniform], device="cpu").evaluate(truth)[0] == pytest.approx(believing, abs=1e-5)


def test_erosion_against_the_distance_transform() -> None:
    weights = torch.from_numpy(ndimage.gaussian_filter(np.random.default_rng(0).normal(size=(20, 24, 22)), 4) > 0)
    spacing = np.array([0.8, 1.1, 1.4])
    expected = ndimage.distance_transform_edt(np.pad(weights, 1), spacing)[1:-1, 1:-1, 1:-1].clip(max=4) ** 2
    np.testing.assert_allclose(edge_distances(weights.float(), spacing, 4.0), expected, rtol=1e-5)
    assert torch.equal(eroded(weights.float(), spacing, 0.0), weights.float())
    thin = torch.zeros(30, 30, 9)
    thin[:, :, 2:7] = 1
    kept = eroded(thin, np.ones(3), 4.0)
    assert kept.sum() >= thin.sum() / 2
    assert not kept[:, :, 2].any()
    assert torch.equal(kept * thin, kept)


def test_the_field_of_view_is_eroded(channels: list[Channel]) -> None:
    whole, inner = (fixed_side(channels[0], erosion, CPU).weights.sum() for erosion in (0.0, 2.0))
    assert inner / whole == pytest.approx((16.5 / 18) ** 3, rel=0.03)  # the outermost centres lie half a voxel inside


def test_the_edge_of_a_synthetic_image_counts_less(channels: list[Channel]) -> None:
    """What the network made up where it saw the surroundings on one side only; an acquired image's edge is as good."""
    fixed = channels[0].fixed
    voxels, edge = sitk.GetArrayFromImage(fixed), sitk.GetArrayFromImage(ball(fixed, 14)) == 0
    spoilt = sitk.GetImageFromArray(np.where(edge, -voxels, voxels))
    spoilt.CopyInformation(fixed)
    for signed, gain in ((True, 0.1), (False, 0.0)):
        problem = RigidProblem([replace(channels[0], fixed=spoilt, signed=signed)], device="cpu")
        finest, truth = problem.levels[-1], problem.pose_of(POSE.GetInverse())[None]
        fading, even = (problem.objective(level).evaluate(truth)[0] for level in (finest, replace(finest, fading=0.0)))
        assert fading - even > gain if signed else fading == even


def test_prior_derivatives_against_finite_differences() -> None:
    start = exp_se3(np.array([0.3, -0.2, 0.5, 10.0, -20.0, 5.0]))
    term = PriorTerm(PosePrior(3.0, 2.0), start, samples=100.0)
    pose = start @ exp_se3(np.array([0.5, 0.9, -0.7, 4.0, -6.0, 3.0]))
    steps = 1e-5 * np.eye(6)
    ahead, behind = (term.differentiate(pose @ exp_se3(s)).values for s in (steps, -steps))
    np.testing.assert_allclose(term.differentiate(pose[None]).gradients[0], (ahead - behind) / 2e-5, rtol=1e-5)
    away = term.differentiate((start @ translation_matrix(np.array([3.0, 0, 0])))[None]).values[0]
    assert away == pytest.approx(-0.5 / 50)  # one standard deviation, over half the samples
    turned = exp_se3(np.array([0, np.deg2rad(4.0), 0, 0, 0, 0]))
    assert term.differentiate((start @ turned)[None]).values[0] == pytest.approx(-2 / 50)


def test_the_prior_pulls_as_the_closed_form_says(channels: list[Channel]) -> None:
    free = RigidProblem(channels[:1], device="cpu")
    peak = free.climb(free.start[None], iterations=20).poses[0]
    offset = np.array([0.01, -0.008, 0.012, 0.4, -0.3, 0.5])
    initial = free.transform_of(peak @ exp_se3(-offset))
    tied = RigidProblem(channels[:1], initial, "cpu", prior=PosePrior(0.35, 0.7))
    found = tied.climb(tied.start[None], iterations=20).poses[0]
    precisions = np.diag(tied.objective(tied.level(2.0)).prior.precisions)
    curvature = free.curvature(peak) / (1 - free.evaluate(peak[None])[0])
    pulled = np.linalg.solve(curvature + precisions, precisions @ offset)  # from the peak to the start
    assert free.displacement(found, peak @ exp_se3(-pulled)).max() < 0.2 * free.displacement(found, peak).max()


@pytest.mark.parametrize("deviations", [(0.0, 1.0), (1.0, -2.0), (float("nan"), 1.0), (1.0, float("inf"))])
def test_impossible_priors(deviations: tuple[float, float]) -> None:
    with pytest.raises(InputError, match=r"give a number from 0\.1"):
        PosePrior(*deviations)


def test_derivatives_stay_finite_far_outside(problem: RigidProblem) -> None:
    far = problem.start @ translation_matrix(np.array([400.0, 0.0, 0.0]))
    state: Derivatives = problem.objective(problem.level(4.0)).differentiate(far[None])
    assert all(np.isfinite(part).all() for part in (state.values, state.gradients, state.hessians))


@pytest.mark.parametrize(
    ("change", "match"),
    [
        ({"fixed_mask": "ten voxels"}, "fixed mask of t2 covers 10 voxels"),
        ({"fixed_mask": "empty"}, "covers 0 voxels"),
        ({"moving": "constant"}, "moving image of t2 is constant"),
        ({"moving": "far"}, "moving image of t2 hardly overlaps"),
        ({"weight": 0.0}, "weight of t2"),
        ({"uncertainty": "negative"}, "uncertainty of t2"),
        ({"uncertainty": "flat"}, "not a volume"),
    ],
)
def test_one_sentence_names_the_channel(channels: list[Channel], change: dict[str, object], match: str) -> None:
    good = channels[0]
    empty = good.fixed_mask * 0
    ten, far = sitk.Image(empty), sitk.Image(good.moving)
    for column in range(10):
        ten[column + 10, 20, 20] = 1
    far.SetOrigin((900.0, 0.0, 0.0))
    images = {
        "ten voxels": ten,
        "empty": empty,
        "constant": good.moving * 0 + 5,
        "far": far,
        "negative": good.fixed * 0 - 1,
        "flat": good.fixed[:, :, 3],
    }
    spoilt = replace(good, **{key: images[v] if isinstance(v, str) else v for key, v in change.items()})
    with pytest.raises(InputError, match=match) as caught:
        register_channels([spoilt, channels[1]], device="cpu")
    assert str(caught.value).endswith(".")
    with pytest.raises(InputError, match="at least one pair"):
        register_channels([])
