"""From volumes to what the network sees, and back: field of view, model's grid, normalised slices."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import SimpleITK as sitk
import torch
from numpy.typing import NDArray
from torch import Tensor

from ..bundle import Bundle
from ..exceptions import InputError, Progress, no_progress
from ..images import (
    SMALLEST_WEIGHT,
    WayBack,
    Within,
    bounding_box,
    check_volume,
    field_of_view,
    from_slices,
    input_range,
    resampled,
    slice_spacings,
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


@dataclass(frozen=True)
class _Frame:
    """The inputs on a working grid, (k, j, i) each, and the way back from there."""

    arrays: dict[str, NDArray[np.float32]]
    mask: NDArray[np.bool_]
    grid: sitk.Image
    output: sitk.Image  # the field of view

    @cached_property
    def way_back(self) -> WayBack:
        return WayBack(self.mask, self.grid, self.output)


class Preparation:
    """Inputs, looked at once, and brought to the model's grid for each axis that slices follow.

    The field of view is the ultrasound's where there is one, else that of the first input in the bundle's order, which
    the released weights always go by. Axes along which the grid is the same share what was made of it.
    ``progress`` is called between any two steps that take long on a large volume, so that it can stop the work.

    Args:
        axes: for which :meth:`along` will be called, once each; after the last one the inputs are let go of.

    Attributes:
        output_field: the field of view on the output's grid.

    Raises:
        InputError: an image cannot be used, or the reference does not overlap the field of view.
    """

    def __init__(
        self,
        bundle: Bundle,
        inputs: Mapping[str, sitk.Image],
        reference: sitk.Image | None,
        axes: Collection[int],
        progress: Progress = no_progress,
    ) -> None:
        self._manifest, self._frames, self._left = bundle.manifest, dict[tuple[float, ...], _Frame](), set(axes)
        names = [name for name in bundle.network.config.modalities if name in inputs]
        step = _steps(progress, 2 * len(names))
        progress(0.0, PREPARING)
        self._images: dict[str, sitk.Image] = {}
        for name in names:
            image = check_volume(inputs[name], f"{name} image")
            self._images[name] = with_zero_background(image, "ultrasound") if name == "us" else _above_zero(image)
            step()
        self._anchor = "us" if "us" in names and not self._manifest.is_release else names[0]
        seen: dict[str, sitk.Image] = {}
        for name in [self._anchor] if self._manifest.is_release else names:
            seen[name] = self._images[name] > 0 if self._manifest.is_release else field_of_view(self._images[name])
            step()
        self._seen, visible = seen, seen[self._anchor]
        self._spacing = visible.GetSpacing()
        bounding_box(visible)  # refuses an empty one
        self.output_field = visible if reference is None else resampled(visible, reference, nearest=True)
        if not sitk.GetArrayViewFromImage(self.output_field).any():
            raise InputError("The reference image lies outside the field of view; choose one that overlaps the input.")

    def along(self, axis: int, progress: Progress = no_progress) -> PreparedCase:
        """Normalised planes along an index axis.

        Raises:
            InputError: the images do not overlap.
        """
        self._left.remove(axis)
        frame = self._frame(axis, progress)
        planes = {name: torch.from_numpy(to_slices(array, axis)) for name, array in frame.arrays.items()}
        if not self._left:  # the network needs the memory
            for kept in (self._images, self._seen, *(each.arrays for each in self._frames.values())):
                kept.clear()
        return PreparedCase(planes, torch.from_numpy(to_slices(frame.mask, axis)), frame.grid, axis)

    def returned(self, planes: Tensor, axis: int) -> sitk.Image:
        """Planes (S, H, W) along an axis, valid inside its mask, on the exact grid of the output."""
        array = np.asarray(from_slices(planes.numpy(), axis), np.float32)
        return self._frame(axis, no_progress).way_back.image(array)

    def _frame(self, axis: int, progress: Progress) -> _Frame:
        """Made once for all axes with the same grid."""
        released = self._manifest.is_release
        key = (*slice_spacings(self._spacing, self._manifest.spacing_mm, axis), *([axis] if released else []))
        if key not in self._frames:
            step = _steps(progress, 1 + len(self._images))
            self._frames[key] = (self._released if released else self._framed)(axis, step)
        return self._frames[key]

    def _framed(self, axis: int, step: Callable[[], None]) -> _Frame:
        """Centred on the field of view, no edge mixed with the background."""
        visible = self._seen[self._anchor]
        grid = working_grid(visible, self._manifest.spacing_mm, axis)
        within = Within(visible, grid)
        mask = within.share > SMALLEST_WEIGHT  # (k, j, i)
        step()
        arrays = {}
        for name, image in self._images.items():
            own = within if name == self._anchor else Within(self._seen[name], grid)
            arrays[name] = _normalised(name, image, own, mask)
            step()
        return _Frame(arrays, mask, grid, self.output_field)

    def _released(self, axis: int, step: Callable[[], None]) -> _Frame:
        """As the authors of the released weights frame them."""
        frame = release_frame(self._images[self._anchor], self._manifest.spacing_mm, axis)
        step()
        arrays = release_planes(self._images, frame)
        step()
        return _Frame(arrays, frame.mask, frame.grid, self.output_field)


def _steps(progress: Progress, count: int) -> Callable[[], None]:
    """Reports one of ``count`` steps each time it is called."""
    shares = iter(range(1, count + 1))
    return lambda: progress(next(shares) / count, PREPARING)


def _above_zero(image: sitk.Image) -> sitk.Image:
    """MR with its minimum shifted to 0, as the model expects."""
    return image - float(sitk.GetArrayViewFromImage(image).min())


def _normalised(name: str, image: sitk.Image, own: Within, mask: NDArray[np.bool_]) -> NDArray[np.float32]:
    """One input on the working grid (k, j, i), normalised over the field of view, -1 outside its ``own`` one."""
    voxels = own.values(image)
    seen = mask & (own.share > SMALLEST_WEIGHT)
    if not (voxels[seen] > 0).any():
        raise InputError(f"The {name} image shows nothing in the field of view; choose one that overlaps it.")
    return input_range(np.where(seen, voxels, 0)).normalise(voxels, seen)
