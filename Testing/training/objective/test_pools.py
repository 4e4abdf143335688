"""Memories of real images."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from mmhvae_training.objective.pools import ImagePool


def images(*values: float) -> torch.Tensor:
    return torch.tensor(values).reshape(-1, 1, 1, 1)


def test_a_pool_fills_then_replaces_half_at_most():
    rng, pool = np.random.default_rng(0), ImagePool(8)
    pool.push(images(*range(6)), rng)
    assert len(pool) == 6
    pool.push(images(6, 7, 8), rng)  # two find a place, one replaces
    assert len(pool) == 8
    assert 8.0 in torch.stack(pool.state())
    before = set(torch.stack(pool.state()).flatten().tolist())
    pool.push(images(*range(100, 116)), rng)
    after = set(torch.stack(pool.state()).flatten().tolist())
    assert len(after & before) == 4
    assert len(after) == 8


def test_draws_are_different_images_where_there_are_as_many():
    rng, pool = np.random.default_rng(0), ImagePool(32)
    pool.push(images(*range(20)), rng)
    assert len(set(pool.draw(16, rng).flatten().tolist())) == 16
    assert pool.draw(24, rng).shape == (24, 1, 1, 1)  # some twice
    with pytest.raises(ValueError, match="empty"):
        ImagePool(4).draw(1, rng)


def test_a_pool_of_one_is_the_papers_memory_of_the_last_seen_image():
    rng, pool = np.random.default_rng(0), ImagePool(1)
    for value in (1.0, 2.0, 3.0):
        pool.push(images(value), rng)
    assert pool.draw(1, rng).item() == 3.0


def test_a_restored_pool_goes_on_alike():
    pools, draws = [ImagePool(4), ImagePool(4)], []
    pools[0].push(images(1, 2, 3, 4), np.random.default_rng(1))
    pools[1].restore(pools[0].state())
    for pool in pools:
        rng = np.random.default_rng(2)
        pool.push(images(5, 6), rng)
        draws.append(pool.draw(3, rng))
    assert torch.equal(*draws)
