"""Random changes of intensity."""

from __future__ import annotations

import numpy as np
import torch
from mmhvae_training.data.augmentation import (
    UltrasoundChange,
    apply_intensity_change,
    apply_ultrasound_change,
    draw_intensity_change,
    draw_ultrasound_change,
)
from scipy import ndimage


def test_intensity_changes_leave_the_background_alone():
    image = torch.rand(2, 1, 8, 8) * 2 - 1
    mask = torch.zeros(2, 1, 8, 8, dtype=torch.bool)
    mask[:, :, 2:6] = True
    change = draw_intensity_change(np.random.default_rng(0))
    changed = apply_intensity_change(image, mask, change)
    torch.testing.assert_close(changed, apply_intensity_change(image, mask, change), rtol=0, atol=0)
    assert (changed[~mask] == -1).all()
    assert changed[mask].min() >= -255 / 256
    assert changed.max() <= 1


def scene(side: int = 32) -> tuple[torch.Tensor, torch.Tensor]:
    """Two images of noise in a disc."""
    image = torch.rand((2, 1, side, side), generator=torch.Generator().manual_seed(0)) * 2 - 1
    grid = torch.stack(torch.meshgrid(*[torch.linspace(-1, 1, side)] * 2, indexing="ij"))
    mask = (grid.norm(dim=0) < 0.8).expand(2, 1, side, side)
    return torch.where(mask, image, -1.0), mask


def test_ultrasound_changes_leave_the_background_alone_and_come_again():
    image, mask = scene()
    for seed in range(4):
        change = draw_ultrasound_change(np.random.default_rng(seed))
        changed = apply_ultrasound_change(image, mask, change)
        torch.testing.assert_close(changed, apply_ultrasound_change(image, mask, change), rtol=0, atol=0)
        assert (changed[~mask] == -1).all()
        assert changed[mask].min() >= -255 / 256
        assert changed.max() <= 1


def test_without_gain_and_blur_nothing_changes():
    image, mask = scene()
    same = apply_ultrasound_change(image, mask, UltrasoundChange(gain=0.0, blur=0.0, seed=1))
    torch.testing.assert_close(same, image.clamp(min=-255 / 256).where(mask, -1.0))


def test_blur_is_a_gaussian_that_does_not_feel_the_background():
    image, mask = scene()
    blurred = apply_ultrasound_change(image, mask, UltrasoundChange(gain=0.0, blur=1.2, seed=1))
    level, inside = ((image[0, 0] + 1) / 2).numpy(), mask[0, 0].numpy()
    smooth = ndimage.gaussian_filter(np.where(inside, level, 0), 1.2, mode="constant", truncate=3.3)
    weight = ndimage.gaussian_filter(inside.astype(np.float32), 1.2, mode="constant", truncate=3.3)
    expected = 2 * smooth / np.maximum(weight, 1e-3) - 1
    assert np.allclose(blurred[0, 0].numpy()[inside], expected[inside], atol=2e-3)
    flat = torch.where(mask, torch.zeros(()), -1.0)
    still = apply_ultrasound_change(flat, mask, UltrasoundChange(gain=0.0, blur=1.2, seed=1))
    assert still[mask].abs().max() < 1e-5


def test_gain_is_slow():
    mask = scene()[1]
    flat = torch.where(mask, torch.full((), -0.5), -1.0)
    changed = apply_ultrasound_change(flat, mask, UltrasoundChange(gain=0.3, blur=0.0, seed=2))
    ratio = torch.log((changed + 1) / 0.5)
    inner = mask[..., 1:, :] & mask[..., :-1, :]
    assert ratio[mask].std() > 0.05
    assert (ratio[..., 1:, :] - ratio[..., :-1, :])[inner].abs().max() < 0.15
