"""PSNR and SSIM in both variants against scikit-image and hand-written loops; ST-LPIPS against its package's code."""

from __future__ import annotations

import sys
import types
from importlib import metadata

import numpy as np
import pytest
import torch
from mmhvae import InputError
from mmhvae_training.scoring import perceptual
from mmhvae_training.scoring.metrics import paper_psnr, paper_ssim, standard_psnr, standard_ssim
from skimage.metrics import peak_signal_noise_ratio, structural_similarity


def slices(seed: int = 0, shape=(3, 40, 33)):
    """Smooth images with noise, a field of view that leaves a border of zeros, and each slice of another brightness."""
    rng = np.random.default_rng(seed)
    grid = np.stack(np.meshgrid(*[np.linspace(-1, 1, n) for n in shape[1:]], indexing="ij"))
    mask = np.broadcast_to(np.linalg.norm(grid, axis=0) < 0.8, shape)
    truth = (0.5 + 0.4 * np.sin(7 * grid[0] + 3 * grid[1])) * np.linspace(0.3, 1, shape[0])[:, None, None]
    image = np.clip(truth + rng.normal(0, 0.08, shape), 0, 1)
    return [np.where(mask, x, 0).astype(np.float32) for x in (image, truth)] + [mask]


def test_the_standard_variant_is_scikit_images_within_the_mask():
    image, truth, mask = slices()
    for n in range(len(image)):
        inside = [x[n][mask[n]].astype(np.float64) for x in (truth, image)]
        assert standard_psnr(image, truth, mask)[n] == pytest.approx(peak_signal_noise_ratio(*inside, data_range=1))
        _, full = structural_similarity(
            truth[n].astype(float), image[n].astype(float), data_range=1, gaussian_weights=True, sigma=1.5,
            use_sample_covariance=False, full=True,
        )  # fmt: skip
        inner = mask[n].copy()
        inner[:5], inner[-5:], inner[:, :5], inner[:, -5:] = 0, 0, 0, 0  # scikit-image reflects at the border
        only = np.broadcast_to(inner, (1, *inner.shape))
        assert standard_ssim(image[n : n + 1], truth[n : n + 1], only)[0] == pytest.approx(full[inner].mean(), abs=1e-5)


def test_the_paper_compatible_variant_is_what_the_authors_script_calls():
    image, truth, _ = slices()
    for n in range(len(image)):
        a, b = image[n].astype(float), truth[n].astype(float)
        span = b.max() - b.min()
        assert paper_psnr(image, truth)[n] == pytest.approx(peak_signal_noise_ratio(b, a, data_range=span))
        expected = structural_similarity(b, a, data_range=span, channel_axis=0)
        assert paper_ssim(image, truth)[n] == pytest.approx(expected, abs=1e-9)


def test_the_paper_compatible_variant_by_hand():
    image, truth, _ = slices(shape=(1, 5, 11))
    a, b = image[0].astype(float), truth[0].astype(float)
    span, total = b.max() - b.min(), 0.0
    for row in range(5):
        for centre in range(3, 8):
            x, y = a[row, centre - 3 : centre + 4], b[row, centre - 3 : centre + 4]
            c1, c2 = (0.01 * span) ** 2, (0.03 * span) ** 2
            covariance = ((x - x.mean()) * (y - y.mean())).sum() / 6
            top = (2 * x.mean() * y.mean() + c1) * (2 * covariance + c2)
            total += top / ((x.mean() ** 2 + y.mean() ** 2 + c1) * (x.var(ddof=1) + y.var(ddof=1) + c2))
    assert paper_ssim(image, truth)[0] == pytest.approx(total / 25)
    squared = sum((a[r, c] - b[r, c]) ** 2 for r in range(5) for c in range(11)) / 55
    assert paper_psnr(image, truth)[0] == pytest.approx(10 * np.log10(span**2 / squared))


def test_the_variants_differ_and_a_transposed_slice_tells():
    image, truth, mask = slices()
    assert abs(paper_psnr(image, truth) - standard_psnr(image, truth, mask)).min() > 0.5
    turned = [np.ascontiguousarray(x.swapaxes(1, 2)) for x in (image, truth)]
    assert abs(paper_ssim(*turned) - paper_ssim(image, truth)).max() > 1e-3  # rows are channels
    assert standard_psnr(truth, truth, mask).min() == np.inf
    assert standard_ssim(truth, truth, mask).min() == pytest.approx(1)


@pytest.fixture(scope="module")
def measure():
    try:
        metadata.distribution(perceptual.PACKAGE)
    except metadata.PackageNotFoundError:
        pytest.skip(f"needs the package {perceptual.PACKAGE}, of the extra 'perceptual'")
    return perceptual.load_perceptual()


def test_st_lpips_is_what_its_own_package_computes(measure, monkeypatch):
    # The package imports these three and, for this network, uses none of them.
    for name, attribute in {"torchvision": "models", "IPython": "embed", "torchsummary": "summary"}.items():
        stand_in = types.ModuleType(name)
        setattr(stand_in, attribute, None)
        monkeypatch.setitem(sys.modules, name, stand_in)
    stlpips = pytest.importorskip("stlpips_pytorch.stlpips")
    theirs = stlpips.LPIPS(net="alex", variant="shift_tolerant", verbose=False)
    a, b = torch.rand(2, 2, 1, 48, 40, generator=torch.Generator().manual_seed(0))
    with torch.inference_mode():
        expected = theirs(*(2 * x.expand(-1, 3, -1, -1) - 1 for x in (a, b))).flatten().numpy()
    found = perceptual.perceptual_distance(measure, a[:, 0].numpy(), b[:, 0].numpy(), batch=1)
    np.testing.assert_allclose(found, expected, rtol=1e-5)
    assert (found > 0.01).all()
    assert perceptual.perceptual_distance(measure, a[:, 0].numpy(), a[:, 0].numpy()).max() == 0


def test_st_lpips_says_what_it_lacks(measure, monkeypatch):
    small = np.zeros((1, 16, 64), np.float32)
    with pytest.raises(InputError, match="needs slices of 32 pixels"):
        perceptual.perceptual_distance(measure, small, small)
    monkeypatch.setattr(perceptual, "PACKAGE", "no-such-package")
    with pytest.raises(InputError, match="needs the package no-such-package; install it"):
        perceptual.load_perceptual()
