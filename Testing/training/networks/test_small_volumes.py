"""Gradients of volumes that are smaller than the kernel are those of float32, in bfloat16, too."""

from __future__ import annotations

import copy

import pytest
import torch
from mmhvae_training.networks import keep_small_volumes_exact
from torch import nn

CHANNELS = 32


def gradient(layer: nn.Conv3d, x: torch.Tensor, reduced: bool) -> torch.Tensor:
    """Of the weight; memory that is taken for it next held numbers of its largest kind before."""
    layer.zero_grad()
    rubbish = [torch.full_like(layer.weight, 3e38, dtype=kind) for kind in (torch.float32, torch.bfloat16) * 3]
    del rubbish
    with torch.autocast("cpu", torch.bfloat16, enabled=reduced):
        layer(x).float().square().sum().backward()
    return layer.weight.grad.clone()


@pytest.mark.parametrize("sides", [(2, 2, 2), (2, 3, 3), (2, 8, 8), (1, 1, 1), (3, 3, 3)])
def test_the_weights_gradient_is_that_of_float32(sides):
    torch.manual_seed(0)
    layer, x = nn.Conv3d(CHANNELS, CHANNELS, 3, padding=1), torch.randn(2, CHANNELS, *sides)
    expected = gradient(layer, x, reduced=False)
    keep_small_volumes_exact(layer)
    for _ in range(3):
        assert torch.allclose(gradient(layer, x, reduced=True), expected, atol=0.05 * float(expected.abs().max()))


def test_larger_volumes_stay_in_the_reduced_precision_and_names_stay_as_they_were():
    plain = nn.Sequential(nn.Conv3d(1, 2, 3, padding=1), nn.Conv3d(2, 2, 1))
    kept = copy.deepcopy(plain)
    keep_small_volumes_exact(kept)
    assert kept.state_dict().keys() == plain.state_dict().keys()
    for side, kind in ((4, torch.bfloat16), (2, torch.float32)):
        x = torch.randn(1, 1, side, side, side)
        assert torch.equal(kept(x), plain(x))
        with torch.autocast("cpu", torch.bfloat16):
            assert kept[0](x).dtype == kind
