"""The slices of a volume through the network: batch by batch on a GPU, side by side on a CPU."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor

from ..compute import Still, side_by_side
from ..exceptions import Progress
from ..network import BACKGROUND, MMHVAE, TileLayout, VolumeNoise, computing
from .preparation import PreparedCase


@dataclass(frozen=True)
class Sampling:
    """How the network is run."""

    targets: tuple[str, ...]
    temperature: float
    noise: tuple[VolumeNoise, ...]  # one a sample
    device: torch.device
    dtype: torch.dtype = torch.float32


class Collector(Protocol):
    """Keeps what was made of the slices."""

    def take(self, planes: Mapping[str, Tensor], slices: list[int]) -> None:
        """Put in what :func:`sampled_planes` made of some slices."""


@dataclass
class Statistics:
    """Mean and standard deviation over the samples, a target (S, H, W)."""

    mean: dict[str, Tensor]
    deviation: dict[str, Tensor]

    @classmethod
    def empty(cls, case: PreparedCase, sampling: Sampling) -> Statistics:
        """Zeros; no deviation where there is one sample only."""
        many = sampling.targets if len(sampling.noise) > 1 else ()
        return cls(*({name: torch.zeros(case.mask.shape) for name in names} for names in (sampling.targets, many)))

    def take(self, planes: Mapping[str, Tensor], slices: list[int]) -> None:
        """Put in what :func:`sampled_planes` made of some slices."""
        for name, samples in planes.items():
            self.mean[name][slices] = samples.mean(0)
            if name in self.deviation:
                self.deviation[name][slices] = samples.std(0)


@dataclass
class SampleVolumes:
    """Every sample by itself, a target (N, S, H, W), 0 in slices that show nothing."""

    volumes: dict[str, Tensor]

    @classmethod
    def empty(cls, case: PreparedCase, sampling: Sampling) -> SampleVolumes:
        """Zeros."""
        return cls({name: torch.zeros(len(sampling.noise), *case.mask.shape) for name in sampling.targets})

    def take(self, planes: Mapping[str, Tensor], slices: list[int]) -> None:
        """Put in what :func:`sampled_planes` made of some slices."""
        for name, samples in planes.items():
            self.volumes[name][:, slices] = samples


def run_in_batches(
    network: MMHVAE,
    case: PreparedCase,
    layout: TileLayout,
    sampling: Sampling,
    batch_size: int,
    into: Collector,
    progress: Progress,
) -> None:
    """All slices that show something, batch by batch; where a GPU's memory runs out, with smaller batches.

    Raises:
        torch.OutOfMemoryError: a single slice is too much.
    """
    count, shown = len(case.mask), shown_slices(case)
    done = 0
    while done < len(shown):
        chosen = shown[done : done + batch_size]

        def still(share: float, chosen: list[int] = chosen, done: int = done) -> None:
            progress((done + share * len(chosen)) / len(shown), f"slice {chosen[0] + 1} of {count}")

        try:
            into.take(sampled_planes(network, case, layout, sampling, chosen, batch_size, still), chosen)
        except torch.OutOfMemoryError:
            if batch_size == 1:
                raise
            batch_size //= 2
            continue
        done += len(chosen)
        progress(done / len(shown), f"slice {chosen[-1] + 1} of {count}")


def run_side_by_side(
    network: MMHVAE,
    case: PreparedCase,
    layout: TileLayout,
    sampling: Sampling,
    workers: int,
    together: int,
    into: Collector,
    progress: Progress,
) -> None:
    """All slices that show something: ``workers`` threads of the CPU beside each other, ``together`` slices in each.

    The volume has one field of noise, and every slice is computed by itself in the same way, so that the result is
    the same bit by bit, however many go side by side.
    """
    count = len(case.mask)

    def some(slices: tuple[int, ...], still: Still) -> dict[str, Tensor]:
        return sampled_planes(network, case, layout, sampling, list(slices), together, still)

    def told(share: float, slices: tuple[int, ...]) -> None:
        progress(share, f"slice {slices[-1] + 1} of {count}")

    shown = shown_slices(case)
    pieces = [tuple(shown[first : first + together]) for first in range(0, len(shown), together)]
    for slices, planes in side_by_side(some, pieces, workers, told):
        into.take(planes, list(slices))


def shown_slices(case: PreparedCase) -> list[int]:
    """The slices that show something."""
    found: list[int] = torch.nonzero(case.mask.flatten(1).any(1)).flatten().tolist()
    return found


@torch.inference_mode()
def sampled_planes(
    network: MMHVAE,
    case: PreparedCase,
    layout: TileLayout,
    sampling: Sampling,
    slices: list[int],
    batch_size: int,
    still: Callable[[float], None],
) -> dict[str, Tensor]:
    """Every sample of some slices: target -> (N, S, H, W), harmonised to [0, 1]; on the CPU.

    ``still`` hears of the share that is done after each sample of each batch of tiles, and may stop the work.
    """
    inputs = {name: layout.cut(planes[slices], BACKGROUND) for name, planes in case.inputs.items()}
    mask = layout.cut(case.mask[slices], False)  # (S, T, side, side)
    shown = torch.nonzero(mask.flatten(2).any(2))  # (n, 2): tiles that show something
    tiles = {
        name: torch.full((len(sampling.noise), *mask.shape), BACKGROUND) for name in sampling.targets
    }  # (N, S, T, side, side)
    noise = [[layout.cut_noise(field.at(index)) for index in slices] for field in sampling.noise]
    batches, count = shown.split(batch_size), len(sampling.noise)
    for turn, which in enumerate(batches):
        at = (which[:, 0], which[:, 1])
        batch = {name: planes[at][:, None] for name, planes in inputs.items()}  # (B, 1, side, side)
        mine = [_stacked(field, which.tolist()) for field in noise]
        for draw, images in enumerate(_images(network, batch, mask[at][:, None], sampling, mine)):
            for name, image in images.items():
                tiles[name][draw][at] = image[:, 0]
            still((turn + (draw + 1) / count) / len(batches))
    return {name: (layout.blend(values) + 1) / 2 for name, values in tiles.items()}


def _stacked(noise: Sequence[Sequence[Tensor]], which: Sequence[Sequence[int]]) -> list[Tensor]:
    """Noise a slice, a level (T, C[, h, w]) -> a level (B, C[, h, w]) for a batch of (slice, tile)."""
    levels = range(len(noise[0]))
    return [torch.stack([noise[index][level][tile] for index, tile in which]) for level in levels]


def _images(
    network: MMHVAE,
    batch: Mapping[str, Tensor],
    mask: Tensor,
    sampling: Sampling,
    noise: Sequence[Sequence[Tensor]],
) -> Iterator[dict[str, Tensor]]:
    """One draw after the other: target -> (B, 1, side, side) float32 on the CPU. Encodes once for all draws."""
    device = sampling.device
    with computing(device, sampling.dtype):
        encodings = network.encode({name: image.to(device) for name, image in batch.items()})
        for levels in noise:
            z1, _ = network.fuse(encodings, sampling.temperature, noise=[level.to(device) for level in levels])
            images = network.decode(z1, sampling.targets)
            yield {name: torch.where(mask, image.float().cpu(), BACKGROUND) for name, image in images.items()}
