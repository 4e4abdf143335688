"""The outline of who does not look: in the middle, of the asked size, in millimetres."""

from __future__ import annotations

import numpy as np
import pytest
import SimpleITK as sitk
from mmhvae_training.ultrasound_tumours import Origin, central_outline, median_share, write_case, write_description
from mmhvae_training.ultrasound_tumours.nnunet_folder import read_data_set


def ball(size: tuple[int, int, int], spacing: tuple[float, float, float], radius: float) -> sitk.Image:
    steps = [(np.arange(n) - (n - 1) / 2) * s for n, s in zip(size, spacing, strict=True)]
    squared = steps[2][:, None, None] ** 2 + steps[1][None, :, None] ** 2 + steps[0][None, None, :] ** 2
    image = sitk.GetImageFromArray((squared < radius**2).astype(np.uint8))
    image.SetSpacing(spacing)
    return image


def test_a_balls_middle_is_the_ball_of_that_share():
    size, spacing = (41, 31, 61), (0.5, 0.7, 0.35)
    seen, expected = ball(size, spacing, 10), ball(size, spacing, 10 * 0.2 ** (1 / 3))
    found = sitk.GetArrayFromImage(central_outline(seen, 0.2)) > 0
    truth = sitk.GetArrayFromImage(expected) > 0
    assert found.sum() == pytest.approx(0.2 * sitk.GetArrayFromImage(seen).sum(), rel=0.02)
    assert 2 * (found & truth).sum() / (found.sum() + truth.sum()) > 0.95


def test_a_view_that_fills_its_grid_has_a_middle():
    found = np.argwhere(sitk.GetArrayFromImage(central_outline(sitk.Image(9, 9, 9, sitk.sitkUInt8) + 1, 0.02)))
    assert np.abs(found - 4).max() <= 1


def test_the_share_is_the_median_of_the_cases(tmp_path):
    folder, origins = tmp_path / "Dataset100_Balls", {}
    for number, radius in enumerate((2.0, 3.0, 6.0)):
        seen, tumour = ball((21, 21, 21), (1, 1, 1), 8), ball((21, 21, 21), (1, 1, 1), radius)
        write_case(folder, f"case-{number}", sitk.Cast(seen, sitk.sitkFloat32) * 50, tumour)
        origins[f"case-{number}"] = Origin(f"head-{number}")
    write_description(folder, origins, [{"train": ["case-0", "case-1"], "val": ["case-2"]}], {})
    sizes = [sitk.GetArrayFromImage(ball((21, 21, 21), (1, 1, 1), radius)).sum() for radius in (8, 3)]
    assert median_share(read_data_set(folder), sorted(origins)) == pytest.approx(sizes[1] / sizes[0])
