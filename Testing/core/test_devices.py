"""The choice of a device, and batches that fit its memory."""

from __future__ import annotations

import dataclasses

import pytest
import torch
from mmhvae import devices
from mmhvae.devices import choose_device, free_memory, half_precision, slices_per_batch
from mmhvae.exceptions import InputError
from mmhvae.network import MMHVAEConfig

CPU = torch.device("cpu")


@pytest.mark.parametrize(("available", "kind"), [(True, "cuda"), (False, "cpu")])
def test_auto_is_the_gpu_where_there_is_one(monkeypatch, available, kind):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: available)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: int(available))
    assert choose_device().type == choose_device("auto").type == kind
    assert choose_device("cpu") == CPU


@pytest.mark.parametrize("name", ["abacus", "", "cuda:x", "meta", "xpu", "cuda:99"])
def test_other_devices_are_refused_in_a_sentence(name):
    with pytest.raises(InputError, match=r"^[^\n]*use auto[^\n]*\.$"):
        choose_device(name)


@pytest.mark.parametrize("name", ["cuda", "mps"])
def test_a_device_that_this_machine_lacks_is_refused(monkeypatch, name):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: False)
    with pytest.raises(InputError, match="no usable device"):
        choose_device(name)


@pytest.mark.parametrize("device", [CPU, torch.device("cuda")], ids=str)
@pytest.mark.parametrize("free", [0, 1 << 28, 1 << 31, 1 << 35])
def test_batches_hold_at_least_a_slice_and_shrink_with_the_image(monkeypatch, device, free):
    monkeypatch.setattr(devices, "free_memory", lambda device: free)
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
        monkeypatch.setattr(devices, "free_memory", lambda device: free)
        return slices_per_batch(MMHVAEConfig(), modalities, torch.device("cuda"))

    assert size(1 << 29, 1) <= size(1 << 30, 1) <= size(1 << 36, 1)
    assert size(1 << 30, 4) <= size(1 << 30, 1)


def test_free_memory_is_known_or_assumed(monkeypatch):
    assert free_memory(CPU) > 0
    monkeypatch.delattr("os.sysconf")
    assert free_memory(CPU) == devices.FALLBACK_MEMORY


def test_half_precision_is_a_reduced_type_or_none():
    assert half_precision(CPU) in (None, torch.bfloat16)
    assert half_precision(torch.device("mps")) is None
