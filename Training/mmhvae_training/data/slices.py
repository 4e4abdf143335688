"""Training slices: co-registered volumes on disk -> random batches of square 2-D images.

A case is a folder with one NIfTI a modality, all on one grid (``us.nii.gz``, ``t2.nii.gz``, ...). A modality without
a file is not observed. Where there is MR, ``labels.nii.gz`` or ``white-matter.json`` (modality -> median) says what its
white matter measures.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import SimpleITK as sitk
import torch
from mmhvae.exceptions import InputError
from mmhvae.images import (
    SMALLEST_WEIGHT,
    Within,
    bounding_box,
    field_of_view,
    harmonise_target,
    input_range,
    open_image,
    white_matter_from_labels,
    working_grid,
)
from numpy.typing import NDArray
from torch import Tensor

from ..records import read_json
from ..simulation import Label
from .cases import read_on_one_grid

Volume = NDArray[np.float16]
WHITE_MATTER, LABELS, TUMOUR = "white-matter.json", "labels.nii.gz", "tumour.nii.gz"
FLUID = (Label.VENTRICLE, Label.CYST)
LESION = (Label.OEDEMA, Label.TUMOUR_CORE, Label.ENHANCING_RIM, Label.CYST)
MARGIN = 8  # voxels around the field of view, so that smoothing does not feel the cut


@dataclass(frozen=True)
class TrainingCase:
    """One case in memory, as the network sees it; arrays are (k, j, i), background -1."""

    name: str
    mask: NDArray[np.bool_]
    inputs: dict[str, Volume]
    targets: dict[str, Volume]
    fluid: NDArray[np.bool_] | None = None  # ventricles and cysts; None without a label map
    lesion: NDArray[np.bool_] | None = None  # by a label map, or by the tumour's own; None without either
    spacing: float = 1.0  # mm


@dataclass(frozen=True)
class Batch:
    """Slices of one case that share their observed modalities; every tensor is (B, 1, H, W)."""

    inputs: dict[str, Tensor]
    targets: dict[str, Tensor]
    mask: Tensor
    fluid: Tensor | None = None

    @property
    def observed(self) -> tuple[str, ...]:
        return tuple(self.inputs)

    def share(self, rank: int, world: int) -> Batch:
        """The slices of one of ``world`` devices that split the batch evenly."""
        return self._map(lambda tensor: tensor.chunk(world)[rank])

    def to(self, device: torch.device) -> Batch:
        """The same on another device."""
        return self._map(lambda tensor: tensor.to(device, non_blocking=True))

    def _map(self, change: Callable[[Tensor], Tensor]) -> Batch:
        inputs = {name: change(tensor) for name, tensor in self.inputs.items()}
        targets = {name: change(tensor) for name, tensor in self.targets.items()}
        return Batch(inputs, targets, change(self.mask), None if self.fluid is None else change(self.fluid))


def load_case(folder: Path, modalities: Sequence[str], spacing: float = 1.0) -> TrainingCase:
    """Read a case; inputs normalised, MR targets harmonised (MODEL: images), both -1 outside the field of view.

    Volumes on a finer grid than ``spacing`` (mm) are brought to it as synthesis does it.

    Raises:
        InputError: the folder holds none of the modalities, MR of unknown white matter, images of different grids,
            or a volume that cannot be used.
    """
    paths = {name: folder / f"{name}.nii.gz" for name in modalities if (folder / f"{name}.nii.gz").is_file()}
    if not paths:
        raise InputError(f"The case {folder} holds none of {', '.join(modalities)}; remove it, or add its images.")
    images = read_on_one_grid(paths)
    shown = on_working_grid(images, spacing)
    grid, mask = shown.grid, shown.mask
    labels = open_image(folder / LABELS, "label map") if (folder / LABELS).is_file() else None
    targets = {}
    for name, image in images.items():
        if name == "us":
            targets[name] = shown.inputs[name]
        else:
            white_matter = _white_matter(sitk.GetArrayViewFromImage(image), name, folder, labels)
            level = white_matter - _lowest(name, image)
            harmonised = harmonise_target(shown.voxels[name], name, level, minimum=0.0)
            targets[name] = np.where(mask, harmonised, -1).astype(np.float16)
    fluid = None if labels is None else _where(labels, FLUID, grid, mask)
    lesion = _lesion(folder, labels, grid, mask)
    return TrainingCase(folder.name, mask, shown.inputs, targets, fluid, lesion, spacing)


@dataclass(frozen=True)
class WorkingImages:
    """Images of one grid brought to the grid that a network works on; arrays are (k, j, i).

    Attributes:
        grid: an empty image around the field of view.
        mask: the field of view.
        voxels: grey values above the lowest of the whole image (MR) or 0 (ultrasound).
        inputs: the same as a network is shown them, -1 outside the field of view.
    """

    grid: sitk.Image
    mask: NDArray[np.bool_]
    voxels: dict[str, NDArray[np.float32]]
    inputs: dict[str, Volume]


def on_working_grid(images: Mapping[str, sitk.Image], spacing: float) -> WorkingImages:
    """Bring images of one grid to ``spacing`` (mm) as synthesis does it.

    The field of view is the ultrasound's, or the first image's where there is none.

    Raises:
        InputError: the field of view is empty, or an image shows nothing in it.
    """
    visible = field_of_view(images.get("us", next(iter(images.values()))))
    start, size = _around(visible)
    visible = sitk.RegionOfInterest(visible, size, start)
    grid = working_grid(visible, spacing, slice_axis=2)
    within = Within(visible, grid)
    mask = within.share > SMALLEST_WEIGHT
    raw, inputs = {}, {}
    for name, image in images.items():
        cut = sitk.RegionOfInterest(image, size, start)
        raw[name] = within.values(cut) - _lowest(name, image)
        shifted = np.where(mask, raw[name], 0)
        as_input = input_range(shifted).normalise(shifted, mask if name == "us" else mask & (shifted > 0))
        inputs[name] = as_input.astype(np.float16)
    return WorkingImages(grid, mask, raw, inputs)


def _lowest(name: str, image: sitk.Image) -> float:
    """Where grey values begin: an MR's may be anywhere."""
    return 0.0 if name == "us" else float(sitk.GetArrayViewFromImage(image).min())


