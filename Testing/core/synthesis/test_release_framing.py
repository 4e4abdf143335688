"""Released weights see what their authors' preparation shows them: against one written anew, without ITK's filters."""

from __future__ import annotations

import numpy as np
import pytest
import SimpleITK as sitk
import torch
from mmhvae import InputError
from mmhvae.bundle import Bundle, Manifest
from mmhvae.network import MMHVAE, MMHVAEConfig, TileLayout
from mmhvae.synthesis import synthesize
from mmhvae.synthesis.preparation import Preparation
from scipy import ndimage

SIDE = 64
CONFIG = MMHVAEConfig(
    image_size=SIDE,
    base_features=4,
    max_features=8,
    num_pools=3,
    decoder_features=4,
    decoder_blocks=1,
    fusion="release",
)


@pytest.fixture(scope="module")
def released() -> Bundle:
    torch.manual_seed(0)
    return Bundle(MMHVAE(CONFIG).eval(), Manifest("tiny", CONFIG, 0.5, "MIT", "tests"), "card")


def volume(rng: np.random.Generator, spacing: np.ndarray, start: np.ndarray, direction: np.ndarray) -> sitk.Image:
    """A ragged blob of grey values in a box of zeros, with holes of zeros in it."""
    size = rng.integers(14, 30, 3)
    axes = np.stack(np.meshgrid(*[np.linspace(-1, 1, n) for n in size[::-1]], indexing="ij"))
    inside = (axes**2).sum(0) < rng.uniform(0.4, 0.8)
    array = np.where(inside & (rng.random(inside.shape) > 0.03), rng.uniform(5, 250, inside.shape), 0)
    image = sitk.GetImageFromArray(array.astype(np.float32))
    image.SetSpacing(spacing.tolist())
    image.SetOrigin(start.tolist())
    image.SetDirection(direction.ravel().tolist())
    return image


def box_of(array: np.ndarray) -> tuple[slice, ...]:
    hit = np.argwhere(array != 0)
    return tuple(slice(a, b + 1) for a, b in zip(hit.min(0), hit.max(0), strict=True))


def theirs(image: sitk.Image, spacing: float) -> tuple[np.ndarray, np.ndarray]:
    """The padded slices (S, SIDE, SIDE) that enter the network along k, and the LPS points of the cropped box."""
    array = sitk.GetArrayFromImage(image).transpose()  # (i, j, k), as nibabel has it
    box = box_of(array)
    old = np.array(image.GetSpacing())
    new = np.full(3, spacing)
    if min(max(old[2] / o, o / old[2]) for o in old[:2]) > 1.2:
        new[2] = old[2]
    counts = [max(1, round(n * o / s)) for n, o, s in zip(array[box].shape, old, new, strict=True)]
    steps = np.stack(np.meshgrid(*map(np.arange, counts), indexing="ij")).astype(float)
    index = steps * (new / old)[:, None, None, None]
    values = ndimage.map_coordinates(array[box].astype(float), index, order=1, mode="nearest")
    # ITK takes a point for inside up to half a voxel beyond the last one, and no further
    for axis, count in enumerate(array[box].shape):
        values[index[axis] > count - 0.5] = 0
    values[values < 1e-6 * array.max()] = 0  # rounding
    second = box_of(values)
    direction = np.reshape(image.GetDirection(), (3, 3)) * old
    first = np.array([part.start for part in box])[:, None, None, None]
    points = np.einsum("ab,bijk->ijka", direction, index + first) + image.GetOrigin()
    values, points = values[second], points[second]
    above = values > 0
    low, high = values[above].min(), np.percentile(values[above].astype(np.float32), 99.95)
    share = (np.minimum(values, high) - low) / (high - low)
    normalised = np.where(above, share * (1 + 255 / 256) - 255 / 256, -1.0)
    margins = [(-(-(SIDE - n) // 2), (SIDE - n) // 2) for n in normalised.shape[:2]]
    padded = np.pad(normalised, [*margins, (0, 0)], constant_values=-1.0)
    return np.moveaxis(padded, 2, 0), points


@pytest.mark.parametrize("seed", range(12))
def test_the_network_sees_what_the_authors_preparation_shows_it(released, seed):
    rng = np.random.default_rng(seed)
    spacing = rng.uniform(0.3, 1.0) * np.where(np.arange(3) < 2, 1.0, rng.choice([1.0, 1.1, 3.0]))
    direction, _ = np.linalg.qr(rng.standard_normal((3, 3)))
    image = volume(rng, spacing, rng.uniform(-50, 50, 3), direction)
    expected, points = theirs(image, 0.5)
    case = Preparation(released, {"us": image}, None, [2]).along(2)
    index = [
        case.grid.TransformPhysicalPointToContinuousIndex(points[corner].tolist())
        for corner in ((0, 0, 0), (-1, -1, -1))
    ]
    np.testing.assert_allclose(index, [[0, 0, 0], np.array(case.grid.GetSize()) - 1], atol=1e-6)
    layout = TileLayout.covering(case.mask.shape[1:], SIDE, CONFIG.stride, released.manifest.is_release)
    shown = layout.cut(case.inputs["us"], -1.0)[:, 0].numpy()
    np.testing.assert_allclose(shown, expected, atol=1e-4)
    np.testing.assert_array_equal(layout.cut(case.mask.float(), 0.0)[:, 0].numpy() > 0, expected > -1)


def test_images_lie_where_they_lay_and_are_nothing_outside_the_field_of_view(released):
    rng = np.random.default_rng(3)
    direction, _ = np.linalg.qr(rng.standard_normal((3, 3)))
    image = volume(rng, np.array([0.5, 0.5, 0.5]), np.zeros(3), direction)
    result = synthesize(released, {"us": image}, ["t2"], temperature=0, samples=1, device="cpu").images["t2"]
    assert result.GetSize() == image.GetSize()
    inside = sitk.GetArrayFromImage(image) > 0
    found = sitk.GetArrayFromImage(result)
    assert not found[~inside].any()
    assert (found[inside] > 0).mean() > 0.9


def test_an_mr_that_misses_the_ultrasound_is_refused(released):
    rng = np.random.default_rng(4)
    first = volume(rng, np.full(3, 0.5), np.zeros(3), np.eye(3))
    far = volume(rng, np.full(3, 0.5), np.full(3, 500.0), np.eye(3))
    with pytest.raises(InputError, match="t2 image shows nothing in the field of view"):
        synthesize(released, {"us": first, "t2": far}, ["flair"], device="cpu")
