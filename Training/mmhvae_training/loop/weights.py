"""Which weights a network has: their checksum tells it where name, step and commit of two runs are alike."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping

from torch import Tensor


def checksum_of(weights: Mapping[str, Tensor]) -> str:
    """SHA-256 of a network's tensors and their names, on whatever device they are."""
    found = hashlib.sha256()
    for name, tensor in weights.items():
        found.update(name.encode() + tensor.cpu().numpy().tobytes())
    return found.hexdigest()
