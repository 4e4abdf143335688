"""Memory that is kept while the process works, and given back afterwards."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest
from mmhvae.compute import heap

pytestmark = pytest.mark.skipif(
    heap._libc is None or sys.platform != "linux", reason="this system's C library is not glibc"
)
MIB = 64
#: In a process of its own: what other tests left free in theirs would serve the tensors too.
SCENARIO = f"""
import json, resource
from pathlib import Path
import torch
from mmhvae.compute import heap

def faults():
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    for _ in range(8):
        torch.empty({MIB} << 18).fill_(1)
    return (resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before) * resource.getpagesize() / 2**20

def resident():
    return int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize() / 2**20

seen = dict(before=resident())
with heap.kept_heap():
    faults()
    with heap.kept_heap():
        pass  # the inner one ends nothing
    seen.update(zeroed=faults(), kept=resident())
    heap.give_back()
    seen.update(given_back=resident())
    faults()
seen.update(after=resident())
print(json.dumps(seen))
"""


def test_freed_memory_serves_the_next_tensor_and_goes_back_at_the_end() -> None:
    """MiB: zeroed by Linux for eight tensors of `MIB` each, one after the other, and resident at each point."""
    output = subprocess.run([sys.executable, "-c", SCENARIO], check=True, capture_output=True, text=True).stdout
    seen: dict[str, float] = json.loads(output)
    # All eight where nothing is kept; one or two where something small settled in an earlier one's place.
    assert seen["zeroed"] < 4 * MIB
    assert seen["kept"] > seen["before"] + MIB / 2
    assert seen["given_back"] < seen["before"] + MIB / 2
    assert seen["after"] < seen["before"] + MIB / 2


def test_an_error_ends_it_too() -> None:
    @heap.kept_heap()
    def failing() -> None:
        raise ValueError("no")

    for _ in range(2):
        with pytest.raises(ValueError, match="no"):
            failing()
    assert heap._users == 0
