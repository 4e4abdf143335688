"""The simulator's contract: one geometry, one anatomy, plausible contrasts, the same case from the same seed."""

from __future__ import annotations

import json
from functools import lru_cache

import numpy as np
import pytest
import SimpleITK as sitk
from mmhvae_training.simulation import Label, SimulatedCase, displace, landmarks, simulate_case

SPACING = 2.0


def array(image: sitk.Image) -> np.ndarray:
    return sitk.GetArrayFromImage(image)


@lru_cache(maxsize=4)
def simulated(seed: int, tumour: bool) -> SimulatedCase:
    return simulate_case(seed, SPACING, tumour)


@pytest.fixture(params=[(3, True), (4, False)], ids=["tumour", "healthy"])
def case(request: pytest.FixtureRequest) -> SimulatedCase:
    return simulated(*request.param)


def visible(case: SimulatedCase) -> np.ndarray:
    return array(case.field_of_view) > 0


def test_the_same_seed_gives_the_same_case(case: SimulatedCase) -> None:
    again = simulate_case(case.parameters["seed"], SPACING, case.parameters["tumour"] is not None)
    for name in ("us", "t2", "cet1", "flair", "labels", "field_of_view"):
        assert np.array_equal(array(getattr(case, name)), array(getattr(again, name))), name
    assert np.array_equal(case.sweep.frames.array, again.sweep.frames.array)
    assert np.array_equal(case.sweep.image_to_reference, again.sweep.image_to_reference)
    assert again.parameters == case.parameters


def test_one_oblique_right_handed_grid(case: SimulatedCase) -> None:
    for image in (case.t2, case.cet1, case.flair, case.labels, case.field_of_view):
        assert image.GetSize() == case.us.GetSize()
        assert image.GetOrigin() == case.us.GetOrigin()
        assert image.GetDirection() == case.us.GetDirection()
    direction = np.reshape(case.us.GetDirection(), (3, 3))
    assert case.us.GetSpacing() == (SPACING,) * 3
    assert np.allclose(direction.T @ direction, np.eye(3), atol=1e-9)
    assert np.linalg.det(direction) == pytest.approx(1)


def test_values_are_finite_and_zero_outside_the_field_of_view(case: SimulatedCase) -> None:
    us, seen = array(case.us), visible(case)
    assert all(np.isfinite(array(im)).all() for im in (case.us, case.t2, case.cet1, case.flair, *case.preop.values()))
    assert not us[~seen].any()
    assert us.min() >= 0
    assert us.max() <= 255
    assert 0.15 < seen.mean() < 0.7
    assert (us[seen] > 0).mean() > 0.85


def test_tumour_as_asked(case: SimulatedCase) -> None:
    asked = case.parameters["tumour"] is not None
    seen = array(case.labels)[visible(case)]
    assert np.isin(seen, [Label.TUMOUR_CORE, Label.ENHANCING_RIM]).any() == asked
    lesion = np.unique(array(case.preop_tumour))
    assert set(lesion) <= {0, Label.OEDEMA, Label.TUMOUR_CORE, Label.ENHANCING_RIM}
    assert np.isin(lesion, [Label.TUMOUR_CORE, Label.ENHANCING_RIM]).any() == asked


@pytest.mark.parametrize("modality", ["t2", "cet1", "flair"])
def test_preoperative_images_show_the_same_anatomy_at_the_same_point(case: SimulatedCase, modality: str) -> None:
    small, whole = getattr(case, modality), case.preop[modality]
    rng = np.random.default_rng(0)
    voxels = np.argwhere(visible(case) & (array(case.labels) > 0))
    voxels = rng.permutation(voxels)[:400, ::-1].tolist()
    points = [small.TransformIndexToPhysicalPoint(v) for v in voxels]
    inside = [n for n, p in enumerate(points) if all(0 <= v < s for v, s in zip(
        whole.TransformPhysicalPointToIndex(p), whole.GetSize(), strict=True))]  # fmt: skip
    here = [small.GetPixel(voxels[n]) for n in inside]
    there = [whole.EvaluateAtPhysicalPoint(points[n], sitk.sitkLinear) for n in inside]
    assert len(inside) > 300
    assert np.allclose(here, there, rtol=1e-3, atol=1e-3 * max(here))


def test_order_of_grey_levels() -> None:
    levels: dict[tuple[str, int], list[float]] = {}
    for seed in (4, 20, 21):
        case = simulated(seed, tumour=False)
        labels, seen = array(case.labels), visible(case)
        for name in ("us", "t2", "cet1", "flair"):
            image = array(getattr(case, name))
            for label in (Label.CSF, Label.GREY_MATTER, Label.WHITE_MATTER, Label.VENTRICLE):
                mask = (labels == label) & seen
                levels.setdefault((name, label), []).append(np.median(image[mask]) if mask.sum() > 20 else np.nan)
    ratio = {key: np.nanmedian(np.divide(value, levels[key[0], Label.WHITE_MATTER])) for key, value in levels.items()}
    assert ratio["us", Label.VENTRICLE] < 0.85
    assert ratio["us", Label.CSF] > 1.15
    assert ratio["t2", Label.VENTRICLE] > ratio["t2", Label.GREY_MATTER] > 1.1
    assert ratio["cet1", Label.VENTRICLE] < ratio["cet1", Label.GREY_MATTER] < 0.95
    assert ratio["flair", Label.VENTRICLE] < ratio["flair", Label.CSF] < 1 < ratio["flair", Label.GREY_MATTER]


def test_displace_moves_the_header_only(case: SimulatedCase) -> None:
    rigid = sitk.Euler3DTransform((10.0, -20.0, 30.0), 0.1, -0.2, 0.15, (4.0, -3.0, 2.0))
    moved = displace(case.us, rigid)
    assert np.array_equal(array(moved), array(case.us))
    for index in ([0, 0, 0], [5, 9, 2], [11, 3, 17]):
        expected = rigid.TransformPoint(case.us.TransformIndexToPhysicalPoint(index))
        assert moved.TransformIndexToPhysicalPoint(index) == pytest.approx(expected, abs=1e-6)


def test_parameters_are_json(case: SimulatedCase) -> None:
    assert json.loads(json.dumps(case.parameters))["seed"] == case.parameters["seed"]


def test_landmarks_lie_inside_field_of_view_and_brain(case: SimulatedCase) -> None:
    points = landmarks(case, 8, seed=1)
    assert points.shape == (8, 3)
    assert np.array_equal(points, landmarks(case, 8, seed=1))
    for point in points.tolist():
        index = case.us.TransformPhysicalPointToIndex(point)
        assert case.field_of_view.GetPixel(index) == 1
        assert case.labels.GetPixel(index) != Label.OUTSIDE
