"""Ventricles in simulated, dark pools in real ultrasound: found where they are, and their contrast is what it is."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest
import SimpleITK as sitk
from mmhvae.images.volumes import image_on
from mmhvae_training.judging import fluid
from mmhvae_training.simulation.tissues import Label
from scipy import ndimage

SHAPE = (60, 50, 56)


@pytest.fixture
def grid(oblique) -> sitk.Image:
    image = oblique(5, SHAPE[::-1])
    image.SetSpacing((0.8, 0.8, 0.8))
    return image


def ball(centre: tuple[int, int, int], radius_mm: float) -> np.ndarray:
    away = np.ones(SHAPE, bool)
    away[centre] = False
    return ndimage.distance_transform_edt(away, sampling=0.8) < radius_mm


def ultrasound(grid: sitk.Image, *dark: np.ndarray) -> sitk.Image:
    grey = np.random.default_rng(0).uniform(70, 130, SHAPE)
    for part in dark:
        grey[part] *= 0.1
    return image_on(grey.astype(np.float32), grid)


def test_contrast_of_fluid() -> None:
    image = np.array([[[0.9, 0.7, 0.2, 0.3, 0.8]]], np.float32)
    white = np.array([[[False, False, True, True, True]]])
    row = fluid.fluid_contrast(image, ~white, white)
    assert row["fluid"] == pytest.approx(0.8)
    assert row["white"] == pytest.approx(1.3 / 3)
    assert row["brighter"] == pytest.approx(5 / 6)  # of six pairs, 0.7 against 0.8 is the one lost
    assert fluid.fluid_contrast(np.ones_like(image), ~white, white)["brighter"] == 0.5


def test_a_pool_is_found_where_it_is(grid: sitk.Image) -> None:
    pools = fluid.dark_pools(ultrasound(grid, ball((30, 25, 28), 6.0)))
    assert len(pools) == 1
    assert pools[0].centre == pytest.approx(grid.TransformIndexToPhysicalPoint((28, 25, 30)), abs=0.5)
    assert pools[0].volume_mm3 == pytest.approx(4 / 3 * np.pi * 6**3, rel=0.35)
    assert pools[0].darkness < 0.4


@pytest.mark.parametrize(
    ("place", "radius"),
    [((30, 25, 28), 2.0), ((5, 25, 28), 4.0)],
    ids=["too small", "at the edge of the field of view"],
)
def test_what_is_no_pool(grid: sitk.Image, place: tuple[int, int, int], radius: float) -> None:
    assert fluid.dark_pools(ultrasound(grid, ball(place, radius))) == []


def test_thin_dark_sheets_are_no_pools(grid: sitk.Image) -> None:
    sheet = np.zeros(SHAPE, bool)
    sheet[29:31, 10:40, 10:46] = True
    assert fluid.dark_pools(ultrasound(grid, sheet)) == []


def test_a_ventricle_counts_only_where_enough_of_it_is_seen(grid: sitk.Image) -> None:
    labels = np.full(SHAPE, int(Label.WHITE_MATTER), np.uint8)
    labels[ball((30, 25, 28), 8.0)] = Label.VENTRICLE
    case = SimpleNamespace(us=ultrasound(grid), labels=image_on(labels, grid))
    found = fluid.ventricle_in_view(case)
    assert found is not None
    ventricle, white = found
    assert (labels[ventricle] == Label.VENTRICLE).all()
    assert (labels[white] == Label.WHITE_MATTER).all()
    assert ventricle.sum() < (labels == Label.VENTRICLE).sum()  # its rim is left out
    labels[ball((30, 25, 28), 8.0)] = Label.GREY_MATTER
    labels[ball((30, 25, 28), 3.0)] = Label.VENTRICLE
    assert fluid.ventricle_in_view(SimpleNamespace(us=case.us, labels=image_on(labels, grid))) is None


def test_the_table_has_a_line_for_every_place_and_target() -> None:
    row = {"fluid": 0.5, "white": 0.14, "brighter": 0.97}
    lines = fluid.fluid_table({"case-1": {"t2": row, "flair": row}, "case-2": {"t2": row}}).strip().split("\n")
    assert lines[2] == "| case-1 | t2 | 0.50 | 0.14 | 0.97 |"
    assert len(lines) == 5


def test_only_ventricles_that_ultrasound_shows_are_counted() -> None:
    def row(fluid: float, white: float, brighter: float) -> dict[str, float]:
        return {"fluid": fluid, "white": white, "brighter": brighter}

    true = {"true t2": row(0.4, 0.15, 1.0), "true flair": row(0.1, 0.33, 0.0)}
    dark = true | {"us": row(10, 40, 0.1), "t2": row(0.35, 0.15, 0.95), "flair": row(0.30, 0.33, 0.4)}
    lost = true | {"us": row(39, 40, 0.5), "t2": row(0.15, 0.15, 0.5), "flair": row(0.33, 0.33, 0.5)}
    sentence = fluid.of_dark({"case-1": dark, "case-2": lost, "pool": {"t2": row(1, 1, 0.5)}})
    assert sentence.startswith("Ventricles dark in ultrasound (under 0.6 of the white matter around): 1.")
    assert "t2: brighter than white matter (three of four pairs of voxels) in 1; median 80% of" in sentence
    assert "flair: darker than white matter (three of four pairs of voxels) in 0; median 13% of" in sentence
    assert fluid.of_dark({"case-2": lost}) == "No ventricle is dark in ultrasound.\n"
