"""Distance and overlap of outlines: against every pair of surface voxels, by their points in space."""

from __future__ import annotations

import numpy as np
import pytest
import SimpleITK as sitk
from mmhvae import InputError
from mmhvae.images import image_on
from mmhvae.overlays import OutlineAgreement, compare_outlines
from scipy import ndimage
from scipy.spatial.distance import cdist

SHAPE = (30, 26, 28)


def points(image: sitk.Image, mask: np.ndarray) -> np.ndarray:
    """LPS mm of the voxels of a mask, one by one."""
    return np.array([image.TransformIndexToPhysicalPoint(index[::-1].tolist()) for index in np.argwhere(mask)])


def ball(grid: sitk.Image, centre: np.ndarray, radius: float) -> np.ndarray:
    away = np.linalg.norm(points(grid, np.ones(SHAPE, bool)) - centre, axis=1).reshape(SHAPE)
    return away < radius


def labels(mask: np.ndarray, grid: sitk.Image) -> sitk.Image:
    return image_on(mask.astype(np.uint8), grid)


def expected(grid: sitk.Image, a: np.ndarray, b: np.ndarray, seen: np.ndarray | None) -> tuple[float, float, float]:
    """By brute force: erosion for the surfaces (what is not seen counts as within), all distances for the rest."""
    border = 0 if seen is None else 1
    seen = np.ones(SHAPE, bool) if seen is None else seen
    surfaces = [m & seen & ~ndimage.binary_erosion(m | ~seen, border_value=border) for m in (a, b)]
    apart = cdist(*(points(grid, surface) for surface in surfaces))
    ways = [apart.min(axis=1), apart.min(axis=0)]
    dice = 2 * (a & b & seen).sum() / ((a & seen).sum() + (b & seen).sum())
    return np.concatenate(ways).mean(), max(np.percentile(way, 95) for way in ways), dice


@pytest.mark.parametrize("is_cut", [False, True])
@pytest.mark.parametrize("seed", range(4))
def test_numbers_are_those_of_all_pairs_of_surface_voxels(oblique, seed, is_cut):
    grid, rng = oblique(seed, SHAPE[::-1]), np.random.default_rng(seed)
    middle = np.array(grid.TransformContinuousIndexToPhysicalPoint([(n - 1) / 2 for n in SHAPE[::-1]]))
    a, b = (ball(grid, middle + rng.uniform(-2, 2, 3), rng.uniform(5, 8)) for _ in range(2))
    if not is_cut:
        b[0, 5:9, 5:9] = True  # a piece at the grid's edge
    seen = (points(grid, np.ones(SHAPE, bool)) @ rng.standard_normal(3)).reshape(SHAPE) if is_cut else None
    seen = seen > np.quantile(seen, 0.45) if is_cut else None
    found = compare_outlines(labels(3 * a, grid), labels(b, grid), None if seen is None else labels(seen, grid))
    mean, percentile, dice = expected(grid, a, b, seen)
    assert found.mean_mm == pytest.approx(mean, abs=1e-4)
    assert found.percentile_95_mm == pytest.approx(percentile, abs=1e-4)
    assert found.dice == pytest.approx(dice, abs=1e-12)


def test_where_the_field_of_view_cuts_an_outline_there_is_no_surface(oblique):
    grid = oblique(1, SHAPE[::-1])
    middle = np.array(grid.TransformContinuousIndexToPhysicalPoint([(n - 1) / 2 for n in SHAPE[::-1]]))
    whole = ball(grid, middle, 8)
    seen = np.arange(SHAPE[2]) < SHAPE[2] // 2
    seen = np.broadcast_to(seen, SHAPE)
    found = compare_outlines(labels(whole & seen, grid), labels(whole, grid), labels(seen, grid))
    assert found == OutlineAgreement(0.0, 0.0, 1.0)
    assert compare_outlines(labels(whole & seen, grid), labels(whole, grid)).mean_mm > 0.5


def test_an_outline_of_another_grid_is_brought_by_its_transform(oblique):
    fixed, moving = oblique(2, SHAPE[::-1]), oblique(3, (44, 40, 42))
    centre = np.array(fixed.TransformContinuousIndexToPhysicalPoint([(n - 1) / 2 for n in SHAPE[::-1]]))
    there = np.array(moving.TransformContinuousIndexToPhysicalPoint([20.5, 19.5, 20.5]))
    transform = sitk.Euler3DTransform(centre.tolist(), 0.2, -0.3, 0.1, (there - centre).tolist())
    away = points(moving, np.ones((42, 40, 44), bool)) - np.array(transform.TransformPoint(centre.tolist()))
    other = labels((np.linalg.norm(away, axis=1) < 7).reshape(42, 40, 44), moving)
    found = compare_outlines(labels(ball(fixed, centre, 7), fixed), other, transform=transform)
    assert found.dice > 0.93
    assert found.mean_mm < 0.4
    shifted = sitk.TranslationTransform(3, (there - centre + [3, 0, 0]).tolist())
    assert compare_outlines(labels(ball(fixed, centre, 7), fixed), other, transform=shifted).mean_mm > 1


def test_what_shows_nothing_agrees_with_nothing(oblique):
    grid = oblique(0, SHAPE[::-1])
    some, none = np.zeros(SHAPE, bool), np.zeros(SHAPE, bool)
    some[10:14, 10:14, 10:14] = True
    assert compare_outlines(labels(some, grid), labels(none, grid)) == OutlineAgreement(None, None, None)
    assert compare_outlines(labels(none, grid), labels(none, grid)).dice is None
    within = labels(some, grid)  # nothing of the surface is seen, only the inside
    found = compare_outlines(within, within, labels(ndimage.binary_erosion(some), grid))
    assert found == OutlineAgreement(None, None, 1.0)


def test_a_field_of_view_of_another_grid_and_an_image_are_refused(oblique):
    grid = oblique(0, SHAPE[::-1])
    mask = labels(np.ones(SHAPE, bool), grid)
    with pytest.raises(InputError, match="field of view"):
        compare_outlines(mask, mask, labels(np.ones(SHAPE, bool), oblique(1, SHAPE[::-1])))
    with pytest.raises(InputError, match="numbers"):
        compare_outlines(sitk.Cast(mask, sitk.sitkFloat32) * 0.5, mask)
