"""A head of balls within balls, seen by any grid, and a segmenter that outlines it by its grey levels."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import SimpleITK as sitk
import torch
from mmhvae.segmentation import SegmenterBundle, SegmenterManifest, TumourUNet, UNetConfig, save_segmenter
from torch import Tensor

CENTRE = np.array([12.0, -9.0, 7.0])
RADII = (14.0, 9.0, 5.0)  # of the nested regions, mm
BRAIN_RADIUS, HEAD_RADIUS = 32.0, 42.0
LEVELS = (1.46, 2.39, 3.32)  # normalised grey levels half way between the phantom's
SMALL = UNetConfig(channels=(4, 8))


class GreyLevelNetwork(TumourUNet):
    """Says from the mean of the present contrasts which region a voxel is in; the phantom is made for it."""

    def forward(self, images: Tensor, present: Tensor) -> Tensor:
        mean = (images * present[..., None, None, None]).sum(1) / present.sum(1)[:, None, None, None]
        return torch.stack([20 * (mean - level) for level in LEVELS], dim=1)


def segmenter(crop: tuple[int, int, int] = (64, 64, 64), spacing: float = 2.0) -> SegmenterBundle:
    """A bundle of the grey-level network."""
    manifest = SegmenterManifest("phantoms", SMALL, spacing, crop, "MIT", "tests")
    return SegmenterBundle(GreyLevelNetwork(SMALL).eval(), manifest, "# Card\n")


def save_random_segmenter(folder: Path, seed: int = 0) -> Path:
    """A segmenter of that size with random weights, named as its folder."""
    torch.manual_seed(seed)
    manifest = SegmenterManifest(folder.name, SMALL, 2.0, (48, 48, 48), "MIT", "tests")
    return save_segmenter(SegmenterBundle(TumourUNet(SMALL).eval(), manifest, "# Card\n"), folder)


def oblique_grid(seed: int, spacing: Sequence[float] = (2.0, 2.0, 2.0), mirrored: bool = False) -> sitk.Image:
    """A grid that shows the whole head, turned at random; left-handed if asked for."""
    rng = np.random.default_rng(seed)
    direction, _ = np.linalg.qr(rng.normal(size=(3, 3)))
    direction[:, 0] *= np.sign(np.linalg.det(direction)) * (-1 if mirrored else 1)
    size = [int(np.ceil(100 / s)) for s in spacing]
    half = direction @ (np.array(spacing) * (np.array(size) - 1) / 2)
    grid = sitk.Image(size, sitk.sitkFloat32)
    grid.SetSpacing(list(spacing))
    grid.SetDirection(direction.ravel().tolist())
    grid.SetOrigin((-half).tolist())
    return grid


def distances(grid: sitk.Image, point: np.ndarray) -> np.ndarray:
    """(k, j, i) mm from a point."""
    index = np.stack(np.meshgrid(*map(np.arange, grid.GetSize()), indexing="ij"), -1)
    direction = np.reshape(grid.GetDirection(), (3, 3)) * np.array(grid.GetSpacing())
    return np.linalg.norm(index @ direction.T + grid.GetOrigin() - point, axis=-1).transpose()


def truth(grid: sitk.Image) -> np.ndarray:
    """How many nested regions each voxel lies in."""
    away = distances(grid, CENTRE)
    return sum((away < radius).astype(np.uint8) for radius in RADII)


def head(grid: sitk.Image, gain: float = 1.0, rim: float = 40.0) -> sitk.Image:
    """A brain of 100 within a rim, brighter in each nested region, 0 in air."""
    away = distances(grid, np.zeros(3))
    tissue = rim * (away < HEAD_RADIUS) + (100 - rim) * (away < BRAIN_RADIUS) + 30 * truth(grid)
    image = sitk.GetImageFromArray(gain * tissue.astype(np.float32))
    image.CopyInformation(grid)
    return image
