"""Fit planes of any size to the network's fixed square: pad, or tile with overlap and blend.

The network's coarsest level is fully connected, so its images cannot grow. A plane that fits is centred in one
tile. A larger one is covered by tiles whose distances are multiples of the coarsest pixel: then one noise field
over the whole canvas can be cut at every level of latents, and tiles agree where they overlap.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

SMALLEST_OVERLAP = 0.25  # of a tile's side


@dataclass(frozen=True)
class TileLayout:
    """Where the tiles lie over planes of (height, width) pixels.

    Attributes:
        plane: height and width of the planes.
        side: of a tile.
        starts: first rows, and first columns, of the tiles on the canvas.
        canvas: height and width of the canvas, on which the plane is centred.
        larger_half_first: where the padding is odd, one pixel more above and left, as the released weights saw it;
            else one more below and right.
    """

    plane: tuple[int, int]
    side: int
    starts: tuple[tuple[int, ...], tuple[int, ...]]
    canvas: tuple[int, int]
    larger_half_first: bool = False

    @classmethod
    def covering(cls, plane: tuple[int, int], side: int, stride: int, larger_half_first: bool = False) -> TileLayout:
        """The fewest tiles over ``plane`` that overlap by a quarter or more, at multiples of ``stride`` pixels."""
        step = max(stride, int(side * (1 - SMALLEST_OVERLAP)) // stride * stride)
        counts = [max(0, math.ceil((size - side) / step)) + 1 for size in plane]
        rows, columns = (tuple(step * index for index in range(count)) for count in counts)
        return cls(plane, side, (rows, columns), (rows[-1] + side, columns[-1] + side), larger_half_first)

    @property
    def corners(self) -> list[tuple[int, int]]:
        """First row and column of each tile on the canvas."""
        return [(row, column) for row in self.starts[0] for column in self.starts[1]]

    @property
    def margins(self) -> tuple[int, int]:
        """Rows above and columns left of the plane on the canvas."""
        more = int(self.larger_half_first)
        return (self.canvas[0] - self.plane[0] + more) // 2, (self.canvas[1] - self.plane[1] + more) // 2

    def cut(self, planes: Tensor, fill: float) -> Tensor:
        """Planes (S, H, W) -> tiles (S, T, side, side), padded with ``fill``."""
        top, left = self.margins
        padding = (left, self.canvas[1] - self.plane[1] - left, top, self.canvas[0] - self.plane[0] - top)
        canvas = F.pad(planes, padding, value=fill)
        return torch.stack([canvas[:, r : r + self.side, c : c + self.side] for r, c in self.corners], dim=1)

    def blend(self, tiles: Tensor) -> Tensor:
        """Tiles (..., T, side, side) -> planes (..., H, W); where tiles overlap, weights pass linearly over."""
        canvas = tiles.new_zeros(*tiles.shape[:-3], *self.canvas)
        total = tiles.new_zeros(self.canvas)
        for index, (row, column) in enumerate(self.corners):
            weight = self._profile(0, row)[:, None] * self._profile(1, column)[None]
            window = (..., slice(row, row + self.side), slice(column, column + self.side))
            canvas[window] += tiles[..., index, :, :] * weight.to(tiles)
            total[window] += weight.to(tiles)
        top, left = self.margins
        inside = (..., slice(top, top + self.plane[0]), slice(left, left + self.plane[1]))
        return canvas[inside] / total[inside]

    def cut_noise(self, noise: Sequence[Tensor]) -> list[Tensor]:
        """Noise over the canvas, a level (C,) or (C, h, w), coarse to fine -> noise a tile (T, C[, h, w])."""
        return [field.expand(len(self.corners), -1) if field.dim() == 1 else self._cut_level(field) for field in noise]

    def _cut_level(self, field: Tensor) -> Tensor:
        shrink = self.canvas[0] // field.shape[1]  # pixels of the canvas a pixel of this level
        size = self.side // shrink
        corners = [(row // shrink, column // shrink) for row, column in self.corners]
        return torch.stack([field[:, r : r + size, c : c + size] for r, c in corners])

    def _profile(self, axis: int, start: int) -> Tensor:
        """Weight along one axis of the tile at ``start``: 1, falling linearly towards neighbouring tiles."""
        starts = self.starts[axis]
        weight = torch.ones(self.side)
        if len(starts) == 1:
            return weight
        overlap = self.side - (starts[1] - starts[0])
        ramp = ((torch.arange(self.side) + 0.5) / overlap).clamp(max=1)
        if start != starts[0]:
            weight = torch.minimum(weight, ramp)
        if start != starts[-1]:
            weight = torch.minimum(weight, ramp.flip(0))
        return weight