def _around(visible: sitk.Image) -> tuple[list[int], list[int]]:
    """First index and size of the box around a field of view: the rest of a padded grid need not be resampled."""
    first, count = bounding_box(visible)
    start = [max(0, n - MARGIN) for n in first]
    end = [min(n + c + MARGIN, whole) for n, c, whole in zip(first, count, visible.GetSize(), strict=True)]
    return start, [e - s for s, e in zip(start, end, strict=True)]


def _white_matter(voxels: NDArray[np.float32], modality: str, folder: Path, labels: sitk.Image | None) -> float:
    """The white matter's median: recorded when the case was cut from a whole head, or by its label map."""
    if (folder / WHITE_MATTER).is_file():
        return _recorded_white_matter(folder / WHITE_MATTER, modality)
    if labels is None:
        raise InputError(f"The case {folder} says nothing of its white matter; add {LABELS} or {WHITE_MATTER}.")
    return white_matter_from_labels(voxels, sitk.GetArrayFromImage(labels), (int(Label.WHITE_MATTER),)).median


def _recorded_white_matter(path: Path, modality: str) -> float:
    advice = "prepare the case again."
    return float(read_json(path, dict, advice, {modality: {"median": float}})[modality]["median"])


def _lesion(
    folder: Path, labels: sitk.Image | None, grid: sitk.Image, mask: NDArray[np.bool_]
) -> NDArray[np.bool_] | None:
    if labels is not None:
        return _where(labels, LESION, grid, mask)
    tumour = folder / TUMOUR
    return _where(open_image(tumour) != 0, (1,), grid, mask) if tumour.is_file() else None


