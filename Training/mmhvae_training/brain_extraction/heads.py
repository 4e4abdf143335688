"""One random head, seen in one contrast, and where its brain is."""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch
from mmhvae.segmentation import measure_grey_levels
from torch import Tensor

from ..segmentation import AIR, HIGHEST, Patient, Scene, chance, draw_scene, thick_slices, uniform
from .brain_configuration import HeadsConfig

OFF_CENTRE_MM = 30.0
#: A point this near to the brain is brain: its distance is known every 2 mm.
EDGE_MM = 1.0
MOST_NOISE = 0.08
MOST_THICK_MM = 6.0
Shape = tuple[int, int, int]


@dataclass(frozen=True)
class Head:
    """What is learnt from: image (D, H, W), normalised; brain (D, H, W), 0 or 1, where the image shows it."""

    image: Tensor
    brain: Tensor


def draw_head(patient: Patient, data: HeadsConfig, shape: Shape, generator: torch.Generator) -> Head:
    """A random head around that patient's brain on a grid of that shape."""
    scene = _scene(patient, data, shape, generator)
    points = scene.points(shape, data.spacing)
    contrast = int(torch.multinomial(torch.tensor(data.weights), 1, generator=generator))
    image = scene.render(points)[contrast]
    brain = (scene.distance(points) < EDGE_MM).float() * scene.in_view(points)[contrast]
    if chance(0.3, generator):
        image = thick_slices(image, generator, (1.0, MOST_THICK_MM / data.spacing))
    image = _noisy(image, generator)
    levels = measure_grey_levels(image)
    if levels is None:  # nothing within the field of view
        return Head(torch.zeros_like(image), torch.zeros_like(brain))
    return Head(levels.normalise(image), brain)


def draw_shape(data: HeadsConfig, multiple: int, generator: torch.Generator) -> Shape:
    """Sides of a grid, each a multiple of so many voxels."""
    low, high = data.smallest // multiple, data.largest // multiple
    sides = torch.randint(low, high + 1, (3,), generator=generator) * multiple
    depth, height, width = sides.tolist()
    return depth, height, width


def _scene(patient: Patient, data: HeadsConfig, shape: Shape, generator: torch.Generator) -> Scene:
    drawn = draw_scene(patient, shape, generator, data.heads)
    centre = drawn.size / 2 + uniform(-OFF_CENTRE_MM, OFF_CENTRE_MM, generator, (3,))
    head = drawn.head
    if head is not None and chance(data.recoloured, generator):
        levels = float(HIGHEST.max()) * torch.rand(head.levels.shape, generator=generator)
        levels[AIR] = head.levels[AIR]
        head = replace(head, levels=levels)
    return replace(drawn, centre=centre, head=head)


def _noisy(image: Tensor, generator: torch.Generator) -> Tensor:
    """A magnitude of noisy real and imaginary parts, as scanners show it: air is not quite dark."""
    strength = float(uniform(0.0, MOST_NOISE, generator))
    real, imaginary = (strength * torch.randn(image.shape, generator=generator) for _ in range(2))
    return torch.hypot(image + real, imaginary)
