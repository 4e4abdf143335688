"""From volumes to what the network sees, and back: field of view, model's grid, normalised slices."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
import SimpleITK as sitk
import torch
from torch import Tensor

from ..bundle import Bundle
from ..exceptions import InputError, Progress, no_progress
from ..images import (
    SMALLEST_WEIGHT,
    check_volume,
    field_of_view,
    from_slices,
    input_range,
    resampled,
    resampled_within,
    restored,
    to_slices,
    with_zero_background,
    working_grid,
)
from .release_framing import release_frame, release_planes

PREPARING = "preparing the images"


@dataclass(frozen=True)
class PreparedCase:
    """The inputs on the model's grid, as planes (S, H, W) in the network's orientation."""

    inputs: dict[str, Tensor]
    mask: Tensor
    grid: sitk.Image
    axis: int


def prepare(
    bundle: Bundle,
    inputs: Mapping[str, sitk.Image],
    reference: sitk.Image | None,
    axis: int,
    progress: Progress = no_progress,
) -> tuple[PreparedCase, sitk.Image]:
    """Field of view, working grid and normalised planes; and the field of view on the output's grid.

    The field of view is the ultrasound's where there is one, else that of the first input in the bundle's order, which
    the released weights always go by.
    ``progress`` is called between any two steps that take long on a large volume, so that it can stop the work.

    Raises:
        InputError: an image cannot be used, or the images do not overlap.
    """
    step, is_release = _steps(progress, 2 + 3 * len(inputs)), bundle.manifest.is_release
    images = {}
    for name in bundle.network.config.modalities:
        if name in inputs:
            image = check_volume(inputs[name], f"{name} image")
            images[name] = with_zero_background(image, "ultrasound") if name == "us" else _above_zero(image)
            step()
    first = next(iter(images.values()))
    anchor = first if is_release else images.get("us", first)
    visible = anchor > 0 if is_release else field_of_view(anchor)
    step()
    case = (_released if is_release else _framed)(images, visible, bundle.manifest.spacing_mm, axis, step)
    output = visible if reference is None else resampled(visible, reference, nearest=True)
    if not sitk.GetArrayViewFromImage(output).any():
        raise InputError("The reference image lies outside the field of view; choose one that overlaps the input.")
    return case, output


def _framed(
    images: Mapping[str, sitk.Image], visible: sitk.Image, spacing: float, axis: int, step: Callable[[], None]
) -> PreparedCase:
    """Centred on the field of view, no edge mixed with the background."""
    grid = working_grid(visible, spacing, axis)
    share = sitk.GetArrayFromImage(resampled(visible, grid))
    mask = share > SMALLEST_WEIGHT  # (k, j, i)
    step()
    planes = {}
    for name, image in images.items():
        own = visible if name == "us" else field_of_view(image)
        step()
        planes[name] = _input_planes(name, image, own, grid, mask, axis)
        step()
    return PreparedCase(planes, torch.from_numpy(to_slices(mask, axis)), grid, axis)


def _released(
    images: Mapping[str, sitk.Image], visible: sitk.Image, spacing: float, axis: int, step: Callable[[], None]
) -> PreparedCase:
    """As the authors of the released weights frame them; ``visible`` is theirs, too."""
    frame = release_frame(next(iter(images.values())), spacing, axis)
    step()
    planes = {}
    for name, array in release_planes(images, frame).items():
        planes[name] = torch.from_numpy(to_slices(array, axis))
        step()
    return PreparedCase(planes, torch.from_numpy(to_slices(frame.mask, axis)), frame.grid, axis)


def _steps(progress: Progress, count: int) -> Callable[[], None]:
    """Reports one of ``count`` steps each time it is called."""
    shares = iter(range(1, count + 1))
    return lambda: progress(next(shares) / count, PREPARING)


def _above_zero(image: sitk.Image) -> sitk.Image:
    """MR with its minimum shifted to 0, as the model expects."""
    return image - float(sitk.GetArrayViewFromImage(image).min())


def _input_planes(
    name: str, image: sitk.Image, own: sitk.Image, grid: sitk.Image, mask: np.ndarray, axis: int
) -> Tensor:
    """One input on the working grid, normalised over the field of view, -1 outside ``own``, its own one."""
    voxels, share = resampled_within(image, own, grid)
    seen = mask & (share > SMALLEST_WEIGHT)
    if not (voxels[seen] > 0).any():
        raise InputError(f"The {name} image shows nothing in the field of view; choose one that overlaps it.")
    normalised = input_range(np.where(seen, voxels, 0)).normalise(voxels, seen)
    return torch.from_numpy(to_slices(normalised, axis))


def returned(planes: Tensor, case: PreparedCase, output_field: sitk.Image) -> sitk.Image:
    """Planes (S, H, W) of the network's grid, valid inside the case's mask, on the exact grid of ``output_field``."""
    array = from_slices(planes.numpy(), case.axis).astype(np.float32)
    mask = from_slices(case.mask.numpy(), case.axis)
    return restored(array, mask, case.grid, output_field)
