"""The choice of a device, and batches that fit its memory."""

from __future__ import annotations

import pytest
import torch
from mmhvae.compute import devices
from mmhvae.compute.devices import choose_device, free_memory, full_precision, half_precision
from mmhvae.exceptions import InputError

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


def test_free_memory_is_known_or_assumed(monkeypatch):
    assert free_memory(CPU) > 0
    monkeypatch.delattr("os.sysconf")
    assert free_memory(CPU) == devices.FALLBACK_MEMORY


def test_full_precision_is_kept_within_and_no_longer(monkeypatch):
    monkeypatch.setattr(torch.cpu, "_is_avx512_bf16_supported", lambda: True, raising=False)
    with full_precision():
        assert half_precision(CPU) is None
    assert half_precision(CPU) is torch.bfloat16


def test_half_precision_is_a_reduced_type_or_none():
    assert half_precision(CPU) in (None, torch.bfloat16)
    assert half_precision(torch.device("mps")) is None
