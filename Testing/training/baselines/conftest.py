"""Tiny baselines, and batches for them: 32 pixels, four modalities, one of them unobserved where asked."""

from __future__ import annotations

import pytest
import torch
from mmhvae_training.baselines.configuration import M2DNConfig, MMGANConfig, ResViTConfig
from mmhvae_training.baselines.methods import new_baseline
from mmhvae_training.data.slices import Batch
from torch import nn

MODALITIES = ("us", "t2", "cet1", "flair")
SIDE = 32
VIT = {"hidden": 16, "layers": 1, "heads": 2, "discriminator_width": 4}
TINY = {
    "mm-gan": MMGANConfig(levels=4, width=8),
    "mm-gan, padded": MMGANConfig(levels=6, width=4),
    "resvit": ResViTConfig(side=32, width=8, blocks=2, transformers=(2,), **VIT),
    "resvit, padded": ResViTConfig(side=48, width=4, blocks=1, transformers=(1,), **VIT),
    "m2dn": M2DNConfig(channels=(8, 16), groups=8, head=8, evaluations=4),
    "m2dn, difference": M2DNConfig(channels=(8, 8), groups=8, head=8, evaluations=3, objective="difference"),
}


def tiny_baseline(name):
    """With fresh weights, none of them zero: MONAI's denoiser begins with an output of zeros."""
    torch.manual_seed(0)
    method = new_baseline(TINY[name], MODALITIES)
    for parameter in method.network.parameters():
        if parameter.ndim == 4 and not parameter.any():
            nn.init.normal_(parameter, 0, 0.1)
    return method


def tiny_batch(observed=MODALITIES, size=2):
    """Smooth shapes in a round field of view; targets are functions of them, so that they can be learnt."""
    y, x = torch.meshgrid(*[torch.linspace(-1, 1, SIDE)] * 2, indexing="ij")
    mask = (x.square() + y.square() < 0.8).expand(size, 1, SIDE, SIDE)
    phase = torch.arange(size)[:, None, None]
    shape = 0.7 * torch.sin(3 * x + phase) * torch.cos(2 * y)
    raw = {name: shape * (-1) ** m for m, name in enumerate(MODALITIES)}
    inside = {name: torch.where(mask, image[:, None], -1.0) for name, image in raw.items() if name in observed}
    targets = {name: torch.where(mask, image.clamp(min=-1) * 0.5 - 0.2, -1.0) for name, image in inside.items()}
    return Batch(inside, targets | {"us": inside["us"]} if "us" in observed else targets, mask)


@pytest.fixture(params=list(TINY))
def method(request):
    return tiny_baseline(request.param)
