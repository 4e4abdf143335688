"""Betti numbers, simple points and deformation, against scikit-image, SciPy and exhaustive counting."""

from __future__ import annotations

import numpy as np
import pytest
from mmhvae.overlays.topology import (
    Topology,
    cavities,
    deformed,
    euler_characteristic,
    is_simple,
    neighbours_in,
    topology,
)
from scipy import ndimage
from skimage.measure import euler_number


def random_mask(seed: int, side: int = 7) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return rng.random((side, side + 1, side - 1)) < rng.uniform(0.1, 0.9)


@pytest.mark.parametrize("seed", range(20))
def test_betti_numbers_are_those_of_other_libraries(seed):
    mask = random_mask(seed)
    found = topology(mask)
    euler = euler_number(np.pad(mask, 1), connectivity=3)
    assert euler_characteristic(mask) == euler
    assert found.pieces == ndimage.label(mask, np.ones((3, 3, 3)))[1]
    assert found.cavities == ndimage.label(~np.pad(mask, 1))[1] - 1
    assert found.pieces - found.tunnels + found.cavities == euler


def test_cavities_are_numbered_where_they_are():
    mask = np.zeros((5, 5, 9), bool)
    mask[1:4, 1:4, 1:8] = True
    mask[2, 2, [2, 5]] = False
    numbers, count = cavities(mask)
    assert count == 2
    assert sorted(map(tuple, np.argwhere(numbers))) == [(2, 2, 2), (2, 2, 5)]


def test_a_simple_voxel_is_one_whose_removal_changes_no_number():
    rng = np.random.default_rng(0)
    outcomes = []
    for _ in range(300):
        around = rng.random((3, 3, 3)) < rng.random()
        with_it, without = around.copy(), around.copy()
        with_it[1, 1, 1], without[1, 1, 1] = True, False
        outcomes.append(is_simple(neighbours_in(around)))
        assert outcomes[-1] == (topology(with_it) == topology(without))
    assert 30 < sum(outcomes) < 270


def shell(inner: float, outer: float, side: int = 25) -> tuple[np.ndarray, np.ndarray]:
    """A hollow ball, and the depth of each voxel in its wall."""
    radius = np.linalg.norm(np.mgrid[:side, :side, :side] - (side - 1) / 2, axis=0)
    depth = np.minimum(outer - radius, radius - inner)
    depth[[0, -1]] = depth[:, [0, -1]] = depth[:, :, [0, -1]] = -np.inf
    return depth > 0, depth


@pytest.mark.parametrize("share", [0.5, 1.8])
def test_deformation_reaches_the_volume_and_keeps_the_topology(share):
    mask, depth = shell(4.0, 8.0)
    count = round(share * mask.sum())
    result = deformed(mask, depth, count)
    assert result.sum() == count
    assert topology(result) == topology(mask) == Topology(1, 0, 1)
    assert not (result & ~mask).any() or not (mask & ~result).any()
    outside_in = [depth[result].min(), depth[~result & np.isfinite(depth)].max()]
    assert abs(outside_in[0] - outside_in[1]) < 1.5  # the deepest voxels were kept, or the shallowest ones added


def test_thinning_stops_where_only_the_skeleton_is_left():
    mask, depth = shell(4.0, 8.0)
    assert topology(deformed(mask, depth, 1)) == Topology(1, 0, 1)
    line = np.zeros((5, 5, 20), bool)
    line[1:4, 1:4, 2:18] = True
    thin = deformed(line, np.random.default_rng(0).random(line.shape), 1)
    assert topology(thin) == Topology(1, 0, 0)
    assert np.ptp(np.flatnonzero(thin.any((0, 1)))) >= 12  # its ends are spared: a tract is not shortened


def test_growing_respects_what_is_forbidden():
    mask, depth = np.zeros((9, 9, 9), bool), np.zeros((9, 9, 9))
    mask[4, 4, 4] = True
    depth[:, :, 5:] = -np.inf
    result = deformed(mask, depth, 10_000)
    assert result.sum() == 7 * 7 * 4
    assert not result[:, :, 5:].any()
