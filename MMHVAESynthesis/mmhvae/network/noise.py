"""The latents' noise over a whole volume: seeded, smooth along the slices, the same for every tile and batch."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from .model import MMHVAEConfig
from .tiles import TileLayout

#: Over this distance along the slice axis the noise becomes independent: about the size of a gyrus.
KNOT_DISTANCE_MM = 8.0


@dataclass(frozen=True)
class VolumeNoise:
    """Standard normal noise over a volume that changes smoothly from slice to slice, so that neighbours agree.

    Independent fields at knots every few slices; in between, two of them mix with weights cos and sin, which
    keeps the variance at 1.

    Attributes:
        knots: a level, coarse to fine, (K, C[, h, w]) over the whole canvas.
        step: distance of the knots in slices.
    """

    knots: tuple[Tensor, ...]
    step: float

    def at(self, index: int) -> list[Tensor]:
        """The noise of slice ``index``: a level, (C[, h, w])."""
        knot, share = divmod(index / self.step, 1)
        angle = share * math.pi / 2
        if angle == 0:
            return [fields[int(knot)] for fields in self.knots]
        return [math.cos(angle) * f[int(knot)] + math.sin(angle) * f[int(knot) + 1] for f in self.knots]


def draw_noise(
    config: MMHVAEConfig, layout: TileLayout, slices: int, slice_spacing: float, samples: int, seed: int
) -> tuple[VolumeNoise, ...]:
    """One noise field over the whole volume for each sample, drawn before any batch is formed.

    It is drawn on the CPU, so that neither batch size nor device changes it.
    """
    generator = torch.Generator().manual_seed(seed)
    shapes: list[tuple[int, ...]] = [config.latent_shapes[0]]
    for channels, height, _ in config.latent_shapes[1:]:
        shrink = config.image_size // height
        shapes.append((channels, layout.canvas[0] // shrink, layout.canvas[1] // shrink))
    step = KNOT_DISTANCE_MM / slice_spacing
    knots = math.ceil((slices - 1) / step) + 1

    def draw() -> VolumeNoise:
        return VolumeNoise(tuple(torch.randn(knots, *shape, generator=generator) for shape in shapes), step)

    return tuple(draw() for _ in range(samples))
