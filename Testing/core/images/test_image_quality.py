"""PSNR, the best constant and SSIM, each against an independent computation."""

from __future__ import annotations

import math

import numpy as np
import pytest
from mmhvae.images.image_quality import SSIM_RADIUS, constant_psnr, psnr, ssim
from skimage.metrics import structural_similarity


@pytest.fixture
def pair():
    rng = np.random.default_rng(0)
    truth = rng.uniform(0, 1, (3, 40, 36)).astype(np.float32)
    image = np.clip(truth + rng.normal(0, 0.1, truth.shape), 0, 1).astype(np.float32)
    return image, truth, rng.uniform(size=truth.shape) < 0.6


def test_psnr_is_that_of_the_formula(pair):
    image, truth, mask = pair
    squares = [(float(a) - float(b)) ** 2 for a, b in zip(image[mask], truth[mask], strict=True)]
    assert psnr(image, truth, mask) == pytest.approx(10 * math.log10(1 / (sum(squares) / len(squares))))


def test_psnr_of_a_known_offset_and_of_equality(pair):
    _, truth, mask = pair
    assert psnr(truth * 0 + 0.6, truth * 0 + 0.5, mask) == pytest.approx(20, abs=1e-4)
    assert psnr(truth, truth, mask) == math.inf


def test_only_the_mask_counts(pair):
    image, truth, mask = pair
    elsewhere = np.where(mask, image, 1 - image)
    assert psnr(elsewhere, truth, mask) == psnr(image, truth, mask)
    assert constant_psnr(np.where(mask, truth, 9).astype(np.float32), mask) == pytest.approx(constant_psnr(truth, mask))


def test_no_constant_is_better_than_the_best(pair):
    _, truth, mask = pair
    best = constant_psnr(truth, mask)
    constants = np.linspace(0, 1, 201)
    others = [psnr(np.full_like(truth, value), truth, mask) for value in constants]
    assert best >= max(others) - 1e-6
    assert best == pytest.approx(max(others), abs=1e-3)
    assert best == pytest.approx(-10 * math.log10(truth[mask].var(dtype=np.float64)))


@pytest.mark.parametrize("noise", [0.02, 0.2])
def test_ssim_is_the_standard_measure(pair, noise):
    _, truth, _ = pair
    rng = np.random.default_rng(1)
    image = np.clip(truth + rng.normal(0, noise, truth.shape), 0, 1).astype(np.float32)
    interior = np.zeros(truth.shape, bool)
    interior[:, SSIM_RADIUS:-SSIM_RADIUS, SSIM_RADIUS:-SSIM_RADIUS] = True
    options = {"gaussian_weights": True, "sigma": 1.5, "use_sample_covariance": False, "data_range": 1, "full": True}
    maps = [
        structural_similarity(a.astype(float), b.astype(float), **options)[1] for a, b in zip(image, truth, strict=True)
    ]
    assert ssim(image, truth, interior) == pytest.approx(float(np.stack(maps)[interior].mean()), abs=1e-5)


def test_ssim_of_equality_is_one_up_to_the_edge(pair):
    _, truth, mask = pair
    assert ssim(truth, truth, mask) == pytest.approx(1, abs=1e-6)
