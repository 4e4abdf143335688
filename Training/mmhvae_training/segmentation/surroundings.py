"""A head around a skull-stripped brain: fluid, dura, bone with marrow, fat and skin, eyes, face and neck.

No patient's head; layers of random thickness whose grey levels are those that such tissue has in each contrast, give or
take a third, so that the segmenter meets bright fat and enhancing dura and learns that neither is a tumour.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from .fields import chance, look_up, random_field, uniform

FLUID, DURA, BONE, MARROW, FAT, MUSCLE, EYE, AIR = range(8)
#: Lowest and highest grey level; rows as above; t1, cet1, t2, flair; 1 is the brain's median.
LOWEST, HIGHEST = torch.tensor(
    [
        [(0.25, 0.55), (0.25, 0.6), (1.5, 2.4), (0.1, 0.5)],
        [(0.6, 1.0), (1.1, 2.8), (0.4, 1.0), (0.6, 1.3)],
        [(0.02, 0.2), (0.02, 0.25), (0.02, 0.2), (0.02, 0.2)],
        [(0.7, 1.6), (0.8, 1.7), (0.4, 1.2), (0.4, 1.2)],
        [(1.2, 2.6), (1.2, 2.6), (0.5, 2.0), (0.4, 1.9)],
        [(0.6, 0.9), (0.8, 1.4), (0.3, 0.7), (0.4, 0.9)],
        [(0.2, 0.5), (0.2, 0.5), (1.7, 2.6), (0.15, 0.6)],
        [(0.0, 0.02), (0.0, 0.02), (0.0, 0.02), (0.0, 0.02)],
    ]
).unbind(-1)
DISTANCE_START = -64.0


@dataclass(frozen=True)
class Surroundings:
    """What was drawn: where each layer ends (mm from the brain), grey levels (8, 4), the fields that vary them."""

    ends: Tensor
    levels: Tensor
    thickness: Tensor
    texture: Tensor
    eyes: Tensor
    face_height: float
    skin: float


def draw_surroundings(size: Tensor, generator: torch.Generator) -> Surroundings:
    """Random surroundings of a brain whose box has this size (mm; height, depth, width)."""
    layers = [(0.0, 5.0), (0.3, 2.2), (1.0, 3.0), (0.0, 5.0), (1.0, 3.0), (1.5, 9.0), (0.5, 3.0)]
    thicknesses = torch.stack([uniform(low, high, generator) for low, high in layers])
    ends = thicknesses.cumsum(0)
    if chance(0.25, generator):  # a brain cut out badly: only some of the layers are left
        kept = int(torch.randint(1, 5, (), generator=generator))
        ends = ends.clamp(max=float(ends[kept - 1]))
    height, middle = float(uniform(34, 54, generator)), float(size[2]) / 2
    apart, depth = float(uniform(28, 36, generator)), float(uniform(-8, 10, generator))
    eyes = torch.tensor([[height, depth, middle - apart], [height, depth, middle + apart]])
    return Surroundings(
        ends,
        LOWEST + (HIGHEST - LOWEST) * torch.rand(8, 4, generator=generator),
        random_field(2, size, 22.0, generator)[0],
        random_field(5, size, 9.0, generator)[0],
        eyes,
        float(uniform(20, 60, generator)),
        float(ends[-1]),
    )


def tissue_at(points: Tensor, distance: Tensor, head: Surroundings, size: Tensor) -> Tensor:
    """Which tissue, (d, h, w) of int64, lies at points outside the brain (`distance` mm away from it)."""
    thick, thin = look_up(head.thickness, points, 22.0, DISTANCE_START)
    warped = distance * (1 + 0.35 * thick).clamp(0.4, 2.0)
    layer = torch.bucketize(warped, head.ends)  # 0 fluid .. 6 skin, 7 air
    order = torch.tensor([FLUID, DURA, BONE, MARROW, BONE, FAT, MUSCLE, AIR])
    tissue = order[layer]
    tissue[(layer == 1) & (thin < -0.4)] = FLUID  # dura shows in patches
    _face(tissue, points, distance, head, size)
    _eyes(tissue, points, distance, head)
    return tissue


def _face(tissue: Tensor, points: Tensor, distance: Tensor, head: Surroundings, size: Tensor) -> None:
    """Muscle, fat, bone and air in lumps, below and before the brain, within the head's outline from above."""
    centre = size[1:] / 2
    axes = size[1:] / 2 + head.skin - 2
    within = (((points[..., 1:] - centre) / axes) ** 2).sum(-1) < 1
    below = within & (points[..., 0] < head.face_height) & (distance > float(head.ends[2]))
    lumps = look_up(head.texture, points, 9.0, DISTANCE_START)[4]
    tissue[below] = torch.tensor([AIR, BONE, MUSCLE, FAT])[
        torch.bucketize(lumps[below], torch.tensor([-0.7, -0.3, 0.3]))
    ]


def _eyes(tissue: Tensor, points: Tensor, distance: Tensor, head: Surroundings) -> None:
    for eye in head.eyes:
        away = (points - eye).norm(dim=-1)
        outside = distance > 2
        tissue[(away < 19) & outside] = FAT
        tissue[(away < 13) & outside] = MUSCLE
        tissue[(away < 11.5) & outside] = EYE


def paint(images: Tensor, points: Tensor, distance: Tensor, head: Surroundings, size: Tensor) -> Tensor:
    """The images, 1 in the brain's median, with the head painted where there is no brain. (4, d, h, w)."""
    outside = (images <= 0).all(dim=0) & (distance > 0)
    where = points[outside][:, None, None]  # (n, 1, 1, 3): half the points or fewer
    tissue = tissue_at(where, distance[outside][:, None, None], head, size)
    grain = look_up(head.texture, where, 9.0, DISTANCE_START)[:4]
    images[:, outside] = (head.levels.T[:, tissue] * (1 + 0.2 * grain).clamp(0.3, 1.8))[..., 0, 0]
    return images
