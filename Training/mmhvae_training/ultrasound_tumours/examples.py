"""Ultrasound and tumour in memory, on one grid for all, and random patches of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import SimpleITK as sitk
from mmhvae.images import field_of_view, read_volume, resampled
from mmhvae.segmentation import ImageRules, seen_by
from numpy.typing import NDArray

from .nnunet_folder import DataSet, read_label
from .small_configuration import ExamplesConfig

CLIPPED = 5.0
#: Standard deviations of what a patch's grey levels are varied by: gain, offset; and the most of its noise.
GAIN, OFFSET, NOISE = 0.15, 0.15, 0.15

Volume = NDArray[np.float32]


@dataclass(frozen=True)
class Example:
    """One case; arrays are (k, j, i) on its grid.

    Attributes:
        image: zero mean and unit deviation in the field of view, 0 outside.
        tumour: where it is.
        centres: (N, 3) voxels in the tumour, and ``seen`` in the field of view, thinned out.
    """

    image: Volume
    tumour: NDArray[np.bool_]
    centres: NDArray[np.int16]
    seen: NDArray[np.int16]


def rules_of(spacing: float) -> ImageRules:
    """How the small network sees an ultrasound at that spacing (mm)."""
    return ImageRules((spacing, spacing, spacing), "field of view", CLIPPED)


def read_examples(data: DataSet, cases: Sequence[str], spacing: float) -> list[Example]:
    """The cases of a data set.

    Raises:
        InputError: an image or label cannot be read.
    """
    return [_example(data, case, spacing) for case in cases]


def _example(data: DataSet, case: str, spacing: float) -> Example:
    ultrasound = read_volume(data.image(case), "ultrasound")
    image, grid = seen_by(rules_of(spacing), ultrasound, field_of_view(ultrasound))
    label = sitk.Cast(read_label(data.label(case)), sitk.sitkFloat32)
    tumour = sitk.GetArrayFromImage(resampled(label, grid)) > 0.5
    centres, seen = (np.argwhere(mask)[::step].astype(np.int16) for mask, step in ((tumour, 4), (image != 0, 64)))
    return Example(image, tumour, centres, seen)


def draw_patch(example: Example, config: ExamplesConfig, rng: np.random.Generator) -> tuple[Volume, NDArray[np.bool_]]:
    """Image and tumour, (D, H, W) each: mirrored along random axes, of varied grey levels."""
    in_tumour = rng.random() < config.tumour_share and len(example.centres) > 0
    places = example.centres if in_tumour else example.seen
    centre = places[int(rng.integers(len(places)))] + np.rint(rng.uniform(-0.25, 0.25, 3) * config.patch).astype(int)
    image, tumour = (_around(array, centre, config.patch) for array in (example.image, example.tumour))
    axes = tuple(axis for axis in range(3) if rng.random() < 0.5)
    image, tumour = np.flip(image, axes), np.flip(tumour, axes)
    gain, offset = np.exp(GAIN * rng.standard_normal()), OFFSET * rng.standard_normal()
    noise = rng.uniform(0, NOISE) * rng.standard_normal(image.shape, np.float32)
    varied = np.where(image != 0, image * gain + offset + noise, 0)
    return varied.astype(np.float32), np.ascontiguousarray(tumour)


def _around(array: NDArray[np.generic], centre: NDArray[np.int_], size: Sequence[int]) -> NDArray[np.generic]:
    """A box of that size around a voxel; 0 beyond the array."""
    result = np.zeros(size, array.dtype)
    source, target = [], []
    for middle, side, length in zip(centre.tolist(), size, array.shape, strict=True):
        first = middle - side // 2
        low, high = max(first, 0), max(min(first + side, length), max(first, 0))
        source.append(slice(low, high))
        target.append(slice(low - first, high - first))
    result[tuple(target)] = array[tuple(source)]
    return result
