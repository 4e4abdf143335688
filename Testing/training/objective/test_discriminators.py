"""PatchGANs as deep as the image size allows."""

from __future__ import annotations

import pytest
import torch
from mmhvae import InputError
from mmhvae_training.objective.discriminators import Discriminator, strided_layers
from torch import nn


@pytest.mark.parametrize(("size", "strided", "scores"), [(192, 6, 1), (96, 5, 1), (64, 4, 2), (16, 2, 2), (6, 1, 1)])
def test_depth_follows_the_image_size(size, strided, scores):
    assert strided_layers(size) == strided
    network = Discriminator(size, 4)
    assert network(torch.zeros(2, 1, size, size)).shape == (2, 1, scores, scores)
    convolutions = [layer for layer in network.modules() if isinstance(layer, nn.Conv2d)]
    assert [layer.stride[0] for layer in convolutions] == [2] * strided + [1, 1]
    assert sum(isinstance(layer, nn.InstanceNorm2d) for layer in network.modules()) == len(convolutions) - 2


def test_the_widths_are_the_releases():
    convolutions = [layer for layer in Discriminator(192).modules() if isinstance(layer, nn.Conv2d)]
    assert [layer.out_channels for layer in convolutions] == [64, 128, 256, 256, 256, 256, 256, 1]


@pytest.mark.parametrize("size", [1, 4, 5])
def test_an_image_too_small_says_so(size):
    with pytest.raises(InputError, match=f"Images of {size} pixels are too small for a discriminator; use at least 6"):
        Discriminator(size)
