"""The U-Net: nested outputs, shapes, what presence changes, size."""

from __future__ import annotations

import pytest
import torch
from mmhvae.segmentation import TumourUNet, UNetConfig, log_probabilities

SMALL = UNetConfig(channels=(4, 8, 8))


def test_the_shipped_size_fits_into_8_mib_in_half_precision():
    with torch.device("meta"):
        network = TumourUNet()
    assert sum(p.numel() for p in network.parameters()) * 2 < 8 * 2**20


def test_regions_are_nested_whatever_the_logits():
    logits = 30 * torch.randn(2, 3, 4, 4, 4)
    probabilities = log_probabilities(logits).exp()
    assert (probabilities.diff(dim=1) <= 0).all()
    torch.testing.assert_close(probabilities[:, 1], logits[:, 0].sigmoid() * logits[:, 1].sigmoid())


@pytest.mark.parametrize(("batch", "sides"), [(1, (16, 16, 8)), (2, (16, 8, 24))])
def test_output_has_the_inputs_grid(batch, sides):
    network = TumourUNet(SMALL).eval()
    with torch.no_grad():
        assert network(torch.randn(batch, 4, *sides), torch.ones(batch, 4)).shape == (batch, 3, *sides)


def test_it_is_told_what_is_there():
    torch.manual_seed(0)
    network, images = TumourUNet(SMALL), torch.randn(1, 4, 16, 8, 8)
    for level in network.encoder:
        torch.nn.init.normal_(level.presence.weight)
    with torch.no_grad():
        one, all_four = (network(images, present) for present in (torch.eye(4)[:1], torch.ones(1, 4)))
    assert not torch.allclose(one, all_four)


@pytest.mark.parametrize(
    ("make", "rule"),
    [
        (lambda: TumourUNet(SMALL)(torch.zeros(1, 4, 8, 8, 12), torch.ones(1, 4)), "divisible by 8"),
        (lambda: UNetConfig(channels=(4,)), "two or more"),
        (lambda: UNetConfig(modalities=("t1", "t1")), "different names"),
    ],
)
def test_sizes_that_cannot_work_are_refused_with_the_rule(make, rule):
    with pytest.raises(ValueError, match=rule):
        make()
