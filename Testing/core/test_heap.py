"""Memory that is kept while the process works, and given back afterwards."""

from __future__ import annotations

import resource
import sys
from pathlib import Path

import pytest
import torch
from mmhvae import heap

pytestmark = pytest.mark.skipif(
    heap._libc is None or sys.platform != "linux", reason="this system's C library is not glibc"
)
MIB = 64


def faults() -> int:
    """Pages that had to be zeroed for eight tensors, one after the other, of `MIB` each."""
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    for _ in range(8):
        torch.empty(MIB << 18).fill_(1)
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before


def resident_mib() -> float:
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * resource.getpagesize() / 2**20


def test_freed_memory_serves_the_next_tensor_and_goes_back_at_the_end() -> None:
    before = resident_mib()
    with heap.kept_heap():
        faults()
        with heap.kept_heap():
            pass  # the inner one ends nothing
        assert faults() < (MIB << 20) / resource.getpagesize()  # less than for one of them
        assert resident_mib() > before + MIB / 2
        heap.give_back()
        assert resident_mib() < before + MIB / 2
        faults()
    assert resident_mib() < before + MIB / 2


def test_an_error_ends_it_too() -> None:
    @heap.kept_heap()
    def failing() -> None:
        raise ValueError("no")

    for _ in range(2):
        with pytest.raises(ValueError, match="no"):
            failing()
    assert heap._users == 0
