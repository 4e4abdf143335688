"""The local correlation against a direct computation, its derivatives against finite differences."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
import SimpleITK as sitk
import torch
from mmhvae.images.transforms import exp_se3, translation_matrix
from mmhvae.registration.similarity import VARIANCE_FLOOR, LocalCorrelation
from mmhvae.registration.volumes import Volume, level_volume, reduced, to_volume
from mmhvae.registration.windows import bands, box_sum

CPU = torch.device("cpu")
CENTRE = np.array([1.0, -2.0, 0.5])
ROTATION = exp_se3(np.array([0.4, -0.7, 0.2, 0, 0, 0]))[:3, :3]
LEFT_HANDED = ROTATION @ np.diag([1.0, -1.0, 1.0])
Sampler = Callable[..., sitk.Image]


def volume(image: sitk.Image, mask: np.ndarray | None = None) -> Volume:
    ones = np.ones(image.GetSize()[::-1], np.uint8) if mask is None else mask.astype(np.uint8)
    mask_image = sitk.GetImageFromArray(ones)
    mask_image.CopyInformation(image)
    return to_volume(image, mask_image, "image", CPU)


def ball(shape: tuple[int, ...], radius: float) -> np.ndarray:
    index = np.stack(np.meshgrid(*map(np.arange, shape), indexing="ij"), -1)
    return np.linalg.norm(index - (np.array(shape) - 1) / 2, axis=-1) < radius


@pytest.fixture(scope="module")
def pair(sample: Sampler) -> tuple[Volume, Volume]:
    """Oblique left-handed fixed and wider anisotropic moving volumes, both with masks."""
    fixed = sample((22, 20, 24), (0.8, 0.9, 0.7), LEFT_HANDED)
    moving = sample((44, 42, 40), (0.7, 0.7, 0.8), contrast=lambda x: x + 0.3 * np.roll(x, 4, axis=0))
    return volume(fixed, ball((24, 20, 22), 9.5)), volume(moving)


def start(seed: int = 0) -> np.ndarray:
    twist = np.random.default_rng(seed).normal(size=6) * [0.03, 0.03, 0.03, 0.8, 0.8, 0.8]
    return translation_matrix(CENTRE) @ exp_se3(twist)


def test_box_sum_against_a_direct_sum() -> None:
    values = torch.rand(2, 5, 7, 6, generator=torch.Generator().manual_seed(0))
    kernel = torch.ones(1, 1, 3, 7, 5)
    expected = torch.nn.functional.conv3d(values[:, None], kernel, padding=(1, 3, 2))[:, 0]
    torch.testing.assert_close(box_sum(values[:, None], bands(values.shape[1:], (1, 3, 2), CPU))[:, 0], expected)


@pytest.mark.parametrize("signed", [False, True])
def test_value_against_a_direct_computation(sample: Sampler, signed: bool) -> None:
    image = sample((9, 8, 10))
    fixed = volume(image)
    moving = volume(sample((9, 8, 10), contrast=lambda x: np.sin(2 * x)))
    similarity = LocalCorrelation(fixed, moving, np.zeros(3), window=5, signed=signed)
    f, m = fixed.intensities.numpy().astype(float), moving.intensities.numpy().astype(float)
    terms = []
    for i, j, k in np.ndindex(f.shape):
        window = tuple(slice(max(0, c - 2), c + 3) for c in (i, j, k))
        a, b = f[window].ravel(), m[window].ravel()
        if a.size > 0.3 * 125:
            covariance = np.mean(a * b) - a.mean() * b.mean()
            rho = covariance / np.sqrt((a.var() + VARIANCE_FLOOR) * (b.var() + VARIANCE_FLOOR))
            terms.append(rho if signed else rho**2)
    assert similarity.evaluate(np.eye(4)[None])[0] == pytest.approx(np.mean(terms), abs=1e-5)


@pytest.mark.parametrize("signed", [False, True])
@pytest.mark.parametrize("block", [0.0, 1.6])
def test_gradient_against_finite_differences(pair: tuple[Volume, Volume], signed: bool, block: float) -> None:
    similarity = LocalCorrelation(*pair, CENTRE, window=6, block=block, signed=signed)
    pose, steps = start(), np.diag([0.004] * 3 + [0.03] * 3)
    derivatives = similarity.differentiate(pose[None])
    numeric = [
        (similarity.evaluate((pose @ exp_se3(s))[None])[0] - similarity.evaluate((pose @ exp_se3(-s))[None])[0])
        / (2 * s.max())
        for s in steps
    ]
    scale = np.array([10.0] * 3 + [1.0] * 3)  # per radian is about ten times per mm here
    error = np.linalg.norm((derivatives.gradients[0] - numeric) / scale)
    assert error < 0.03 * np.linalg.norm(numeric / scale)
    assert derivatives.values[0] == pytest.approx(similarity.evaluate(pose[None])[0], abs=1e-6)
    assert np.linalg.eigvalsh(derivatives.hessians[0]).min() > 0


def test_batches_and_pieces_change_nothing(pair: tuple[Volume, Volume]) -> None:
    similarity = LocalCorrelation(*pair, CENTRE, window=6, block=1.6)
    poses = np.stack([start(seed) for seed in range(5)])
    together = similarity.differentiate(poses)
    similarity.budget = 1000
    for i, pose in enumerate(poses):
        alone = similarity.differentiate(pose[None])
        np.testing.assert_allclose(alone.values[0], together.values[i], rtol=1e-5)
        np.testing.assert_allclose(alone.gradients[0], together.gradients[i], rtol=1e-3, atol=1e-5)
        np.testing.assert_allclose(alone.hessians[0], together.hessians[i], rtol=1e-3, atol=1e-5)


@pytest.mark.parametrize(("factor", "signed", "sign"), [(250.0, False, 1), (-3.0, False, 1), (-3.0, True, -1)])
def test_affine_changes_of_intensity(sample: Sampler, factor: float, signed: bool, sign: int) -> None:
    fixed, plain = volume(sample((20, 20, 20))), volume(sample((30, 30, 30)))
    changed = volume(sample((30, 30, 30), contrast=lambda x: factor * x + 1000))
    poses = exp_se3(np.random.default_rng(0).normal(size=(3, 6)) * [0.02, 0.02, 0.02, 1, 1, 1])
    options = {"window": 7, "signed": signed}
    expected = sign * LocalCorrelation(fixed, plain, np.zeros(3), **options).evaluate(poses)
    np.testing.assert_allclose(
        LocalCorrelation(fixed, changed, np.zeros(3), **options).evaluate(poses), expected, atol=1e-4
    )


def test_voxels_outside_the_masks_have_no_influence(pair: tuple[Volume, Volume]) -> None:
    fixed, moving = pair
    weights = torch.from_numpy(ball(tuple(moving.weights.shape), 18)).float()
    hole = replace(moving, weights=weights)
    noise = torch.randn(moving.weights.shape, generator=torch.Generator().manual_seed(0))
    spoilt = replace(hole, intensities=torch.where(weights > 0, moving.intensities, 50 * noise))
    spoilt_fixed = replace(fixed, intensities=torch.where(fixed.weights > 0, fixed.intensities, torch.tensor(99.0)))
    pose = start()[None]
    expected = LocalCorrelation(fixed, hole, CENTRE, window=6).evaluate(pose)
    np.testing.assert_allclose(
        LocalCorrelation(spoilt_fixed, spoilt, CENTRE, window=6).evaluate(pose), expected, rtol=1e-6
    )
    levels = [level_volume(v, 1.5, 1.0) for v in (fixed, hole, spoilt_fixed, spoilt)]
    inside = levels[1].weights > 0
    torch.testing.assert_close(levels[1].intensities[inside], levels[3].intensities[inside])
    torch.testing.assert_close(levels[0].intensities, levels[2].intensities)


def test_leaving_the_moving_image_does_not_pay(pair: tuple[Volume, Volume]) -> None:
    similarity = LocalCorrelation(*pair, CENTRE, window=6)
    away = np.stack([translation_matrix(CENTRE + np.array([shift, 0.0, 0.0])) for shift in (0.0, 15.0, 200.0)])
    values = similarity.evaluate(away)
    assert values[0] > values[1] > values[2] == 0
    assert similarity.overlap(away[0]) == 1
    assert 0 < similarity.overlap(away[1]) < 0.7
    assert similarity.overlap(away[2]) == 0
    assert not similarity.differentiate(away[2:]).gradients.any()


def test_strided_levels_keep_their_place(sample: Sampler) -> None:
    full = volume(sample((31, 28, 26), (1.0, 1.2, 1.1), LEFT_HANDED))
    level = reduced(full, 0.0, [2, 3, 2])
    torch.testing.assert_close(level.intensities, full.intensities[::2, ::3, ::2])
    np.testing.assert_allclose(level.matrix @ [3, 2, 5, 1], full.matrix @ [6, 6, 10, 1])
    # A constant stays constant up to the border and to the mask's edge.
    flat = replace(full, intensities=torch.ones_like(full.intensities), weights=full.weights.clone())
    flat.weights[:, :9] = 0
    smooth = reduced(flat, 2.0, [1, 1, 1])
    assert torch.allclose(smooth.intensities[:, 8:], torch.ones(()), atol=1e-5)
