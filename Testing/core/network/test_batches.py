"""How many slices a batch holds."""

from __future__ import annotations

import dataclasses

import pytest
import torch
from mmhvae.network import MMHVAEConfig, batches
from mmhvae.network.batches import slices_per_batch, slices_per_thread


@pytest.mark.parametrize("device", [torch.device("cpu"), torch.device("cuda")], ids=str)
@pytest.mark.parametrize("free", [0, 1 << 28, 1 << 31, 1 << 35])
def test_batches_hold_at_least_a_slice_and_shrink_with_the_image(monkeypatch, device, free):
    monkeypatch.setattr(batches, "free_memory", lambda device: free)
    sizes = [
        slices_per_batch(dataclasses.replace(MMHVAEConfig(), image_size=side), 1, device)
        for side in (128, 192, 384, 768, 1024)
    ]
    assert sizes == sorted(sizes, reverse=True)
    assert min(sizes) >= 1
    if free in (0, 1 << 35):
        assert (sizes[0] > sizes[-1]) == (free > 0)


def test_more_memory_or_fewer_modalities_never_shrink_the_batch(monkeypatch):
    def size(free: int, modalities: int) -> int:
        monkeypatch.setattr(batches, "free_memory", lambda device: free)
        return slices_per_batch(MMHVAEConfig(), modalities, torch.device("cuda"))

    assert size(1 << 29, 1) <= size(1 << 30, 1) <= size(1 << 36, 1)
    assert size(1 << 30, 4) <= size(1 << 30, 1)


def test_a_thread_takes_one_large_slice_or_some_small_ones():
    full = MMHVAEConfig()
    assert slices_per_thread(full) == 1
    small = dataclasses.replace(full, image_size=32, base_features=4, max_features=8, num_pools=3)
    assert slices_per_thread(small) > 4
    assert slices_per_thread(small, torch.float16) > slices_per_thread(small)
