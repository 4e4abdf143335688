"""Whole simulated cases: one geometry, one anatomy, plausible contrasts, frames that agree with it, one case a seed."""

from __future__ import annotations

import json
from collections.abc import Iterator
from functools import cache, lru_cache

import numpy as np
import pytest
import SimpleITK as sitk
from mmhvae.sweep.reconstruction import reconstruct
from mmhvae_training.simulation import (
    Label,
    SimulatedCase,
    displace,
    draw_case,
    landmarks,
    simulate_case,
    simulated_case,
)
from mmhvae_training.simulation.acquisition import array as arrays
from mmhvae_training.simulation.anatomy import build_anatomy
from mmhvae_training.simulation.draws import RESERVED, Draws

pytestmark = pytest.mark.long

SPACING = 2.0
TUMOUR, HEALTHY = 3, 4  # seeds


def array(image: sitk.Image) -> np.ndarray:
    return sitk.GetArrayFromImage(image)


@cache
def simulated(seed: int) -> SimulatedCase:
    return simulate_case(seed, SPACING, seed == TUMOUR)


@pytest.fixture(scope="module", autouse=True)
def one_head() -> Iterator[None]:
    """Cases of the same anatomical settings, one after the other, share the anatomy: most of their time.

    The last one alone, and no longer than this file's tests last: it is large.
    """
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(simulated_case, "build_anatomy", lru_cache(maxsize=1)(build_anatomy))
        yield
    simulated.cache_clear()


@pytest.fixture(params=[TUMOUR, HEALTHY], ids=["tumour", "healthy"])
def case(request: pytest.FixtureRequest) -> SimulatedCase:
    return simulated(request.param)


def visible(case: SimulatedCase) -> np.ndarray:
    return array(case.field_of_view) > 0


def test_the_same_seed_gives_the_same_case() -> None:
    case, again = simulated(TUMOUR), simulate_case(TUMOUR, SPACING, True)
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


def test_neighbouring_frames_see_the_same_scatterers() -> None:
    frames = simulate_case(HEALTHY, 1.0, False).sweep.frames.array.astype(np.float32)
    inside = frames.min(0) > 0
    fine = [sitk.GetArrayFromImage(im - sitk.SmoothingRecursiveGaussian(im, 4.0)) for im in map(
        sitk.GetImageFromArray, frames)]  # fmt: skip
    middle = len(fine) // 2

    def likeness(apart: int) -> float:
        return float(np.corrcoef(fine[middle][inside], fine[middle + apart][inside])[0, 1])

    assert likeness(1) > likeness(12) + 0.1


def test_brain_shift_moves_the_volume_against_the_preoperative_mr() -> None:
    still, shifted = simulated(HEALTHY), simulate_case(HEALTHY, SPACING, False, brain_shift=True)
    face = np.array(shifted.parameters["brain_shift"]["face"])
    sunk = np.linalg.norm(np.array(shifted.to_preop.TransformPoint(face)) - face)
    assert sunk > 1
    assert still.to_preop.TransformPoint(face) == tuple(face)
    inside = np.argwhere(sitk.GetArrayFromImage(shifted.field_of_view) > 0)[::97, ::-1].tolist()
    points = [shifted.t2.TransformIndexToPhysicalPoint(index) for index in inside]
    seen = np.array([shifted.t2.GetPixel(index) for index in inside])
    before = np.array([
        shifted.preop["t2"].EvaluateAtPhysicalPoint(shifted.to_preop.TransformPoint(p), sitk.sitkLinear)
        for p in points
    ])  # fmt: skip
    assert np.corrcoef(seen, before)[0, 1] > 0.995


def test_order_of_grey_levels() -> None:
    levels: dict[tuple[str, int], list[float]] = {}
    for seed in (HEALTHY, TUMOUR, 20):
        case = simulated(seed)
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


def levels_at_true_poses(case: SimulatedCase) -> dict[int, np.ndarray]:
    """Grey levels of the frames' pixels inside the sector by the label at their true place."""
    frames, found = case.sweep.frames.array, {}
    rows, columns = np.nonzero(frames.max(0))
    pixels = np.stack([columns, rows, 0 * rows, np.ones_like(rows)])
    labels = sitk.GetArrayFromImage(case.labels)
    axes = np.reshape(case.labels.GetDirection(), (3, 3)) * SPACING
    for frame, pose in zip(frames, case.true_image_to_reference, strict=True):
        lps = (np.diag([-1, -1, 1]) @ (pose @ pixels)[:3]).T - case.labels.GetOrigin()
        i, j, k = np.clip(np.rint(lps @ np.linalg.inv(axes).T).astype(int), 0, np.array(case.labels.GetSize()) - 1).T
        for label in Label:
            found.setdefault(int(label), []).append(frame[rows, columns][labels[k, j, i] == label])
    return {label: np.concatenate(parts) for label, parts in found.items()}


