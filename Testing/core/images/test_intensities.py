from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st
from mmhvae.exceptions import InputError
from mmhvae.images.intensities import InputRange, from_unit, harmonise_target, input_range, to_unit
from numpy.typing import NDArray


def volume(seed: int, shape: tuple[int, ...] = (7, 30, 40)) -> NDArray[np.float32]:
    """Positive grey values with a long tail, and a background of 0."""
    rng = np.random.default_rng(seed)
    voxels = rng.gamma(2.0, 50.0, shape).astype(np.float32) + 3
    return np.where(rng.random(shape) < 0.3, 0, voxels).astype(np.float32)


def normalise_input(voxels: NDArray[np.generic], seen: NDArray[np.bool_] | None = None) -> NDArray[np.float32]:
    return input_range(voxels).normalise(voxels, seen)


@pytest.mark.parametrize("shape", [(7, 30, 40), (50, 60), (3, 4, 5, 20)])
def test_input_follows_the_rule(shape: tuple[int, ...]) -> None:
    voxels = volume(0, shape)
    inside = voxels > 0
    low, high = voxels[inside].min(), np.percentile(voxels[inside].astype(np.float64), 99.95)
    expected = (np.minimum(voxels, high) - low) / (high - low) * (1 + 255 / 256) - 255 / 256

    normalised = normalise_input(voxels)

    assert normalised.dtype == np.float32
    np.testing.assert_allclose(normalised[inside], expected[inside], atol=1e-5)
    assert (normalised[~inside] == -1).all()
    assert normalised[inside].min() == np.float32(-255 / 256)
    assert normalised.max() == 1


@pytest.mark.parametrize("dtype", [np.uint8, np.int16, np.uint16, np.float64])
def test_input_of_any_type(dtype: type[np.generic]) -> None:
    voxels = np.minimum(volume(1), 255).astype(np.uint8)
    np.testing.assert_array_equal(normalise_input(voxels.astype(dtype)), normalise_input(voxels.astype(np.float32)))


@given(scale=st.floats(0.01, 100), seed=st.integers(0, 99))
@settings(max_examples=20, deadline=None)
def test_input_does_not_depend_on_the_unit(scale: float, seed: int) -> None:
    voxels = volume(seed)
    np.testing.assert_allclose(normalise_input(voxels * np.float32(scale)), normalise_input(voxels), atol=1e-4)


def test_dark_voxels_inside_the_field_of_view_are_not_background() -> None:
    voxels = volume(2)
    field_of_view = np.zeros(voxels.shape, dtype=bool)
    field_of_view[:, 5:25, 5:35] = True
    dark = (voxels == 0) & field_of_view

    normalised = normalise_input(voxels, field_of_view)

    assert (normalised[dark] == np.float32(-255 / 256)).all()
    assert (normalised[~field_of_view] == -1).all()
    bright = (voxels > 0) & field_of_view
    np.testing.assert_array_equal(normalised[bright], normalise_input(voxels)[bright])


def test_range_of_the_original_applies_to_a_part_of_it() -> None:
    voxels = volume(3)
    part = voxels[2:5, :10]
    np.testing.assert_array_equal(input_range(voxels).normalise(part), normalise_input(voxels)[2:5, :10])


def test_negative_and_overshooting_values_stay_in_range() -> None:
    normalised = InputRange(10, 20).normalise(np.array([-5.0, 0, 5, 10, 15, 20, 25]))
    np.testing.assert_allclose(normalised, [-1, -1, -255 / 256, -255 / 256, 0.5 / 256, 1, 1], atol=1e-6)


@pytest.mark.parametrize(
    ("voxels", "sentence"),
    [
        (np.zeros((4, 4, 4)), "empty"),
        (np.full((4, 4, 4), -3.0), "empty"),
        (np.zeros((0, 4, 4)), "empty"),
        (np.full((4, 4, 4), 7.0), "same value"),
        (np.eye(4)[None] * 9, "same value"),
        (np.full((4, 4, 4), np.nan), "NaN"),
        (np.array([1.0, 2.0, np.inf]), "NaN or infinite"),
    ],
)
def test_unusable_input(voxels: NDArray[np.float64], sentence: str) -> None:
    with pytest.raises(InputError, match=sentence):
        normalise_input(voxels)


def test_mask_of_another_shape() -> None:
    with pytest.raises(ValueError, match="shape"):
        normalise_input(volume(4), np.ones((2, 2), dtype=bool))


@pytest.mark.parametrize(("modality", "level"), [("t2", 1 / 7), ("cet1", 1 / 5), ("flair", 1 / 3)])
@pytest.mark.parametrize("offset", [0.0, -80.0, 500.0])
def test_white_matter_is_harmonised_to_its_level(modality: str, level: float, offset: float) -> None:
    voxels = volume(5) + np.float32(offset)
    white_matter = (voxels > 100 + offset) & (voxels < 140 + offset)
    median = float(np.median(voxels[white_matter]))

    unit = to_unit(harmonise_target(voxels, modality, median))

    assert np.median(unit[white_matter]) == pytest.approx(level, abs=1e-5)
    assert unit.min() == 0
    assert unit.max() <= 1
    unclipped = unit < 1
    np.testing.assert_allclose(unit[unclipped], (voxels[unclipped] - offset) / (median - offset) * level, atol=1e-5)


def test_harmonised_values_are_clipped_at_the_top() -> None:
    voxels = np.array([0.0, 70, 490, 980])
    np.testing.assert_allclose(harmonise_target(voxels, "t2", 70), [-1, 2 / 7 - 1, 1, 1], atol=1e-6)


def test_minimum_of_the_whole_volume_harmonises_a_part_of_it() -> None:
    voxels = volume(6)
    part = voxels[:, 10:12] + 40
    whole = np.concatenate([part.ravel(), [5.0]])
    np.testing.assert_allclose(
        harmonise_target(part, "cet1", 150, minimum=5.0).ravel(), harmonise_target(whole, "cet1", 150)[:-1], atol=1e-6
    )


@pytest.mark.parametrize("median", [0.0, -4.0, float("nan"), float("inf")])
def test_impossible_white_matter(median: float) -> None:
    with pytest.raises(InputError, match="white-matter"):
        harmonise_target(volume(7), "t2", median)


@pytest.mark.parametrize(("modality", "sentence"), [("us", "Only MR"), ("t1", "Unknown modality")])
def test_modalities_without_harmonisation(modality: str, sentence: str) -> None:
    with pytest.raises(InputError, match=sentence):
        harmonise_target(volume(8), modality, 100.0)


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_harmonisation_refuses_what_is_not_finite(bad: float) -> None:
    with pytest.raises(InputError, match="NaN"):
        harmonise_target(np.array([0.0, 1, bad]), "t2", 1.0)


@given(st.floats(-1, 1, width=32))
def test_unit_range_and_back(value: float) -> None:
    harmonised = np.array([value], dtype=np.float32)
    unit = to_unit(harmonised)
    assert unit.dtype == np.float32
    assert 0 <= unit[0] <= 1
    np.testing.assert_allclose(from_unit(unit), harmonised, atol=1e-6)
