"""What the engine does for overlays: label maps by files onto the grid of an ultrasound, topology kept."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import SimpleITK as sitk

from ..answers import OverlayAnswer
from ..exceptions import InputError
from ..images import open_image
from ..overlays import label_steps, require_labels
from .context import Context
from .parameters import Parameters

PLACING = "bringing the segments onto the grid"


def run_overlay(parameters: Parameters, context: Context) -> OverlayAnswer:
    """Each of the label maps ("layers", paths by name) on the grid ("size" and "place"), and what became of its labels.

    "place" (16 numbers, row by row) takes the grid's indices (i, j, k) to LPS mm, and "transform" (16 numbers) takes
    these points to those of the layers, LPS mm.
    """
    paths, transform = parameters.paths("layers"), _matrix(parameters, "transform")
    size, place = parameters.wholes("size", 3), _matrix(parameters, "place")
    parameters.finish()
    if not paths:
        raise InputError("There is no segmentation to bring onto the grid; give one layer at least.")
    if size is None or min(size) < 1:
        raise InputError("The grid has no voxels; give its size, three whole numbers from 1.")
    grid, moved = _grid(size, place), sitk.AffineTransform(3)
    moved.SetMatrix(transform[:3, :3].ravel().tolist())
    moved.SetTranslation(transform[:3, 3].tolist())
    images, labels = {}, {}
    for number, (name, path) in enumerate(paths.items()):
        context.progress(number / len(paths), PLACING)
        steps = label_steps(_read(path), moved, grid)
        while True:
            try:
                share = next(steps)
            except StopIteration as end:
                image, placed = end.value
                break
            context.progress((number + share) / len(paths), PLACING)
        images[name] = context.write(image, f"overlay-{number}")
        labels[name] = tuple(placed)
    return OverlayAnswer(images, labels)


def _matrix(parameters: Parameters, name: str) -> np.ndarray[Any, np.dtype[np.float64]]:
    numbers = parameters.numbers(name, 16)
    if numbers is None:
        raise InputError(f"The parameter {name} is missing; give 16 numbers.")
    matrix = np.reshape(np.array(numbers, np.float64), (4, 4))
    if abs(np.linalg.det(matrix[:3, :3])) < 1e-9:
        raise InputError(f"The parameter {name} flattens space; give a matrix with an inverse.")
    return matrix


def _grid(size: list[int], place: np.ndarray[Any, np.dtype[np.float64]]) -> sitk.Image:
    spacing = np.linalg.norm(place[:3, :3], axis=0)
    grid = sitk.Image(size, sitk.sitkUInt8)
    grid.SetSpacing(spacing.tolist())
    grid.SetDirection((place[:3, :3] / spacing).ravel().tolist())
    grid.SetOrigin(place[:3, 3].tolist())
    return grid


def _read(path: Path) -> sitk.Image:
    labels = open_image(path, "label map")
    require_labels(labels, path)
    return labels