def test_frames_at_their_true_poses_show_the_anatomy() -> None:
    ratios: dict[int, list[float]] = {}
    for seed in (HEALTHY, TUMOUR, 20):
        found = levels_at_true_poses(simulated(seed))
        for label in (Label.VENTRICLE, Label.CSF, Label.FALX):
            if len(found[label]) > 200:
                ratios.setdefault(label, []).append(found[label].mean() / found[Label.WHITE_MATTER].mean())
    assert np.median(ratios[Label.VENTRICLE]) < 0.9
    assert np.median(ratios[Label.CSF]) > 1.15
    assert np.median(ratios[Label.FALX]) > 1.1


def test_tracked_poses_are_near_the_true_ones_and_proper() -> None:
    case = simulated(HEALTHY)
    tracked, true = case.sweep.image_to_reference, case.true_image_to_reference
    valid = case.sweep.valid
    assert len(case.sweep.frames) == len(tracked) == len(true) == len(valid) == len(case.sweep.timestamps)
    assert (np.diff(case.sweep.timestamps) > 0).all()
    height, width = case.sweep.frames.shape
    corner = np.array([width - 1, height - 1, 0, 1])
    error = np.linalg.norm((tracked @ corner - true @ corner)[valid, :3], axis=1)
    assert 0 < error.max() < 3
    assert (np.linalg.det(true[:, :3, :3]) > 0).all()
    assert np.array_equal(tracked, case.tracked.image_to_reference())


def test_the_volume_is_the_reconstruction_of_the_frames() -> None:
    case = simulated(HEALTHY)
    compounding = case.parameters["acquisition"]["compounding"]
    again = reconstruct(case.sweep, grid=sitk.Cast(case.us, sitk.sitkUInt8), compounding=compounding, fill_holes=True)
    inside = sitk.GetArrayFromImage(again.field_of_view)
    assert np.array_equal(inside, sitk.GetArrayFromImage(case.field_of_view))
    plain, grainy = sitk.GetArrayFromImage(again.volume)[inside > 0].astype(float), sitk.GetArrayFromImage(case.us)
    assert (grainy[inside == 0] == 0).all()
    assert (grainy[inside > 0] > 0).all()
    bright = (plain > 30) & (plain < 150)  # where neither rounding nor clipping matters
    relative = grainy[inside > 0][bright] / plain[bright] - 1
    strength = case.parameters["acquisition"]["grain"]["strength"] * (0.5 / SPACING) ** 1.5
    assert abs(relative.mean()) < 0.01
    assert relative.std() == pytest.approx(strength, rel=0.25)


def test_an_aimed_sweep_sees_a_ventricle_and_changes_nothing_else() -> None:
    drawn, aimed = simulate_case(4004, SPACING), simulate_case(4004, SPACING, at_ventricle=True)
    seen = [_share(case, Label.VENTRICLE) for case in (drawn, aimed)]
    assert seen[0] < 0.01 < 0.02 < seen[1]
    for case in (drawn, aimed):
        del case.parameters["visibility"]  # measured, not drawn
        for name in ("trajectory", "array"):
            case.parameters["acquisition"][name] |= {"direction": None, "far": None}
    assert drawn.parameters == aimed.parameters


def _share(case: SimulatedCase, label: Label) -> float:
    labels, inside = sitk.GetArrayViewFromImage(case.labels), sitk.GetArrayViewFromImage(case.field_of_view)
    return float((labels == label)[inside > 0].mean())


def test_no_case_of_the_training_has_a_held_out_setting() -> None:
    far = {
        held: [arrays.draw_array(Draws(np.random.default_rng(seed), held)).far for seed in range(30)]
        for held in (False, True)
    }
    low, high = 32 + RESERVED * 22, 54 - RESERVED * 22
    assert all(low <= value <= high for value in far[False])
    assert all(value < low or value > high for value in far[True])
    assert not low < draw_case(4, held_out=True).acquisition.array.far < high
