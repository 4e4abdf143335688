"""Patients as the personalised network sees them: z-scored volumes, and random crops of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from .algorithms import SubVolumes

TURNED_PLANE = (-2, -1)


@dataclass(frozen=True)
class PatientVolume:
    """One patient, padded to the crop where smaller.

    Attributes:
        images: (M, D, H, W) float32, each modality z-scored over the whole volume, zeros included, as in the authors'
            code; foreground: (M, D, H, W), true in the patient; labels: (D, H, W) int64, if there are any.
    """

    name: str
    images: Tensor
    foreground: Tensor
    labels: Tensor | None

    @property
    def shape(self) -> tuple[int, ...]:
        """(D, H, W)."""
        return tuple(self.images.shape[1:])

    def cut(self, place: tuple[slice, ...]) -> PatientVolume:
        """A part of it."""
        channels, labels = (slice(None), *place), None if self.labels is None else self.labels[place]
        return PatientVolume(self.name, self.images[channels], self.foreground[channels], labels)


def patient_volume(
    name: str, raw: Tensor, foreground: Tensor, labels: Tensor | None, block: int, crop: tuple[int, int, int]
) -> PatientVolume:
    """Blocks of ``block`` voxels a side averaged, labels by the block's middle, z-scored.

    Args:
        raw: (M, D, H, W) float32; foreground: (D, H, W), true in the patient; labels: (D, H, W) int64.
    """
    images = F.avg_pool3d(raw[None], block, ceil_mode=True, count_include_pad=False)[0]
    inside = F.max_pool3d(foreground[None].float(), block, ceil_mode=True)[0] > 0
    axes = (1, 2, 3)
    deviation = images.std(axes, keepdim=True).clamp(min=1e-6)
    images = (images - images.mean(axes, keepdim=True)) / deviation
    shape = tuple(max(side, wanted) for side, wanted in zip(inside.shape, crop, strict=True))
    padded = torch.stack([_padded(image, shape, float(image.min())) for image in images])
    whole = _padded(inside, shape, False).expand(len(images), *shape)
    if labels is not None:
        labels = _padded(labels[tuple(slice(block // 2, None, block) for _ in range(3))], shape, 0)
    return PatientVolume(name, padded, whole, labels)


def within_foreground(volume: PatientVolume, crop: tuple[int, int, int]) -> PatientVolume:
    """The smallest box around the foreground that holds a crop: air far from the patient is no result."""
    there = volume.foreground.any(dim=0).nonzero()
    if not len(there):
        return volume
    place = []
    for low, high, side, least in zip(there.amin(0), there.amax(0) + 1, volume.shape, crop, strict=True):
        start = max(0, min(int(low), side - least))
        place.append(slice(start, max(int(high), start + least)))
    return volume.cut(tuple(place))


def _padded(volume: Tensor, shape: tuple[int, ...], value: float) -> Tensor:
    result = volume.new_full(shape, value)
    result[tuple(slice(0, side) for side in volume.shape)] = volume
    return result


def draw_sub_volumes(
    volumes: Sequence[PatientVolume],
    crop: tuple[int, int, int],
    batch_size: int,
    flip: float,
    quarter_turn: float,
    rng: np.random.Generator,
) -> SubVolumes:
    """Crops of random patients at random places, all modalities at the same one, flipped and turned at random."""
    drawn = []
    for _ in range(batch_size):
        volume = volumes[int(rng.integers(len(volumes)))]
        starts = [int(rng.integers(n - side + 1)) for n, side in zip(volume.shape, crop, strict=True)]
        part = volume.cut(tuple(slice(start, start + side) for start, side in zip(starts, crop, strict=True)))
        flipped = [axis for axis in (-3, -2, -1) if rng.random() < flip]
        turns = int(rng.integers(1, 4)) if rng.random() < quarter_turn else 0
        parts = [part.images, part.foreground, *([] if part.labels is None else [part.labels])]
        drawn.append([torch.rot90(part.flip(flipped), turns, TURNED_PLANE) for part in parts])
    images, foreground, *labels = (torch.stack(parts) for parts in zip(*drawn, strict=True))
    return SubVolumes(images, foreground, *labels)
