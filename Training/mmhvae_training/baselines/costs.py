"""What a synthesis costs: parameters, multiplications and seconds, counted while it runs."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from .method import Synthesiser


@dataclass(frozen=True)
class Cost:
    """Of one slice.

    Attributes:
        parameters: of the network, each once, however often it is used.
        gmacs: 10^9 multiply-adds of convolutions and matrix products, all passes of the network together.
        seconds: median, of as many runs as were asked for.
        slowest: seconds of the slowest run.
        side: of the slice, in pixels.
    """

    parameters: int
    gmacs: float
    seconds: float
    slowest: float
    side: int


def parameters_of(network: nn.Module) -> int:
    """How many there are."""
    return sum(parameter.numel() for parameter in network.parameters())


def cost_of(
    method: Synthesiser, network: nn.Module, inputs: Sequence[str], targets: Sequence[str], side: int, repeats: int
) -> Cost:
    """Cost of the targets of one slice of ``side`` pixels from ``inputs``, on the device of ``network``.

    A first run counts and warms up; ``repeats`` more are timed.
    """
    device = next(network.parameters()).device
    noise = torch.Generator(device).manual_seed(0)
    images = {name: 2 * torch.rand(1, 1, side, side, generator=noise, device=device) - 1 for name in inputs}

    def run() -> None:
        method.synthesise(images, targets, generator=noise)

    with FlopCounterMode(display=False) as counter:
        run()
    times = [_seconds(run, device) for _ in range(repeats)]
    gmacs = counter.get_total_flops() / 2e9  # a multiply-add is two
    return Cost(parameters_of(network), gmacs, statistics.median(times), max(times), side)


def _seconds(run: Callable[[], None], device: torch.device) -> float:
    _wait_for(device)
    start = time.perf_counter()
    run()
    _wait_for(device)
    return time.perf_counter() - start


def _wait_for(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize(device)
