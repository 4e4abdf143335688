"""One random view of a patient: turned, mirrored, scaled, cropped; with surroundings, shading and a field of view."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from .fields import chance, look_up, random_field, uniform
from .patients import DISTANCE_MARGIN, DISTANCE_SPACING, Patient
from .surroundings import Surroundings, draw_surroundings, paint

MIRROR = (0.1, 0.25, 0.5)
"""How often each axis is mirrored; the brain is nearly alike left and right."""
SHELLS = 0.6


@dataclass(frozen=True)
class Scene:
    """What was drawn for one view; `render` shows it at any points. Lengths in mm, on the patient's axes."""

    patient: Patient
    centre: Tensor
    matrix: Tensor
    head: Surroundings | None
    gamma: Tensor
    shading: Tensor
    shading_strength: Tensor
    planes: tuple[tuple[Tensor, Tensor, Tensor], ...]

    @property
    def size(self) -> Tensor:
        return torch.tensor(self.patient.regions.shape, dtype=torch.float32)

    def points(self, shape: tuple[int, ...], spacing: float, around: Tensor | None = None) -> Tensor:
        """The patient's points that a grid of this shape shows, (d, h, w, 3)."""
        axes = [(torch.arange(side) - (side - 1) / 2) * spacing for side in shape]
        offsets = torch.stack(torch.meshgrid(*axes, indexing="ij"), dim=-1)
        return offsets @ self.matrix.T + (self.centre if around is None else around)

    def render(self, points: Tensor) -> Tensor:
        """All contrasts, (4, d, h, w): about 1 in the brain, 0 in air and outside the field of view."""
        images = look_up(torch.from_numpy(self.patient.images).float(), points)
        images = (images / torch.tensor(self.patient.medians)[:, None, None, None]) ** self.gamma[:, None, None, None]
        if self.head is not None:
            images = paint(images, points, self.distance(points), self.head, self.size)
        if self.shading_strength.max() > 0:
            images = (
                images * (self.shading_strength[:, None, None, None] * look_up(self.shading, points, 70.0, -64.0)).exp()
            )
        return images * self.in_view(points)

    def in_view(self, points: Tensor) -> Tensor:
        """Where each contrast's field of view is, (4, d, h, w) of 0 and 1."""
        seen = torch.ones(len(self.patient.medians), *points.shape[:-1])
        for modalities, normal, offset in self.planes:
            seen[modalities] *= (points @ normal < offset).float()
        return seen

    def regions(self, points: Tensor) -> Tensor:
        """The three nested regions, (3, d, h, w) of 0 and 1."""
        counts = look_up(torch.from_numpy(self.patient.regions)[None].float(), points, mode="nearest")
        return (counts > torch.arange(3)[:, None, None, None]).float()

    def distance(self, points: Tensor) -> Tensor:
        """Millimetres from each point to the brain, closed and filled, (d, h, w); 0 within."""
        volume = torch.from_numpy(self.patient.distance)[None].float()
        distance = look_up(volume, points, DISTANCE_SPACING, -DISTANCE_MARGIN)[0]
        margin = (points < 2 - DISTANCE_MARGIN) | (points > self.size + DISTANCE_MARGIN - 3)
        return distance.masked_fill(margin.any(dim=-1), 1000.0)


def draw_scene(patient: Patient, crop: tuple[int, ...], generator: torch.Generator, shells: float = SHELLS) -> Scene:
    """A random scene whose crop (mm) shows the lesion more often than not."""
    size = torch.tensor(patient.regions.shape, dtype=torch.float32)
    return Scene(
        patient,
        _draw_centre(patient, size, crop, generator),
        draw_matrix(generator),
        draw_surroundings(size, generator) if chance(shells, generator) else None,
        (0.3 * torch.randn(4, generator=generator).clamp(-2, 2)).exp(),
        random_field(4, size, 70.0, generator)[0],
        uniform(0.0, 0.25, generator, (4,)) * chance(0.6, generator),
        tuple(_draw_planes(size, generator)),
    )


def _draw_centre(patient: Patient, size: Tensor, crop: tuple[int, ...], generator: torch.Generator) -> Tensor:
    if chance(0.75, generator):
        voxel = patient.lesion[int(torch.randint(len(patient.lesion), (), generator=generator))]
        jitter = (torch.rand(3, generator=generator) - 0.5) * torch.tensor(crop) * 0.7
        return torch.from_numpy(voxel).float() + jitter
    return size * uniform(0.15, 0.85, generator, (3,))


def draw_matrix(generator: torch.Generator) -> Tensor:
    """A turn of some 12 degrees about every axis, a scale of 0.85 to 1.18, mirrored axes."""
    matrix = torch.eye(3)
    for axis, angle in enumerate((torch.randn(3, generator=generator) * math.radians(10)).clamp(-0.4, 0.4)):
        turn, (first, second) = torch.eye(3), [other for other in range(3) if other != axis]
        turn[first, first] = turn[second, second] = torch.cos(angle)
        turn[first, second], turn[second, first] = -torch.sin(angle), torch.sin(angle)
        matrix = turn @ matrix
    mirror = torch.tensor([-1.0 if chance(share, generator) else 1.0 for share in MIRROR])
    scale = (torch.randn(3, generator=generator) * 0.04 + torch.randn((), generator=generator) * 0.07).exp()
    return matrix * (mirror * scale.clamp(0.8, 1.25))


def _draw_planes(size: Tensor, generator: torch.Generator) -> list[tuple[Tensor, Tensor, Tensor]]:
    """Where a field of view ends: for all contrasts alike, and for single ones."""
    planes = []
    for modalities, probability in (([0, 1, 2, 3], 0.2), *(([modality], 0.06) for modality in range(4))):
        if chance(probability, generator):
            normal = torch.zeros(3)
            normal[int(torch.randint(3, (), generator=generator))] = 1.0 if chance(0.5, generator) else -1.0
            normal = normal + 0.15 * torch.randn(3, generator=generator)
            through = size * uniform(0.1, 0.9, generator, (3,))
            depth = uniform(10.0, 60.0, generator)
            planes.append((torch.tensor(modalities), normal, through @ normal + depth))
    return planes
