"""Which device does the work, how many slices it takes at a time, and whether it may compute in half precision."""

from __future__ import annotations

import os

import torch

from .exceptions import InputError
from .network import MMHVAEConfig

#: Share of the free memory that one batch may take; the rest is the volume's, and other programs'.
MEMORY_SHARE = 0.25
MOST_SLICES = {"cpu": 8, "cuda": 64, "mps": 16}  # more gains no speed, and progress gets jerky
FALLBACK_MEMORY = 2 << 30  # bytes, where the system does not tell


def choose_device(name: str = "auto") -> torch.device:
    """``auto`` prefers a CUDA GPU, then Apple's, then the CPU.

    Raises:
        InputError: the device is unknown, or this machine does not have it.
    """
    if name == "auto":
        name = "cuda" if torch.cuda.is_available() else "mps" if torch.backends.mps.is_available() else "cpu"
    try:
        device = torch.device(name)
    except RuntimeError as error:
        raise InputError(f"There is no device {name!r}; use auto, cpu, cuda or mps.") from error
    available = {"cpu": True, "cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available()}
    in_reach = device.type != "cuda" or (device.index or 0) < torch.cuda.device_count()
    if not available.get(device.type, False) or not in_reach:
        raise InputError(f"This machine has no usable device {name!r}; use auto or cpu.")
    return device


def slices_per_batch(config: MMHVAEConfig, modalities: int, device: torch.device) -> int:
    """How many slices fit into a quarter of the free memory, at least 1."""
    # At the peak, about six tensors of the decoder cell's width live at full resolution, and the encoders' skips.
    widest = 6 * 6 * config.base_features + 8 * config.base_features * modalities
    per_slice = 4 * widest * config.image_size**2
    fitting = int(MEMORY_SHARE * free_memory(device) / per_slice)
    return max(1, min(fitting, MOST_SLICES[device.type]))


def free_memory(device: torch.device) -> int:
    """Free bytes on the device."""
    if device.type == "cuda":
        return int(torch.cuda.mem_get_info(device)[0])
    try:
        return os.sysconf("SC_AVPHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (AttributeError, ValueError, OSError):  # Windows and macOS lack the one or the other
        return FALLBACK_MEMORY


def half_precision(device: torch.device) -> torch.dtype | None:
    """The reduced precision that the device computes faster than float32, or None."""
    if device.type == "cuda":
        return torch.bfloat16 if torch.cuda.is_bf16_supported(including_emulation=False) else torch.float16
    if device.type == "cpu" and torch.cpu._is_avx512_bf16_supported():
        return torch.bfloat16
    return None
