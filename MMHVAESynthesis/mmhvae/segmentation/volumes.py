"""From MRs of any grid to the segmenter's: 1 mm, axes along LPS, around the tissue that they show."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np
import SimpleITK as sitk
import torch
from numpy.typing import NDArray
from torch import Tensor

from ..exceptions import InputError, Progress
from ..images import bounding_box, check_volume, image_on, resampled
from .brain import find_brain
from .brain_bundle import BrainExtractor
from .grey_levels import is_tissue, measure_grey_levels

MARGIN_MM = 24.0  # of context that is looked at beyond the reference's edge
SMALLEST_TISSUE_ML = 30.0  # less is no part of a head
LARGEST_EXTENT_MM = 400.0
Box = tuple[NDArray[np.float64], NDArray[np.float64]]  # lowest and highest LPS mm
Within = Literal["brain mask", "brain found", "whole image"]
"""What is looked at: the mask that was given, the brain that the extractor found, or everything."""


@dataclass(frozen=True)
class SegmenterInput:
    """What the network is shown.

    Attributes:
        images: (M, D, H, W) of a grid whose axes are LPS; normalised, 0 where a contrast is missing.
        present: (M,), 1 or 0.
        grid: of the images.
        within: what of them is shown; 0 elsewhere before they were normalised.
    """

    images: Tensor
    present: Tensor
    grid: sitk.Image
    within: Within


def checked_images(images: Mapping[str, sitk.Image], modalities: Collection[str]) -> dict[str, sitk.Image]:
    """The images in the network's order as float32, their minimum shifted to 0.

    Raises:
        InputError: none is given, one has an unknown name, or cannot be used.
    """
    known = ", ".join(modalities)
    if not images:
        raise InputError(f"No MR was given; give one or more of {known}.")
    for name in images:
        if name == "us":
            raise InputError(f"Tumours are outlined in MR, not in ultrasound; give one or more of {known}.")
        if name not in modalities:
            raise InputError(f"The segmenter does not know {name!r}; it has {known}.")
    checked = {}
    for name in (name for name in modalities if name in images):
        image = check_volume(images[name], f"{name} image")
        checked[name] = image - float(sitk.GetArrayViewFromImage(image).min())
    return checked


def prepare(
    images: Mapping[str, sitk.Image],
    reference: sitk.Image,
    modalities: Collection[str],
    spacing: float,
    brain: sitk.Image | BrainExtractor | None,
    progress: Progress,
) -> SegmenterInput:
    """Checked images on the segmenter's grid, cut to the brain where one is known.

    Args:
        brain: a mask, or what finds one; None: everything is looked at.

    Raises:
        InputError: they show nothing of a head, or don't overlap each other, the reference or the mask.
    """
    grid, arrays = working_grid(images, reference, spacing), {}
    for number, name in enumerate(images):
        progress(number / (len(images) + 1), "preparing the images")
        arrays[name] = sitk.GetArrayFromImage(resampled(images[name], grid))
    mask, within = _looked_at(arrays, grid, brain)
    if mask is not None:
        start, size = bounding_box(image_on(mask.astype(np.uint8), grid))
        box = tuple(slice(first, first + count) for first, count in zip(start[::-1], size[::-1], strict=True))
        grid = sitk.RegionOfInterest(grid, size, start)
        arrays = {name: (array * mask)[box] for name, array in arrays.items()}
    planes, present = torch.zeros(len(modalities), *grid.GetSize()[::-1]), torch.zeros(len(modalities))
    for number, name in enumerate(modalities):
        if name in arrays:
            image = torch.from_numpy(arrays[name])
            levels = measure_grey_levels(image)
            if levels is None:
                raise InputError(f"The {name} image shows nothing there; choose images that overlap.")
            planes[number], present[number] = levels.normalise(image), 1.0
    return SegmenterInput(planes, present, grid, within)


def _looked_at(
    arrays: Mapping[str, NDArray[np.float32]], grid: sitk.Image, brain: sitk.Image | BrainExtractor | None
) -> tuple[NDArray[np.bool_] | None, Within]:
    """Where the segmenter looks, (k, j, i); None: everywhere."""
    if isinstance(brain, sitk.Image):
        mask = sitk.GetArrayFromImage(resampled(brain != 0, grid, nearest=True)) > 0
        if not mask.any():
            raise InputError("The brain mask lies outside the images; choose one that overlaps them.")
        return mask, "brain mask"
    found = None if brain is None else find_brain(list(arrays.values()), grid, brain)
    return found, "whole image" if found is None else "brain found"


def working_grid(images: Mapping[str, sitk.Image], reference: sitk.Image, spacing: float) -> sitk.Image:
    """Isotropic grid along LPS around the tissue of all images, within the reference's box and a margin.

    Raises:
        InputError: an image shows too little, or does not overlap the others or the reference.
    """
    boxes = {name: _tissue_box(image, name) for name, image in images.items()}
    first = next(iter(boxes))
    for name, box in boxes.items():
        if not _overlap(box, boxes[first]):
            raise InputError(f"The {name} and the {first} image do not overlap; choose registered images of a patient.")
    low = np.min([box[0] for box in boxes.values()], axis=0)
    high = np.max([box[1] for box in boxes.values()], axis=0)
    edge = _corners_box(reference, [0, 0, 0], [n - 1 for n in reference.GetSize()])
    if not _overlap((low, high), edge):
        raise InputError("The reference image does not overlap the MRs; choose one of the same patient.")
    low, high = np.maximum(low, edge[0] - MARGIN_MM), np.minimum(high, edge[1] + MARGIN_MM)
    if (high - low).max() > LARGEST_EXTENT_MM:
        raise InputError(f"The images show more than {LARGEST_EXTENT_MM:.0f} mm of a patient; crop them to the head.")
    grid = sitk.Image([int(n) for n in np.ceil((high - low) / spacing - 1e-6) + 1], sitk.sitkUInt8)
    grid.SetSpacing([spacing] * 3)
    grid.SetOrigin(low.tolist())
    return grid


def _tissue_box(image: sitk.Image, name: str) -> Box:
    """LPS box of the voxels brighter than air."""
    tissue = is_tissue(sitk.GetArrayViewFromImage(image))
    volume = float(np.count_nonzero(tissue)) * float(np.prod(image.GetSpacing())) / 1000
    if volume < SMALLEST_TISSUE_ML:
        raise InputError(f"The {name} image shows {volume:.0f} ml of tissue, no brain; choose an MR of the head.")
    start, size = bounding_box(image_on(tissue.astype(np.uint8), image))
    return _corners_box(image, start, [first + count - 1 for first, count in zip(start, size, strict=True)])


def _corners_box(image: sitk.Image, first: list[int], last: list[int]) -> Box:
    corners = np.stack(np.meshgrid(*zip(first, last, strict=True), indexing="ij"), -1).reshape(-1, 3)
    points = np.array([image.TransformIndexToPhysicalPoint(corner.tolist()) for corner in corners])
    return points.min(axis=0), points.max(axis=0)


def _overlap(a: Box, b: Box) -> bool:
    return bool((a[0] <= b[1]).all() and (b[0] <= a[1]).all())
