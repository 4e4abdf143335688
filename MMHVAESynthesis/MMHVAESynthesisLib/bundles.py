"""The checksum that tells one installed model from another of the same name."""

from __future__ import annotations

import json

from mmhvae import InputError
from mmhvae.weights import WeightsStore


def weights_checksum(name: str) -> str:
    """SHA-256 of an installed bundle's weights, as its manifest states it; "" where there is none."""
    try:
        manifest = (WeightsStore().path(name) / "bundle.json").read_bytes()
        return str(json.loads(manifest)["weights_sha256"])
    except (InputError, OSError, ValueError, KeyError, TypeError):
        return ""
