"""Which device does the work, how much memory it has free, and whether it may compute in half precision."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

import torch

from ..exceptions import InputError

_full_precision = ContextVar("full precision", default=False)
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


def free_memory(device: torch.device) -> int:
    """Free bytes on the device."""
    if device.type == "cuda":
        return int(torch.cuda.mem_get_info(device)[0])
    try:
        return os.sysconf("SC_AVPHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (AttributeError, ValueError, OSError):  # Windows and macOS lack the one or the other
        return FALLBACK_MEMORY


@contextmanager
def full_precision() -> Iterator[None]:
    """Compute in float32 within, whatever the device could do: what is published must not depend on the processor."""
    token = _full_precision.set(True)
    try:
        yield
    finally:
        _full_precision.reset(token)


def half_precision(device: torch.device) -> torch.dtype | None:
    """The reduced precision that the device computes faster than float32, or None."""
    if _full_precision.get():
        return None
    if device.type == "cuda":
        return torch.bfloat16 if torch.cuda.is_bf16_supported(including_emulation=False) else torch.float16
    if device.type == "cpu":
        # Not public yet, and absent from older versions of torch.
        supported = getattr(torch.cpu, "_is_avx512_bf16_supported", lambda: False)
        return torch.bfloat16 if supported() else None
    return None
