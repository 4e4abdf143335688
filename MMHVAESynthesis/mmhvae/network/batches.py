"""How many slices a device takes at a time."""

from __future__ import annotations

import torch

from ..compute import free_memory
from .cells import EXPANSION
from .model import MMHVAEConfig

#: Share of the free memory that one batch may take; the rest is the volume's, and other programs'.
MEMORY_SHARE = 0.25
MOST_SLICES = 32  # more gains no speed, and progress gets jerky
THREAD_TENSOR = 2 << 20  # bytes; about what a core's own cache holds
LARGEST_CPU_TENSOR = 24 << 20  # bytes; below glibc's largest threshold for returning memory, 32 MiB


def slices_per_batch(
    config: MMHVAEConfig, modalities: int, device: torch.device, dtype: torch.dtype = torch.float32
) -> int:
    """How many slices to take in one batch, at least 1: what a quarter of the free memory holds.

    On a CPU also no more than keep the widest tensor small. There, larger batches are slower: they leave the
    caches, and the C library returns larger blocks to the system after each use, to be faulted in again.
    """
    quick = LARGEST_CPU_TENSOR // _widest(config, dtype) if device.type == "cpu" else MOST_SLICES
    return max(1, min(fitting_slices(config, modalities, device, dtype), quick, MOST_SLICES))


def slices_per_thread(config: MMHVAEConfig, dtype: torch.dtype = torch.float32) -> int:
    """How many slices a single thread of a CPU takes together, at least 1: small ones, whose cost is in the calls."""
    return max(1, min(THREAD_TENSOR // _widest(config, dtype), MOST_SLICES))


def fitting_slices(
    config: MMHVAEConfig, modalities: int, device: torch.device, dtype: torch.dtype = torch.float32
) -> int:
    """How many slices a quarter of the free memory holds at a time, at least 1."""
    # At the peak about six of the widest tensors are alive, and the encoders' skips.
    skips = 8 * dtype.itemsize * config.image_size**2 * config.base_features * modalities
    return max(1, int(MEMORY_SHARE * free_memory(device) / (6 * _widest(config, dtype) + skips)))


def _widest(config: MMHVAEConfig, dtype: torch.dtype) -> int:
    """Bytes a slice of the widest tensor, in the finest decoder cell."""
    return dtype.itemsize * config.image_size**2 * EXPANSION * config.base_features
