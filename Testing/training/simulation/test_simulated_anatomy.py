"""Anatomy and MR of the simulator: shares, flips, folds, held-out settings, and contrasts."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import lru_cache
from typing import Any

import numpy as np
import pytest
from mmhvae_training.simulation.anatomy import Anatomy, before_lesions, build_anatomy, hull_depth
from mmhvae_training.simulation.contrasts import CLINICAL, draw_contrast, render_contrast
from mmhvae_training.simulation.cortex import draw_cortex, sheet_share
from mmhvae_training.simulation.deformation import affine, draw_warp, template_points
from mmhvae_training.simulation.lesions.cyst import draw_cyst
from mmhvae_training.simulation.lesions.lesion_shape import draw_site
from mmhvae_training.simulation.lesions.tumour import draw_tumour
from mmhvae_training.simulation.mr_acquisition import MrAcquisition, apply_mr_acquisition, draw_mr_acquisition
from mmhvae_training.simulation.template import COARSE, load_template
from mmhvae_training.simulation.tissues import Label, label_map

CENTRE = (32.0, 10.0, 30.0)


def generator(seed: int) -> np.random.Generator:
    return np.random.default_rng(seed)


def make(seed: int = 5) -> Anatomy:
    """A head with an enhancing, necrotic tumour on the left and a cyst on the right."""
    tumour = replace(
        draw_tumour(generator(seed), CENTRE), radii=(14, 13, 12), rim=3.0, necrosis=True, patchiness=0.0, cyst=None
    )
    cyst = replace(draw_cyst(generator(seed), (-32.0, 10.0, 30.0)), radii=(9, 8, 8))
    return build_anatomy(draw_warp(generator(seed)), draw_cortex(generator(seed)), tumour, cyst)


@lru_cache(maxsize=1)
def head() -> Anatomy:
    return make()


def test_shares_sum_to_one_inside_and_nowhere_to_more() -> None:
    total = head().shares.sum(0)
    assert head().shares.min() > -1e-6
    assert total.max() < 1 + 1e-5
    depth = hull_depth(head())
    assert np.allclose(total[depth > 5], 1, atol=2e-3)
    assert not total[depth < -8].any()


def test_the_same_settings_give_the_same_head() -> None:
    assert np.array_equal(make().shares, head().shares)


def test_a_flip_mirrors_the_head() -> None:
    upright = {"rotation": (0.0,) * 3, "shear": (0.0,) * 3, "amplitudes": (0.0,) * 3}
    warp = replace(draw_warp(generator(1)), flip=False, **upright)
    points = generator(2).uniform(-60, 60, (4, 5, 6, 3)).astype(np.float32)
    mirrored = points * np.array([-1, 1, 1], np.float32)
    assert np.allclose(template_points(replace(warp, flip=True), mirrored), template_points(warp, points), atol=1e-4)
    assert 0.3 < np.mean([draw_warp(generator(seed)).flip for seed in range(100)]) < 0.7


@pytest.mark.parametrize(("seed", "strength"), [(0, 1), (1, 1), (2, 3), (3, 3), (4, 3), (5, 3)])
def test_deformations_do_not_fold(seed: int, strength: float) -> None:
    """Those of training and, by the odd seeds, of held-out heads."""
    drawn = draw_warp(generator(seed), held_out=bool(seed % 2))
    warp = replace(drawn, amplitudes=tuple(strength * a for a in drawn.amplitudes))
    tumour = draw_tumour(generator(seed), CENTRE)
    mapped = before_lesions(warp, [tumour], load_template().grid.points(COARSE))
    jacobian = np.stack([np.gradient(mapped, COARSE, axis=axis) for axis in (2, 1, 0)], -1)
    assert (np.linalg.det(jacobian) / np.linalg.det(affine(warp))).min() > 0


@pytest.mark.parametrize(
    ("draw", "setting"),
    [
        (draw_warp, lambda w: w.amplitudes[0]),
        (draw_warp, lambda w: w.amplitudes[1]),
        (draw_cortex, lambda c: c.spacing),
        (draw_cortex, lambda c: c.thickness),
        (draw_cortex, lambda c: c.vessels.artery),
        (lambda rng, held_out: draw_mr_acquisition(rng, "t2", held_out), lambda a: a.bias),
    ],
    ids=["lobes", "gyri", "sulcal spacing", "cortex", "arteries", "shading"],
)
def test_held_out_settings_lie_outside_those_of_training(
    draw: Callable[..., Any], setting: Callable[..., float]
) -> None:
    training = [setting(draw(generator(seed), False)) for seed in range(60)]
    held_out = [setting(draw(generator(seed), True)) for seed in range(60)]
    assert all(not min(training) < value < max(training) for value in held_out)


@pytest.mark.parametrize("modality", list(CLINICAL))
def test_order_of_tissues(modality: str) -> None:
    image = render_contrast(draw_contrast(generator(3), modality), head().shares)
    labels = label_map(head().shares)
    level = {label: float(np.median(image[labels == label])) for label in Label}
    white, ventricle = level[Label.WHITE_MATTER], level[Label.VENTRICLE]
    assert level[Label.OUTSIDE] == 0
    if modality == "cet1":
        assert level[Label.ENHANCING_RIM] > 1.08 * white
        assert max(ventricle, level[Label.CYST], level[Label.TUMOUR_CORE]) < 0.8 * white
        assert level[Label.GREY_MATTER] < white
    elif modality == "t2":
        assert min(ventricle, level[Label.CYST]) > 1.5 * white
        assert level[Label.OEDEMA] > 1.3 * white
        assert ventricle > level[Label.GREY_MATTER] > white
    else:
        assert ventricle < level[Label.CSF] < white < level[Label.GREY_MATTER] < level[Label.OEDEMA]
        assert level[Label.CYST] < white


def test_thin_sulci_pale_but_keep_their_volume() -> None:
    distance = np.abs(np.arange(-8, 8, 0.01)).astype(np.float32)
    for half_width in (0.1, 0.4, 1.2):
        assert sheet_share(distance, half_width).sum() * 0.01 == pytest.approx(2 * half_width, rel=1e-3)


def test_thick_slices_blur_across_them_only_and_noise_is_rician() -> None:
    point = np.zeros((15, 15, 15), np.float32)
    point[7, 7, 7] = 1
    still = MrAcquisition(axis=1, thickness=4.5, blur=0.0, bias=0.0, noise=0.0, seed=0)
    image = apply_mr_acquisition(still, point)
    assert image.sum() == pytest.approx(1, abs=1e-5)
    assert [int((image.sum(axis) > 1e-6).sum()) for axis in ((1, 2), (0, 2), (0, 1))] == [1, 5, 1]
    assert image[7, 7, 7] == pytest.approx(1 / 4.5)
    dark = np.full((40, 40, 40), 0.02, np.float32)
    noisy = apply_mr_acquisition(replace(still, thickness=1.0, noise=0.5), dark)
    assert noisy.min() >= 0
    assert noisy.mean() == pytest.approx(0.5 * np.sqrt(np.pi / 2), rel=0.02)  # Rayleigh


def test_tumours_are_mostly_small_and_lie_at_all_depths() -> None:
    tumours = [draw_tumour(generator(seed), CENTRE) for seed in range(200)]
    assert np.median([np.mean(t.radii) for t in tumours]) < 11
    assert 0.3 < np.mean([t.rim > 0 for t in tumours]) < 0.7
    assert 0.05 < np.mean([t.cyst is not None for t in tumours]) < 0.4
    sites = [np.linalg.norm(draw_site(generator(s), np.zeros(3), np.array([0, 0, 20.0]))) for s in range(200)]
    assert np.mean(np.less(sites, 10)) > 0.2
    assert np.mean(np.greater(sites, 22)) > 0.1
