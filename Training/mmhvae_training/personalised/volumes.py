"""Patients as the personalised network sees them: z-scored volumes, and random crops of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from ..segmentation import Patient
from .algorithms import SubVolumes

TURNED_PLANE = (-2, -1)


@dataclass(frozen=True)
class PatientVolume:
    """One patient, padded to the crop where smaller.

    Attributes:
        images: (M, D, H, W) float32, each modality z-scored over the whole volume, zeros included, as in the authors'
            code; foreground: (M, D, H, W), true where any modality is above zero; labels: (D, H, W), the number of
            nested regions.
    """

    name: str
    images: Tensor
    foreground: Tensor
    labels: Tensor


def patient_volume(patient: Patient, spacing: int, crop: tuple[int, int, int]) -> PatientVolume:
    """Blocks of ``spacing`` voxels averaged, labels by the block's median, z-scored."""
    raw = torch.from_numpy(patient.images).float()
    images = F.avg_pool3d(raw[None], spacing, ceil_mode=True, count_include_pad=False)[0]
    labels = torch.from_numpy(patient.regions)[tuple(slice(spacing // 2, None, spacing) for _ in range(3))].long()
    if labels.shape != images.shape[1:]:  # the last blocks are cut off
        labels = _padded(labels, tuple(images.shape[1:]), 0)
    foreground = (images > 0).any(dim=0)
    axes = (1, 2, 3)
    deviation = images.std(axes, keepdim=True).clamp(min=1e-6)
    images = (images - images.mean(axes, keepdim=True)) / deviation
    shape = tuple(max(side, wanted) for side, wanted in zip(labels.shape, crop, strict=True))
    padded = torch.stack([_padded(image, shape, float(image.min())) for image in images])
    whole = _padded(foreground, shape, False).expand(len(images), *shape)
    return PatientVolume(patient.name, padded, whole, _padded(labels, shape, 0))


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
        starts = [int(rng.integers(n - side + 1)) for n, side in zip(volume.labels.shape, crop, strict=True)]
        place = tuple(slice(start, start + side) for start, side in zip(starts, crop, strict=True))
        channels = (slice(None), *place)
        flipped = [axis for axis in (-3, -2, -1) if rng.random() < flip]
        turns = int(rng.integers(1, 4)) if rng.random() < quarter_turn else 0
        parts = (volume.images[channels], volume.foreground[channels], volume.labels[place])
        drawn.append([torch.rot90(part.flip(flipped), turns, TURNED_PLANE) for part in parts])
    images, foreground, labels = (torch.stack(parts) for parts in zip(*drawn, strict=True))
    return SubVolumes(images, foreground, labels)
