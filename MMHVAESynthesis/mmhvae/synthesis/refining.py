"""Synthetic volumes through the bundle's refinement, sample by sample and block by block.

Blocks overlap by what a correction depends on, so that they bound the memory and change nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from itertools import product

import torch
from torch import Tensor

from ..bundle import Bundle
from ..compute import Still, side_by_side
from ..exceptions import Progress, part_of
from ..images import OWN_SPACING_RATIO
from ..network import computing
from .passes import Collector, SampleVolumes, Sampling, Statistics
from .preparation import PreparedCase

BLOCK = 96  # voxels a side, without the overlap; a multiple of the refinement's stride
#: Bytes of the samples that wait for their refinement; more samples are made in several turns.
SAMPLE_BYTES = 1 << 30
#: Share of the work that the 2-D network does.
SYNTHESISED = 0.8
REFINING = "refining in 3-D"

#: Runs the 2-D network over all slices.
Run = Callable[[Sampling, Collector, Progress], None]
Start = tuple[int, int, int, int]  # a sample's number, and its block's first voxel


def is_refined(bundle: Bundle, case: PreparedCase) -> bool:
    """Whether the bundle has a refinement that has learnt neighbours like those of this case.

    Not so in a stack of thick slices, or of a sweep's frames: they lie farther from each other than pixels do.
    """
    ratio = case.grid.GetSpacing()[case.axis] / bundle.manifest.spacing_mm
    return bundle.refinement is not None and max(ratio, 1 / ratio) <= OWN_SPACING_RATIO


def refined_statistics(
    bundle: Bundle, case: PreparedCase, sampling: Sampling, targets: Sequence[str], run: Run, progress: Progress
) -> Statistics:
    """Mean and standard deviation of the targets' samples, each refined.

    Args:
        sampling: with :func:`needed_targets`.
    """
    size = max(1, SAMPLE_BYTES // (4 * case.mask.numel() * len(sampling.targets)))
    moments, count = _Moments({name: torch.zeros(case.mask.shape) for name in targets}), len(sampling.noise)
    for first in range(0, count, size):
        group = replace(sampling, noise=sampling.noise[first : first + size])
        mine = part_of(progress, first / count, min(1.0, (first + size) / count))
        samples = SampleVolumes.empty(case, group)
        run(group, samples, part_of(mine, 0, SYNTHESISED))
        volumes = refined(bundle, case, samples.volumes, sampling.device, part_of(mine, SYNTHESISED, 1))
        for number in range(len(group.noise)):
            moments.add({name: volumes[name][number] for name in targets})
    return moments.statistics()


def needed_targets(bundle: Bundle, case: PreparedCase, targets: Sequence[str]) -> tuple[str, ...]:
    """What the 2-D network has to make: all that was not given, so that other targets change nothing of a target."""
    names = bundle.network.config.modalities
    refining = is_refined(bundle, case)
    return tuple(name for name in names if name in targets or (refining and name not in case.inputs))


def refined(
    bundle: Bundle, case: PreparedCase, volumes: Mapping[str, Tensor], device: torch.device, progress: Progress
) -> dict[str, Tensor]:
    """The samples' volumes (N, S, H, W) in [0, 1], corrected; one of a modality that was given comes as it is."""
    assert bundle.refinement is not None
    refinement, names = bundle.refinement.to(device), bundle.network.config.modalities
    given = torch.tensor([[float(name in case.inputs) for name in names]], device=device)  # (1, M)
    inputs = {name: (planes + 1) / 2 for name, planes in case.inputs.items()}
    result = {name: torch.zeros_like(volume) for name, volume in volumes.items() if name not in inputs}
    reach = refinement.config.reach

    def block(start: Start, still: Still) -> Tensor:
        still(0.0)
        number, outer, inner = start[0], _around(start[1:], reach), (slice(None), *_within(start[1:], reach))
        parts = [inputs[name][outer] if name in inputs else volumes[name][number][outer] for name in names]
        with torch.inference_mode(), computing(device, torch.float32):
            whole = torch.stack(parts)[None].to(device)  # (1, M, d, h, w)
            found = refinement(whole, given, case.mask[outer][None, None].to(device))
            return found[0][inner].clamp(0, 1).cpu()

    starts = block_starts(len(next(iter(volumes.values()))), case.mask.shape)
    workers = torch.get_num_threads() if device.type == "cpu" else 1
    for start, found in side_by_side(block, starts, workers, lambda share, _: progress(share, REFINING)):
        for channel, name in enumerate(names):
            if name in result:
                result[name][start[0]][tuple(slice(first, first + BLOCK) for first in start[1:])] = found[channel]
    return {**volumes, **result}


def block_starts(samples: int, shape: Sequence[int]) -> list[Start]:
    """Every block of every sample."""
    return list(product(range(samples), *(range(0, size, BLOCK) for size in shape)))  # type: ignore[arg-type]


def _around(start: Sequence[int], reach: int) -> tuple[slice, ...]:
    """The block with all that it depends on; where the volume ends, slicing ends too."""
    return tuple(slice(max(0, first - reach), first + BLOCK + reach) for first in start)


def _within(start: Sequence[int], reach: int) -> tuple[slice, ...]:
    """The block itself within :func:`_around`."""
    return tuple(slice(first - max(0, first - reach), first - max(0, first - reach) + BLOCK) for first in start)


class _Moments:
    """Mean and standard deviation of volumes that come one after the other (Welford)."""

    def __init__(self, zeros: dict[str, Tensor]) -> None:
        self.count = 0
        self.mean, self.squares = zeros, {name: zero.clone() for name, zero in zeros.items()}

    def add(self, volumes: Mapping[str, Tensor]) -> None:
        self.count += 1
        for name, volume in volumes.items():
            change = volume - self.mean[name]
            self.mean[name] += change / self.count
            self.squares[name] += change * (volume - self.mean[name])

    def statistics(self) -> Statistics:
        """No deviation of one sample."""
        many = self.squares if self.count > 1 else {}
        return Statistics(self.mean, {name: (total / (self.count - 1)).sqrt() for name, total in many.items()})
