"""Random changes of intensity."""

from __future__ import annotations

import numpy as np
import torch
from mmhvae_training.data.augmentation import apply_intensity_change, draw_intensity_change


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
