"""What a segmenter keeps in another image: by a segmenter that thresholds, so that the truth is known."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import SimpleITK as sitk
import torch
from mmhvae.images import image_on
from mmhvae.segmentation import SegmenterBundle, SegmenterManifest, TumourUNet, UNetConfig
from mmhvae_training.judging import CONTROL, TRUE, EvaluationCase, control, has_lesion, outlinings, retention_table
from mmhvae_training.simulation import Label

SHAPE = (40, 44, 48)
CONFIG = UNetConfig(channels=(4, 8))


class Threshold(TumourUNet):
    """Calls whatever is brighter than one deviation above the mean a tumour."""

    def forward(self, images: torch.Tensor, present: torch.Tensor) -> torch.Tensor:
        return 20 * (images.sum(1, keepdim=True).repeat(1, 3, 1, 1, 1) - 1.0)


@pytest.fixture(scope="module")
def segmenter() -> SegmenterBundle:
    manifest = SegmenterManifest("threshold", CONFIG, 1.5, (48, 48, 48), "MIT", "tests")
    return SegmenterBundle(Threshold(CONFIG).eval(), manifest, "card")


def ball(radius: float, centre: tuple[float, float, float] = (20, 22, 24)) -> np.ndarray:
    away = np.moveaxis(np.indices(SHAPE), 0, -1) - np.array(centre)
    return np.linalg.norm(away, axis=-1) < radius


def image_with(tumour: np.ndarray, grid: sitk.Image) -> sitk.Image:
    return image_on((40 + 60 * tumour + np.random.default_rng(0).uniform(0, 5, SHAPE)).astype(np.float32), grid)


@pytest.fixture
def case(oblique) -> EvaluationCase:
    grid = oblique(3, SHAPE[::-1])
    grid.SetSpacing((1.5, 1.5, 1.5))
    labels = np.full(SHAPE, int(Label.WHITE_MATTER), np.uint8)
    labels[ball(9)] = int(Label.TUMOUR_CORE)
    us = np.where(ball(19), 100, 0).astype(np.float32)
    true = image_with(ball(9), grid)
    identity = sitk.Transform(3, sitk.sitkIdentity)
    truths = {"t2": true, "flair": true}
    return EvaluationCase(
        "case-0", image_on(us, grid), truths, image_on(labels, grid), {}, identity, np.zeros((1, 3)), 0
    )


def test_dice_volume_and_share_are_those_of_what_is_shown(case, segmenter):
    true = outlinings(case, segmenter, TRUE, {"t2": case.truths["t2"]})
    half = ball(9) & (np.indices(SHAPE)[0] < 20)
    shown = outlinings(case, segmenter, "half", {"t2": image_with(half, case.us)})
    assert true[0].dice > 0.97
    assert true[0].psnr is None
    assert true[0].true_ml == pytest.approx(ball(9).sum() * 1.5**3 / 1000, abs=1e-3)
    expected = 2 * half.sum() / (half.sum() + ball(9).sum())
    assert shown[0].dice == pytest.approx(expected, abs=0.03)
    assert shown[0].found_ml == pytest.approx(half.sum() * 1.5**3 / 1000, rel=0.12)
    assert shown[0].psnr is not None
    row = retention_table([*true, *shown]).splitlines()[-1]
    assert f"{shown[0].dice:.2f}" in row
    assert f"{shown[0].dice / true[0].dice:.0%}" in row


def test_a_tumour_outside_the_field_of_view_is_none_to_be_found(case):
    assert has_lesion(case)
    elsewhere = np.where(ball(8, (20, 22, 40)) & ~ball(9), 100, 0).astype(np.float32)
    assert not has_lesion(replace(case, us=image_on(elsewhere, case.us)))


def test_the_control_takes_all_of_the_view_for_tumour(case):
    lesion, seen = ball(9), ball(19)
    rows = control(case)
    assert [(row.method, row.target) for row in rows] == [(CONTROL, "t2"), (CONTROL, "flair")]
    assert rows[0].dice == pytest.approx(2 * (lesion & seen).sum() / (lesion.sum() + seen.sum()))
    assert rows[0].found_ml == pytest.approx(seen.sum() * 1.5**3 / 1000, abs=1e-3)


def test_without_a_true_image_no_share_is_told(case, segmenter):
    shown = outlinings(case, segmenter, "half", {"t2": case.truths["t2"]})
    assert "| - |" in retention_table(shown).splitlines()[-1]
