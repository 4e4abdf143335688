"""The product of experts against dense Gaussian algebra, the divergence against Monte Carlo."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
import torch
from mmhvae.network.experts import DiagonalGaussian, product_of_experts, softly_clamped

SUBSETS = [s for r in range(1, 5) for s in itertools.combinations(range(4), r)]


def gaussian(seed: int, shape: tuple[int, ...] = (2, 3)) -> DiagonalGaussian:
    generator = torch.Generator().manual_seed(seed)
    return DiagonalGaussian(torch.randn(shape, generator=generator), 0.7 * torch.randn(shape, generator=generator))


@pytest.mark.parametrize("subset", SUBSETS, ids=str)
def test_paper_mode_is_the_product_of_dense_gaussians(subset):
    prior, experts = gaussian(0), [gaussian(1 + index) for index in subset]
    fused = product_of_experts(prior, experts, "paper")
    precision, weighted = np.zeros((6, 6)), np.zeros(6)
    for factor in [prior, *experts]:
        inverse = np.linalg.inv(np.diag(np.exp(factor.log_scale.double().numpy().ravel()) ** 2))
        precision += inverse
        weighted += inverse @ factor.mean.double().numpy().ravel()
    covariance = np.linalg.inv(precision)
    np.testing.assert_allclose(fused.mean.numpy().ravel(), covariance @ weighted, rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(np.exp(2 * fused.log_scale.numpy().ravel()), np.diag(covariance), rtol=1e-5)


@pytest.mark.parametrize("subset", SUBSETS, ids=str)
def test_release_mode_uses_the_inverse_sum_as_standard_deviation(subset):
    prior, experts = gaussian(0), [gaussian(1 + index) for index in subset]
    fused = product_of_experts(prior, experts, "release")
    weights = [torch.exp(-factor.log_scale) for factor in [prior, *experts]]
    total = sum(weights)
    mean = sum(w * factor.mean for w, factor in zip(weights, [prior, *experts], strict=True)) / total
    torch.testing.assert_close(fused.mean, mean)
    torch.testing.assert_close(fused.log_scale.exp(), 1 / total)


def test_an_expert_that_knows_nothing_changes_nothing():
    prior = gaussian(0)
    vague = DiagonalGaussian(torch.full((2, 3), 5.0), torch.full((2, 3), 10.0))
    fused = product_of_experts(prior, [vague])
    torch.testing.assert_close(fused.mean, prior.mean, atol=1e-5, rtol=0)


def test_precisions_at_the_clamp_stay_finite():
    certain = DiagonalGaussian(torch.ones(1, 2), torch.full((1, 2), -10.0))
    fused = product_of_experts(certain, [certain, certain])
    torch.testing.assert_close(fused.mean, torch.ones(1, 2))
    torch.testing.assert_close(fused.log_scale, torch.full((1, 2), -10 - 0.5 * float(np.log(3))))


def test_kl_agrees_with_monte_carlo():
    p, q = gaussian(3, (1, 4)), gaussian(4, (1, 4))
    noise = torch.randn(200_000, 4, generator=torch.Generator().manual_seed(0))
    x = q.sample(1.0, noise)

    def log_density(g: DiagonalGaussian) -> torch.Tensor:
        return torch.distributions.Normal(g.mean, g.log_scale.exp()).log_prob(x).sum(1)

    estimate = (log_density(q) - log_density(p)).mean()
    assert q.kl(p).shape == (1,)
    assert float(q.kl(p)) == pytest.approx(float(estimate), rel=0.02)
    assert float(q.kl(q)) == pytest.approx(0, abs=1e-6)


def test_soft_clamp_is_bounded_and_keeps_small_values():
    x = torch.tensor([-1e6, -0.1, 0.0, 0.1, 1e6])
    torch.testing.assert_close(softly_clamped(x, 10.0), torch.tensor([-10.0, -0.1, 0.0, 0.1, 10.0]), atol=1e-4, rtol=0)
