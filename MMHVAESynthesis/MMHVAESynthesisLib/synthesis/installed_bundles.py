"""The installed bundle of a name: where it lies, and the checksum that tells one model from another."""

from __future__ import annotations

from pathlib import Path

from mmhvae import InputError
from mmhvae.bundle import WeightsStore


def bundle_path(name: str) -> Path:
    """Where the bundle of that name is installed.

    Raises:
        InputError: nowhere.
    """
    return WeightsStore().path(name)


def weights_checksum(name: str) -> str:
    """SHA-256 of an installed bundle's weights, as its manifest states it; "" where there is none."""
    try:
        return WeightsStore().find(name).weights_sha256
    except InputError:
        return ""
