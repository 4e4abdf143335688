"""Which device does the work, how many slices it takes at a time, and whether it may compute in half precision."""

from __future__ import annotations

import os

import torch

from .cells import EXPANSION
from .exceptions import InputError
from .network import MMHVAEConfig

#: Share of the free memory that one batch may take; the rest is the volume's, and other programs'.
MEMORY_SHARE = 0.25
MOST_SLICES = 32  # more gains no speed, and progress gets jerky
LARGEST_CPU_TENSOR = 24 << 20  # bytes; below glibc's largest threshold for returning memory, 32 MiB
FALLBACK_MEMORY = 2 << 30  # bytes, where the system does not tell


def choose_device(name: str = "auto") -> torch.device:
    """``auto`` is a CUDA GPU where there is one, else the CPU; Apple's GPU (mps) only when asked for.

    Raises:
        InputError: the device is unknown, or this machine does not have it.
    """
    if name == "auto":
        name = "cuda" if torch.cuda.is_available() else "cpu"
    try:
        device = torch.device(name)
    except RuntimeError as error:
        raise InputError(f"There is no device {name!r}; use auto, cpu, cuda or mps.") from error
    available = {"cpu": True, "cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available()}
    in_reach = device.type != "cuda" or (device.index or 0) < torch.cuda.device_count()
    if not available.get(device.type, False) or not in_reach:
        raise InputError(f"This machine has no usable device {name!r}; use auto or cpu.")
    return device


def slices_per_batch(
    config: MMHVAEConfig, modalities: int, device: torch.device, dtype: torch.dtype = torch.float32
) -> int:
    """How many slices to take at a time, at least 1: what a quarter of the free memory holds.

    On a CPU also no more than keep the widest tensor small. There, larger batches are slower: they leave the
    caches, and the C library returns larger blocks to the system after each use, to be faulted in again.
    """
    pixel = dtype.itemsize * config.image_size**2
    widest = pixel * EXPANSION * config.base_features  # bytes a slice, in the finest decoder cell
    # At the peak about six tensors of that size are alive, and the encoders' skips.
    peak = 6 * widest + 8 * pixel * config.base_features * modalities
    fitting = int(MEMORY_SHARE * free_memory(device) / peak)
    quick = LARGEST_CPU_TENSOR // widest if device.type == "cpu" else MOST_SLICES
    return max(1, min(fitting, quick, MOST_SLICES))


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
    if device.type == "cpu":
        # Not public yet, and absent from older versions of torch.
        supported = getattr(torch.cpu, "_is_avx512_bf16_supported", lambda: False)
        return torch.bfloat16 if supported() else None
    return None
