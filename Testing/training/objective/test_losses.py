"""Image losses and the local correlation."""

from __future__ import annotations

import torch
from mmhvae_training.objective.losses import fluid_weight, image_loss, local_correlation


def test_local_correlation_ignores_affine_intensity_and_the_outside():
    a = torch.rand(1, 1, 24, 24) * 2 - 1
    mask = torch.zeros(1, 1, 24, 24, dtype=torch.bool)
    mask[:, :, 4:20, 4:20] = True
    assert float(local_correlation(a, 0.7 * a - 0.1, mask)) > 0.97
    assert float(local_correlation(a, -a, mask)) < -0.97
    assert abs(float(local_correlation(a, torch.rand(1, 1, 24, 24), mask))) < 0.2
    outside = torch.where(mask, a, torch.rand_like(a) * 50)
    torch.testing.assert_close(local_correlation(a, outside, mask), local_correlation(a, a, mask))


def test_a_batch_may_be_split_over_devices():
    a, b = torch.rand(2, 4, 1, 12, 12)
    mask = torch.rand(4, 1, 12, 12) > torch.tensor([0.2, 0.5, 0.7, 0.9]).reshape(4, 1, 1, 1)
    for norm in ("l1", "l2"):
        whole = image_loss(a, b, mask, norm, 0.5)
        halves = [image_loss(*(x.chunk(2)[rank] for x in (a, b, mask)), norm, 0.5) for rank in range(2)]
        torch.testing.assert_close(torch.stack(halves).mean(), whole)


def test_the_image_loss_is_the_papers_or_the_releases_unless_correlation_is_asked_for():
    a, b = torch.rand(2, 1, 12, 12), torch.rand(2, 1, 12, 12)
    mask = torch.ones(2, 1, 12, 12, dtype=torch.bool)
    torch.testing.assert_close(image_loss(a, b, mask, "l1", 0.0), (a - b).abs().mean() / 2)
    torch.testing.assert_close(image_loss(a, b, mask, "l2", 0.0), (a - b).square().mean())
    expected = (a - b).square().mean() + 0.5 * (1 - local_correlation(a, b, mask))
    torch.testing.assert_close(image_loss(a, b, mask, "l2", 0.5), expected)


def test_a_pixel_of_fluid_counts_as_often_as_it_weighs():
    a, b = torch.rand(2, 2, 1, 12, 12)
    mask, fluid = torch.ones(2, 1, 12, 12, dtype=torch.bool), torch.rand(2, 1, 12, 12) > 0.8
    weight = fluid_weight(fluid, 4.0)
    for norm, error in (("l2", (a - b).square()), ("l1", (a - b).abs() / 2)):
        counted = error.sum() + 3 * error[fluid].sum()
        torch.testing.assert_close(image_loss(a, b, mask, norm, 0.0, weight), counted / error.numel())
    assert fluid_weight(fluid, 1.0) is None
    assert fluid_weight(None, 4.0) is None
