"""The fast depthwise gradient is torch's."""

from __future__ import annotations

import pytest
import torch
from mmhvae_training.networks.depthwise import CPUDepthwiseConv2d, speed_up_on_cpu


@pytest.mark.parametrize("shape", [(2, 3, 7, 9), (1, 4, 12, 5), (2, 2, 40, 64), (1, 2, 6, 37)])
def test_the_depthwise_gradient_is_that_of_torch(shape):
    torch.manual_seed(0)
    channels = shape[1]
    plain = torch.nn.Conv2d(channels, channels, 5, padding=2, groups=channels).double()
    fast = CPUDepthwiseConv2d(channels, channels, 5, padding=2, groups=channels).double()
    fast.load_state_dict(plain.state_dict())
    x = torch.randn(shape, dtype=torch.double, requires_grad=True)
    upstream = torch.randn(shape, dtype=torch.double)
    for module in (plain, fast):
        module.gradients = torch.autograd.grad(module(x), [x, *module.parameters()], upstream)
    for expected, found in zip(plain.gradients, fast.gradients, strict=True):
        torch.testing.assert_close(found, expected)


def test_mixed_precision_gives_gradients_of_the_weights_own_type():
    layer = torch.nn.Sequential(torch.nn.Conv2d(2, 2, 5, padding=2, groups=2))
    speed_up_on_cpu(layer)
    x = torch.randn(1, 2, 8, 8, requires_grad=True)
    with torch.autocast("cpu", torch.bfloat16):
        y = layer(x)
    y.float().square().sum().backward()
    assert y.dtype == torch.bfloat16
    assert x.grad.dtype == layer[0].weight.grad.dtype == torch.float32
