"""LC2 against a direct (ridge) fit in every window, its derivatives, and a registration with it."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import SimpleITK as sitk
import torch
from mmhvae.images.transforms import exp_se3, translation_matrix
from mmhvae.registration.lc2 import LinearCombination, gradient_magnitude
from mmhvae.registration.rigid import register_lc2
from mmhvae.registration.similarity import VARIANCE_FLOOR
from mmhvae.registration.volumes import Volume, index_to_lps, to_volume

Sampler = Callable[..., sitk.Image]
CENTRE = np.array([0.5, -1.0, 0.3])
TURN = exp_se3(np.array([0.4, -0.7, 0.2, 0, 0, 0]))[:3, :3] @ np.diag([1.0, -1.0, 1.0])


def volume(image: sitk.Image) -> Volume:
    mask = sitk.Cast(image * 0 + 1, sitk.sitkUInt8)
    return to_volume(image, mask, "image", torch.device("cpu"))


def echoes(sample: Sampler, *grid: object, **options: object) -> sitk.Image:
    """An ultrasound of the scene: part of its intensity, and its edges, each seen in its own measure."""
    image = sample(*grid, **options)
    edges = sitk.GradientMagnitude(image)
    return 0.5 * image + 4.0 * edges


def test_value_against_a_fit_in_every_window(sample: Sampler) -> None:
    us, mr = volume(echoes(sample, (12, 10, 14))), volume(sample((20, 20, 20)))
    pose = translation_matrix(CENTRE)
    similarity = LinearCombination(us, mr, gradient_magnitude(mr), CENTRE, window=5)
    points = np.stack(np.meshgrid(*map(np.arange, us.weights.shape), indexing="ij"), -1) @ us.matrix[:3, :3].T
    index = torch.from_numpy(np.round((points + us.matrix[:3, 3] - mr.matrix[:3, 3])[..., ::-1]).astype(int))
    place = tuple(index.unbind(-1))
    gradient = gradient_magnitude(mr)
    magnitude, inner = gradient.intensities, gradient.weights
    m, g = (t[place].numpy().astype(float) for t in (mr.intensities, magnitude))
    assert inner[place].all()
    u, explained, weights = us.intensities.numpy().astype(float), [], []
    for centre in np.ndindex(u.shape):
        window = tuple(slice(max(0, c - 2), c + 3) for c in centre)
        if u[window].size > 0.3 * 125:
            covariance = np.cov([x[window].ravel() for x in (u, m, g)], bias=True) + VARIANCE_FLOOR * np.eye(3)
            fit = np.linalg.solve(covariance[1:, 1:], covariance[1:, 0])
            explained.append(fit @ covariance[1:, 0] / covariance[0, 0])
            weights.append(u[window].std())
    expected = np.average(explained, weights=weights)
    assert 0.2 < expected < 0.98
    assert similarity.evaluate(pose[None])[0] == pytest.approx(expected, abs=1e-4)


def test_gradient_magnitude_is_per_millimetre_on_any_grid(sample: Sampler) -> None:
    image = sample((24, 22, 20), (0.7, 0.9, 1.3), TURN)
    gradient = gradient_magnitude(volume(image))
    magnitude, inner = gradient.intensities, gradient.weights
    found = magnitude[inner > 0].numpy()
    expected = sitk.GetArrayFromImage(sitk.GradientMagnitude(image))[inner.numpy() > 0]
    expected = expected / np.sqrt((expected**2).mean())
    np.testing.assert_allclose(found, expected, atol=0.02)
    assert not magnitude[inner == 0].any()
    assert inner.sum() == 18 * 20 * 22
    np.testing.assert_allclose(index_to_lps(image)[:3, 3], image.GetOrigin())


@pytest.mark.parametrize("block", [0.0, 1.6])
def test_gradient_against_finite_differences(sample: Sampler, block: float) -> None:
    us, mr = (
        volume(echoes(sample, (22, 20, 24), (0.8, 0.9, 0.7), TURN)),
        volume(sample((70, 68, 64), (0.45, 0.45, 0.5))),
    )
    similarity = LinearCombination(us, mr, gradient_magnitude(mr), CENTRE, window=6, block=block)
    twist = np.random.default_rng(0).normal(size=6) * [0.03, 0.03, 0.03, 0.8, 0.8, 0.8]
    pose, steps = translation_matrix(CENTRE) @ exp_se3(twist), np.diag([0.004] * 3 + [0.03] * 3)
    found = similarity.differentiate(pose[None])
    ahead, behind = similarity.evaluate(pose @ exp_se3(steps)), similarity.evaluate(pose @ exp_se3(-steps))
    numeric, scale = (ahead - behind) / (2 * steps.max(axis=1)), np.array([10.0] * 3 + [1.0] * 3)
    assert np.linalg.norm((found.gradients[0] - numeric) / scale) < 0.08 * np.linalg.norm(
        numeric / scale
    )  # |grad M| has kinks
    assert np.linalg.eigvalsh(found.hessians[0]).min() > 0


def test_affine_changes_of_intensity_and_leaving_the_mr(sample: Sampler) -> None:
    us, mr = echoes(sample, (22, 22, 22)), sample((40, 40, 40))
    poses = np.stack([translation_matrix(np.array([x, 1.0, 0.5])) for x in (0.0, 16.0, 200.0)])
    plain, changed = (
        LinearCombination(volume(u), m, gradient_magnitude(m), np.zeros(3), window=7).evaluate(poses)
        for u, m in ((us, volume(mr)), (us * 7 - 40, volume(mr * -0.2 + 3)))
    )
    np.testing.assert_allclose(changed, plain, atol=2e-3)
    assert plain[0] > plain[1] > plain[2] == 0


def test_registers_ultrasound_directly(sample: Sampler) -> None:
    pose = sitk.Euler3DTransform((0.0, 0.0, 0.0), 0.06, -0.05, 0.07, (6.0, -5.0, 4.0))
    us, mr = echoes(sample, (46, 44, 42)), sample((64, 62, 50), (1.0, 1.0, 1.2), TURN, pose=pose)
    seen: list[float] = []
    result = register_lc2(us, mr, device="cpu", progress=lambda fraction, message: seen.append(fraction), preview=True)
    truth = pose.GetInverse()
    points = np.random.default_rng(0).normal(scale=12, size=(30, 3)).tolist()
    errors = [np.linalg.norm(np.subtract(result.transform.TransformPoint(p), truth.TransformPoint(p))) for p in points]
    assert max(errors) < 0.5
    assert result.similarity_after > 0.9 > result.similarity_before
    assert seen == sorted(seen)