def _where(labels: sitk.Image, wanted: Sequence[int], grid: sitk.Image, mask: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Where a label map shows one of ``wanted`` inside the field of view; (k, j, i) on ``grid``."""
    on_grid = sitk.Resample(labels, grid, sitk.Transform(), sitk.sitkNearestNeighbor)
    return np.asarray(np.isin(sitk.GetArrayFromImage(on_grid), wanted) & mask)


def draw_consecutive(case: TrainingCase, size: int, side: int, rng: np.random.Generator) -> Batch:
    """``size`` neighbouring slices along the third axis, rows along i and columns along j, centred in the image.

    As in the release: they start anywhere, and are flipped left to right (the first axis) every other time. A case
    of fewer slices gives its first and last ones again.
    """
    count = len(case.mask)
    start = int(rng.integers(max(1, count - size + 1)))
    chosen = np.clip(np.arange(start, start + size), 0, count - 1)
    return _centred(case, chosen, side, flip=bool(rng.random() < 0.5))


def fullest_slice(case: TrainingCase, side: int) -> Batch:
    """The slice along the third axis that sees most, as :func:`draw_consecutive` would cut it: a batch of one."""
    return _centred(case, np.array([case.mask.sum((1, 2)).argmax()]), side, flip=False)


def all_slices(case: TrainingCase, side: int) -> Batch:
    """All slices along the third axis, as :func:`draw_consecutive` would cut them."""
    return _centred(case, np.arange(len(case.mask)), side, flip=False)


def _centred(case: TrainingCase, chosen: NDArray[np.intp], side: int, flip: bool) -> Batch:
    _, columns, rows = case.mask.shape  # the arrays are (k, j, i)
    window = ((rows - side) // 2, (columns - side) // 2)

    def cut(volume: NDArray[Any], fill: float) -> Tensor:
        slices = _windowed(volume[chosen].swapaxes(1, 2), window, side, fill)  # (B, i, j)
        slices = np.flip(slices, 1) if flip else slices
        return torch.from_numpy(np.ascontiguousarray(slices))[:, None]  # (B, 1, H, W)

    return _batch_of(case, cut)


def draw_scattered(case: TrainingCase, size: int, side: int, rng: np.random.Generator) -> Batch:
    """``size`` slices of ``side`` pixels a side from anywhere in a case, along one random axis.

    The same window, flips and transposition serve the whole batch. Slices are drawn where the field of view
    covers at least a tenth of the largest slice, so that no batch is nearly empty.
    """
    axis = int(rng.integers(3))
    coverage = case.mask.sum(axis=tuple(a for a in range(3) if a != axis))
    candidates = np.flatnonzero(coverage >= 0.1 * coverage.max())
    chosen = np.sort(rng.choice(candidates, size, replace=len(candidates) < size))
    window = _draw_window(case.mask.shape[:axis] + case.mask.shape[axis + 1 :], side, rng)
    flips, transpose = rng.random(2) < 0.5, bool(rng.random() < 0.5)

    def cut(volume: NDArray[Any], fill: float) -> Tensor:
        slices = _windowed(np.moveaxis(np.take(volume, chosen, axis), axis, 0), window, side, fill)
        slices = np.flip(slices, tuple(a + 1 for a in range(2) if flips[a]))
        slices = slices.swapaxes(1, 2) if transpose else slices
        return torch.from_numpy(np.ascontiguousarray(slices, np.float32))[:, None]  # (B, 1, H, W)

    return _batch_of(case, cut)


def _batch_of(case: TrainingCase, cut: Callable[[NDArray[Any], float], Tensor]) -> Batch:
    return Batch(
        inputs={name: cut(volume, -1) for name, volume in case.inputs.items()},
        targets={name: cut(volume, -1) for name, volume in case.targets.items()},
        mask=cut(case.mask, 0).bool(),
        fluid=None if case.fluid is None else cut(case.fluid, 0).bool(),
    )


def _draw_window(shape: tuple[int, ...], side: int, rng: np.random.Generator) -> tuple[int, int]:
    """First row and column of a window of ``side`` pixels: anywhere that wastes no more pixels than it must."""
    first, second = (int(rng.integers(min(0, size - side), max(0, size - side) + 1)) for size in shape)
    return first, second


def _windowed(slices: NDArray[Any], window: tuple[int, int], side: int, fill: float) -> NDArray[np.float32]:
    """Cut (B, h, w) to (B, side, side) from the window's corner, which may be negative; outside is ``fill``."""
    result = np.full((len(slices), side, side), fill, np.float32)
    source, target = [], []
    for start, size in zip(window, slices.shape[1:], strict=True):
        low, high = max(start, 0), min(start + side, size)
        source.append(slice(low, high))
        target.append(slice(low - start, high - start))
    result[:, target[0], target[1]] = slices[:, source[0], source[1]]
    return result
