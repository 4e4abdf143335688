"""Work that goes on with the CPU where the GPU's memory is full."""

from __future__ import annotations

import gc
from collections.abc import Callable
from typing import TypeVar

import torch

from ..exceptions import Progress

MEMORY_FULL = "The GPU's memory was full, so the CPU did the work."

Result = TypeVar("Result")


def where_it_fits(
    work: Callable[[torch.device], Result], device: torch.device, progress: Progress
) -> tuple[Result, torch.device]:
    """``work`` on the device, or on the CPU where its memory runs out; synthesis has a finer ladder of its own."""
    try:
        return work(device), device
    except torch.OutOfMemoryError:
        if device.type == "cpu":
            raise
    gc.collect()  # what the failed attempt held
    torch.cuda.empty_cache()
    progress(0.0, "the GPU's memory is full, going on with the CPU")
    cpu = torch.device("cpu")
    return work(cpu), cpu
