"""Scores inside the lesion and 5 mm around: against plain loops; too small lesions; a case's own."""

from __future__ import annotations

import numpy as np
import pytest
import SimpleITK as sitk
from mmhvae_training.data.slices import load_case
from mmhvae_training.scoring.judged_case import judged
from mmhvae_training.scoring.lesion import LEAST_PIXELS, REGIONS, mean_scores, region_scores, regions
from mmhvae_training.scoring.scores import SliceScore
from mmhvae_training.scoring.table import lesion_tables
from mmhvae_training.simulation import Label
from skimage.metrics import structural_similarity


def scene(seed: int = 0) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    truth = rng.uniform(0, 1, (4, 40, 36)).astype(np.float32)
    image = np.clip(truth + rng.normal(0, 0.1, truth.shape), 0, 1).astype(np.float32)
    region = np.zeros(truth.shape, bool)
    region[0, 5:30, 8:28] = True
    region[1, 5:12, 8:16] = True  # 56 pixels
    region[2, 5:11, 8:16] = True  # 48: too few
    return image, truth, region


def test_psnr_mae_and_the_best_constant_are_of_the_region_alone() -> None:
    image, truth, region = scene()
    scores = region_scores(image, truth, region)
    level = truth[region].astype(float).mean()
    for n in (0, 1):
        x, y = image[n][region[n]].astype(float), truth[n][region[n]].astype(float)
        assert scores["mae"][n] == pytest.approx(np.abs(x - y).mean())
        assert scores["psnr"][n] == pytest.approx(-10 * np.log10(np.mean((x - y) ** 2)))
        assert scores["constant"][n] == pytest.approx(-10 * np.log10(np.mean((level - y) ** 2)))
    outside = np.where(region, image, 0.123).astype(np.float32)
    for name, values in region_scores(outside, truth, region).items():
        assert np.allclose(values, scores[name], equal_nan=True), name


def test_ssim_is_of_the_box_with_the_outside_zeroed() -> None:
    image, truth, region = scene()
    region[0, 5:10, 8:14] = False  # no rectangle
    rows, columns = slice(5, 30), slice(8, 28)
    a, b = (np.where(region[0], x[0], 0)[rows, columns].astype(float) for x in (image, truth))
    _, full = structural_similarity(
        b, a, data_range=1, gaussian_weights=True, sigma=1.5, use_sample_covariance=False, full=True
    )
    inner = (slice(5, -5),) * 2  # scikit-image reflects at the border
    ours = region_scores(image, truth, region)["ssim"][0]
    assert ours == pytest.approx(full.mean(), abs=0.02)
    assert full[inner].mean() == pytest.approx(full.mean(), abs=0.1)


def test_slices_that_show_too_little_are_left_out() -> None:
    image, truth, region = scene()
    assert np.isnan(region_scores(image, truth, region)["psnr"]).tolist() == [False, False, True, True]
    assert region[2].sum() < LEAST_PIXELS <= region[1].sum()
    assert mean_scores(image, truth, region)["slices"] == 2
    assert mean_scores(image, truth, np.zeros_like(region)) is None


@pytest.mark.parametrize("spacing", [0.5, 1.0])
def test_around_reaches_5_mm_within_the_field_of_view(spacing: float) -> None:
    lesion = np.zeros((41, 41, 41), bool)
    lesion[20, 20, 20] = True
    inside = np.ones(lesion.shape, bool)
    inside[:, :, 23:] = False
    found = regions(lesion, inside, spacing)
    assert np.array_equal(found["lesion"], lesion)
    away = np.linalg.norm(np.indices(lesion.shape) - 20, axis=0) * spacing
    assert np.array_equal(found["around"], (away <= 5) & inside)


def test_a_case_gives_the_slices_of_its_lesion(write_case, tmp_path) -> None:
    folder = write_case(tmp_path / "case")
    labels = sitk.ReadImage(str(folder / "labels.nii.gz"))
    array = sitk.GetArrayFromImage(labels)
    array[8:12, 6:16, 7:17] = Label.TUMOUR_CORE
    changed = sitk.GetImageFromArray(array)
    changed.CopyInformation(labels)
    sitk.WriteImage(changed, str(folder / "labels.nii.gz"))
    case = judged(load_case(folder, ("us", "t2"), 1.0), 32)
    assert set(case.regions) == set(REGIONS)
    assert case.regions["lesion"].sum() == 4 * 10 * 10
    shown = [n for n, region in zip(case.numbers, case.regions["lesion"], strict=True) if region.any()]
    assert np.diff(shown).tolist() == [1, 1, 1]
    assert (case.mask | ~case.regions["around"]).all()


def test_the_table_counts_only_cases_with_a_lesion() -> None:
    rows = [
        SliceScore("a", "us", "t2", 0, 20, 0.5, 20, 0.5, psnr_lesion=10, mae_lesion=0.2, ssim_lesion=0.4),
        SliceScore("b", "us", "t2", 0, 20, 0.5, 20, 0.5),
    ]
    (text,) = lesion_tables(rows)
    assert "| us | t2 | 10.0 | 20.0 | 40.0 | 1 |" in text
    assert lesion_tables(rows[1:]) == []
