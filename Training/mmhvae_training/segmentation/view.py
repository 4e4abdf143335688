"""A scene as the network sees it: normalised, some contrasts missing, some in thick slices, with noise."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from mmhvae.segmentation import measure_grey_levels
from torch import Tensor
from torch.nn import functional as F

from .fields import chance, uniform
from .scene import Scene

OVERVIEW_SHAPE, OVERVIEW_SPACING = (40, 44, 40), 6.0
"""The whole head in a few voxels, from which its grey levels are measured as they are for a whole volume."""


@dataclass(frozen=True)
class View:
    """What one step learns from: images (1, 4, D, H, W), presence (1, 4), regions (1, 3, D, H, W)."""

    images: Tensor
    present: Tensor
    regions: Tensor


def draw_view(scene: Scene, crop: tuple[int, ...], generator: torch.Generator, alone: float = 0.0) -> View:
    """The scene's crop at 1 mm, with a random non-empty subset of the contrasts; ``alone``: share with one."""
    points = scene.points(crop, 1.0)
    images = scene.render(points)
    overview = scene.render(scene.points(OVERVIEW_SHAPE, OVERVIEW_SPACING, around=scene.size / 2))
    present = draw_present(generator, alone)
    for modality in range(4):
        levels = measure_grey_levels(overview[modality]) if present[modality] else None
        if levels is None:  # not there, or not within the field of view
            present[modality], images[modality] = 0.0, 0.0
            continue
        image = thick_slices(images[modality], generator) if chance(0.3, generator) else images[modality]
        images[modality] = _noisy(levels.normalise(image), generator)
    return View(images[None], present[None], scene.regions(points)[None])


def draw_present(generator: torch.Generator, alone: float = 0.0) -> Tensor:
    """One contrast in ``alone`` of the views; of the rest all four in a quarter, else each of the 15 subsets alike."""
    if alone and chance(alone, generator):  # no draw where it is 0, so that such runs keep their views
        return F.one_hot(torch.randint(4, (), generator=generator), 4).float()
    if chance(0.25, generator):
        return torch.ones(4)
    code = int(torch.randint(1, 16, (), generator=generator))
    return torch.tensor([float(code >> modality & 1) for modality in range(4)])


def thick_slices(image: Tensor, generator: torch.Generator, voxels: tuple[float, float] = (2.0, 6.0)) -> Tensor:
    """As acquired with slices of so many voxels, most often axial ones, and interpolated back."""
    axis = 0 if chance(0.6, generator) else int(torch.randint(1, 3, (), generator=generator))
    shape = list(image.shape)
    shape[axis] = max(1, int(shape[axis] / uniform(*voxels, generator)))
    thick = F.interpolate(image[None, None], size=shape, mode="area")
    return F.interpolate(thick, size=image.shape, mode="trilinear", align_corners=False)[0, 0]


def _noisy(image: Tensor, generator: torch.Generator) -> Tensor:
    """Gain and offset that the measured grey levels may err by, and white noise."""
    gain, offset = uniform(0.85, 1.2, generator), uniform(-0.25, 0.25, generator)
    strength = uniform(0.0, 0.12, generator)
    return image * gain + offset + strength * torch.randn(image.shape, generator=generator)
