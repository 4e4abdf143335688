"""The refinement: identity at the start, what it may change, how far it looks, and the errors."""

from __future__ import annotations

import pytest
import torch
from mmhvae.network.refinement import LARGEST, Refinement, RefinementConfig

SMALL = RefinementConfig(4, (1, 2))


def trained(config: RefinementConfig = SMALL, modalities: int = 3) -> Refinement:
    """With a last layer that is not zero any more."""
    torch.manual_seed(0)
    network = Refinement(modalities, config)
    torch.nn.init.normal_(network.head.weight, std=0.3)
    torch.nn.init.normal_(network.head.bias, std=0.3)
    return network.eval()


def shown(size=(9, 12, 7), modalities: int = 3):
    """Volumes, of which the first is given, and a mask with an outside."""
    generator = torch.Generator().manual_seed(1)
    mask = (torch.rand(1, 1, *size, generator=generator) > 0.3).float()
    volumes = torch.rand(1, modalities, *size, generator=generator) * mask
    return volumes, torch.tensor([[1.0] + [0.0] * (modalities - 1)]), mask


@pytest.mark.parametrize("size", [(9, 12, 7), (8, 8, 8), (1, 2, 3)])
def test_it_is_the_identity_before_it_is_trained(size):
    volumes, given, mask = shown(size)
    assert torch.equal(Refinement(3, SMALL)(volumes, given, mask), volumes)


def test_a_gradient_reaches_the_last_layer_at_the_start():
    network = Refinement(3, SMALL)
    volumes, given, mask = shown()
    network(volumes, given, mask).square().mean().backward()
    assert float(network.head.weight.grad.abs().max()) > 0


@pytest.mark.parametrize("size", [(9, 12, 7), (8, 8, 8), (1, 2, 3)])
def test_what_was_given_and_what_lies_outside_stay(size):
    volumes, given, mask = shown(size)
    with torch.no_grad():
        changes = trained()(volumes, given, mask) - volumes
    assert torch.equal(changes[:, 0], torch.zeros(1, *size))
    assert float((changes * (1 - mask)).abs().max()) == 0
    assert float(changes[:, 1:].abs().max()) > 0.01


@pytest.mark.parametrize("config", [SMALL, RefinementConfig(2, (1,)), RefinementConfig(2, (3,))])
def test_a_correction_depends_on_what_is_within_reach_and_no_farther(config):
    network, side = trained(config, 2), 2 * config.reach + 6
    volumes, mask = torch.rand(1, 2, side, 2, 2), torch.ones(1, 1, side, 2, 2)
    middle = config.reach + 2  # the first voxel of a cell: a whole number of cells lies before it
    leaf = volumes.clone().requires_grad_()
    network(leaf, torch.zeros(1, 2), mask)[0, :, middle].sum().backward()
    felt = leaf.grad[0].abs().sum((0, 2, 3)).nonzero().flatten()
    assert (int(felt.min()), int(felt.max())) == (middle - config.reach, middle + config.reach + 1)


def test_no_correction_is_larger_than_the_largest():
    network, (volumes, given, mask) = trained(), shown()
    torch.nn.init.constant_(network.head.bias, 100.0)
    with torch.no_grad():
        changes = network(volumes, given, mask) - volumes
    assert float(changes.max()) == pytest.approx(LARGEST, abs=1e-6)


def test_a_contrast_of_a_twentieth_of_the_range_is_seen_at_the_start():
    """Where features hardly differ from voxel to voxel, only one tone for all of them is learnt."""
    torch.manual_seed(0)
    network, features = Refinement(4, RefinementConfig()), []
    network.head.register_forward_pre_hook(lambda module, given: features.append(given[0]))
    volumes = 0.2 + 0.05 * torch.randn(1, 4, 24, 24, 24)
    with torch.no_grad():
        network(volumes, torch.tensor([[1.0, 0, 0, 0]]), torch.ones(1, 1, 24, 24, 24))
    assert float(features[0].std((2, 3, 4)).mean()) > 0.05


def test_the_default_has_as_many_parameters_as_it_says():
    assert sum(tensor.numel() for tensor in Refinement(4, RefinementConfig()).parameters()) == 43_252


@pytest.mark.parametrize(
    ("arguments", "words"), [((0,), "features"), ((4, ()), "dilations"), ((4, (1, 0)), "dilations")]
)
def test_impossible_architectures_are_refused(arguments, words):
    with pytest.raises(ValueError, match=words):
        RefinementConfig(*arguments)
