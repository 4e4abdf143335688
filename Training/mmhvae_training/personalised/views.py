"""Augmented views of sub-volumes for pre-training: quarter turns about z, and cutout."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

PLANE = (2, 3)
"""Axes of one sub-volume (C, k, j, i) that a turn about z mixes."""
MOST_COVERED = 0.3
SHORTEST, LONGEST = 0.05, 0.25


def turned(volumes: Tensor, turns: Tensor) -> Tensor:
    """Each of (B, C, D, H, W) by its own number of quarter turns (B,); H and W are equal."""
    turned_ones = [torch.rot90(v, int(k), PLANE) for v, k in zip(volumes, turns, strict=True)]
    return torch.stack(turned_ones)


def turned_back(volumes: Tensor, turns: Tensor) -> Tensor:
    """The inverse of `turned`."""
    return turned(volumes, -turns)


@dataclass(frozen=True)
class Box:
    """A box of voxels, and which other sub-volume of the batch fills it; None: noise."""

    corner: tuple[int, int, int]
    size: tuple[int, int, int]
    source: int | None

    @property
    def slices(self) -> tuple[slice, ...]:
        """Of the last three axes."""
        return tuple(slice(start, start + side) for start, side in zip(self.corner, self.size, strict=True))


def draw_boxes(shape: tuple[int, int, int], batch: int, own: int, generator: torch.Generator) -> list[Box]:
    """Boxes of noise over a random share of the volume, up to 30 %; then, if another sub-volume is drawn, of that one.

    Overlaps count twice, as in the authors' code.
    """
    boxes = _boxes(shape, None, generator)
    other = int(torch.randint(batch, (), generator=generator))
    return boxes if other == own else boxes + _boxes(shape, other, generator)


def _boxes(shape: tuple[int, int, int], source: int | None, generator: torch.Generator) -> list[Box]:
    wanted = float(torch.rand((), generator=generator)) * MOST_COVERED * shape[0] * shape[1] * shape[2]
    boxes: list[Box] = []
    covered = 0
    while covered < wanted:
        sides = torch.rand(3, generator=generator) * (LONGEST - SHORTEST) + SHORTEST
        size = [max(1, int(side * share)) for side, share in zip(shape, sides.tolist(), strict=True)]
        corner = [int(torch.randint(s - n + 1, (), generator=generator)) for s, n in zip(shape, size, strict=True)]
        boxes.append(Box((corner[0], corner[1], corner[2]), (size[0], size[1], size[2]), source))
        covered += size[0] * size[1] * size[2]
    return boxes


def cut_out(volumes: Tensor, generator: torch.Generator) -> Tensor:
    """Sub-volumes (B, C, D, H, W) with boxes replaced by noise in [0, 1] or by pieces of another of them."""
    result = volumes.clone()
    shape = (volumes.shape[2], volumes.shape[3], volumes.shape[4])
    for number in range(len(volumes)):
        for box in draw_boxes(shape, len(volumes), number, generator):
            place = (slice(None), *box.slices)
            if box.source is None:
                noise = torch.randn(volumes.shape[1], *box.size, generator=generator)
                span = (noise.max() - noise.min()).clamp(min=1e-6)
                result[number][place] = ((noise - noise.min()) / span).to(volumes)
            else:
                result[number][place] = volumes[box.source][place]
    return result
