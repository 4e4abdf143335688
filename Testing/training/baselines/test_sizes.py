"""The networks at their papers' sizes: parameters, multiplications and shapes, on torch's meta device."""

from __future__ import annotations

import pytest
import torch
from mmhvae import InputError
from mmhvae_training.baselines.configuration import M2DNConfig, MMGANConfig, ResViTConfig
from mmhvae_training.baselines.m2dn import M2DN
from mmhvae_training.baselines.mm_gan_network import MMGANDiscriminator, MMGANGenerator
from mmhvae_training.baselines.resvit import ResViT
from mmhvae_training.baselines.resvit_network import ResViTGenerator
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

MODALITIES = ("us", "t2", "cet1", "flair")


def size(network: nn.Module, *inputs: Tensor, **named: Tensor | bool) -> tuple[float, float, tuple[int, ...]]:
    """Million parameters, GMACs and the shape that comes out."""
    counter = FlopCounterMode(display=False)
    with counter, torch.no_grad():
        output = network(*inputs, **named)
    output = output[-1] if isinstance(output, list) else output
    parameters = sum(parameter.numel() for parameter in network.parameters())
    return round(parameters / 1e6, 3), round(counter.get_total_flops() / 2e9, 2), tuple(output.shape)


@pytest.fixture(autouse=True)
def on_meta():
    with torch.device("meta"):
        yield


@pytest.mark.parametrize(("levels", "side", "millions", "gmacs"), [(8, 256, 54.407, 6.50), (6, 192, 29.241, 3.59)])
def test_mm_gan_generator(levels, side, millions, gmacs):
    stack = torch.zeros(1, 4, side, side)
    assert size(MMGANGenerator(4, levels), stack) == (millions, gmacs, (1, 4, side, side))


@pytest.mark.parametrize(("side", "scores"), [(192, 12), (256, 16)])
def test_mm_gan_discriminator_gives_a_map_a_modality(side, scores):
    stack = torch.zeros(1, 4, side, side)
    millions, gmacs, shape = size(MMGANDiscriminator(4), stack, stack)
    assert (millions, shape) == (2.794, (1, 4, scores, scores))
    assert gmacs == pytest.approx(0.99 * (side / 192) ** 2, abs=0.015)


@pytest.mark.parametrize(
    ("side", "millions", "gmacs", "first_stage"), [(256, 123.460, 120.9, 50.0), (192, 123.288, 67.4, 28.1)]
)
def test_resvit_generator(side, millions, gmacs, first_stage):
    network, stack = ResViTGenerator(4, ResViTConfig(side=side)).eval(), torch.zeros(1, 4, side, side)
    counted, macs, shape = size(network, stack)
    assert (counted, shape) == (millions, (1, 4, side, side))
    assert macs == pytest.approx(gmacs, abs=0.06)
    assert size(network, stack, transformers=False)[1] == pytest.approx(first_stage, abs=0.06)


def test_resvits_parts_add_up_to_the_papers_count():
    """293 M is what one gets that meets the shared transformer three times."""
    network = ResViTGenerator(4, ResViTConfig())
    count = {name: sum(p.numel() for p in part.parameters()) for name, part in network.named_children()}
    assert count["transformer"] / 1e6 == pytest.approx(85.056, abs=1e-3)
    assert (count["encoder"] + count["blocks"] + count["decoder"]) / 1e6 == pytest.approx(11.39, abs=0.01)
    assert (sum(count.values()) + 2 * count["transformer"]) / 1e6 == pytest.approx(293, abs=1)


def test_resvit_discriminator_is_the_patch_gan():
    adversary = ResViT.new(ResViTConfig(), MODALITIES).adversary
    millions, _, shape = size(adversary, torch.zeros(1, 8, 192, 192))
    assert (millions, shape) == (2.771, (1, 1, 22, 22))


@pytest.mark.parametrize(
    ("channels", "millions", "gmacs"), [((32, 64, 128, 128), 4.33, 13.7), ((64, 128, 128, 256), 12.6, 40.8)]
)
def test_m2dn_denoiser(channels, millions, gmacs):
    network = M2DN.new(M2DNConfig(channels=channels), MODALITIES).network
    counted, macs, shape = size(network, torch.zeros(1, 12, 192, 192), timesteps=torch.zeros(1))
    assert shape == (1, 4, 192, 192)
    assert counted == pytest.approx(millions, rel=5e-3)
    assert macs == pytest.approx(gmacs, abs=0.06)


@pytest.mark.parametrize(
    ("network", "side", "sentence"),
    [
        (lambda: MMGANGenerator(4), 192, "Images of 192 x 192 pixels should have sides that are multiples of 256"),
        (lambda: ResViTGenerator(4, ResViTConfig()), 192, "should have 256 x 256 pixels, as its positions; pad them"),
    ],
)
def test_the_originals_refuse_192_pixels_and_say_what_to_do(network, side, sentence):
    with pytest.raises(InputError, match=sentence):
        network()(torch.zeros(1, 4, side, side))


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        (lambda: MMGANConfig(levels=1), "levels of MM-GAN should be at least 2"),
        (lambda: MMGANConfig(pixel_weight=2), "pixel_weight of MM-GAN should be between 0 and 1"),
        (lambda: ResViTConfig(side=100), "side of ResViT should be a multiple of 16"),
        (lambda: ResViTConfig(hidden=50), "hidden of ResViT should be divisible by heads"),
        (lambda: ResViTConfig(blocks=4), "transformers of ResViT should be among its 4 blocks"),
        (lambda: M2DNConfig(channels=(30, 32)), "channels of M2DN should be multiples of groups"),
        (lambda: M2DNConfig(head=48), "should be a multiple of head"),
        (lambda: M2DNConfig(evaluations=2), "evaluations of M2DN should be from 3 to half its times"),
        (lambda: M2DNConfig(variance=0), "variance of M2DN should be positive"),
    ],
)
def test_settings_that_cannot_be_are_refused(settings, sentence):
    with pytest.raises(InputError, match=sentence):
        settings()
