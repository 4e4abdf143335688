"""The ablation study's networks, by configuration alone."""

from __future__ import annotations

from itertools import combinations

import pytest
import torch
from mmhvae import InputError
from mmhvae.network.model import MMHVAE, MMHVAEConfig
from mmhvae_training.configuration.configuration import VariantConfig
from mmhvae_training.networks.variants import build_network

FOUR = ("us", "t2", "cet1", "flair")
SEVEN = MMHVAEConfig(image_size=128, base_features=2, max_features=4, num_pools=6, decoder_features=2, decoder_blocks=1)
SMALL = MMHVAEConfig(image_size=16, base_features=4, max_features=8, num_pools=2, decoder_features=4, decoder_blocks=1)


def images(side: int, *names: str) -> dict[str, torch.Tensor]:
    generator = torch.Generator().manual_seed(1)
    return {name: torch.rand(2, 1, side, side, generator=generator) * 2 - 1 for name in names}


@pytest.mark.parametrize("groups", [(7,), (1, 7), (1, 4, 7), (1, 3, 4, 5, 7), None], ids=str)
def test_the_papers_latent_groups(groups):
    network = build_network(SEVEN, VariantConfig(groups=groups))
    encodings = network.encode(images(128, "us", "t2"))
    z1, kl = network.fuse(encodings, temperature=1.0, generator=torch.Generator().manual_seed(0), compute_kl=True)
    assert z1.shape == (2, *SEVEN.latent_shapes[-1])
    assert len(kl) == (len(groups) if groups else 7)
    assert type(network) is MMHVAE or set(groups) == network.groups
    sum(level.mean() for level in (*kl, *network.decode(z1, FOUR).values())).backward()


def test_all_groups_are_the_cores_network():
    torch.manual_seed(0)
    plain, grouped = MMHVAE(SMALL), build_network(SMALL, VariantConfig(groups=(1, 2, 3)))
    grouped.load_state_dict(plain.state_dict())
    inputs = images(16, "us", "flair")
    expected, found = (n(inputs, temperature=0.0, compute_kl=True) for n in (plain, grouped))
    for name in FOUR:
        torch.testing.assert_close(found.images[name], expected.images[name], atol=1e-4, rtol=0)
    torch.testing.assert_close(found.kl, expected.kl)


def test_with_the_coarsest_group_alone_only_z_l_depends_on_the_input():
    network = build_network(SMALL, VariantConfig(groups=(3,)))
    noise = [torch.randn(1, *shape) for shape in SMALL.latent_shapes]
    one = network.fuse(network.encode(images(16, "us")), 1.0, noise=noise)[0]
    other = [torch.zeros_like(noise[0]), *noise[1:]]
    assert torch.equal(one, network.fuse(network.encode(images(16, "us")), 1.0, noise=[noise[0], *other[1:]])[0])
    assert not torch.equal(one, network.fuse(network.encode(images(16, "us")), 1.0, noise=other)[0])


def test_the_average_is_deterministic_and_has_no_divergence():
    network = build_network(SMALL, VariantConfig(fusion="average"))
    encodings = network.encode(images(16, "us", "t2", "flair"))
    (first, kl), (second, _) = (network.fuse(encodings, 1.0, compute_kl=True) for _ in range(2))
    assert torch.equal(first, second)
    assert torch.stack(kl).abs().max() == 0


def test_zeros_stand_for_missing_modalities_and_one_encoder_serves_all():
    network = build_network(SMALL, VariantConfig(fusion="zeros"))
    some = images(16, "us", "t2")
    zero = {**some, "cet1": torch.zeros(2, 1, 16, 16), "flair": torch.zeros(2, 1, 16, 16)}
    z1 = [network.fuse(network.encode(given), temperature=0.0)[0] for given in (some, zero)]
    assert torch.equal(*z1)
    assert list(network.encoders) == ["all"]
    for a, b in combinations([("us",), ("t2",), ("us", "t2")], 2):
        pair = [network.fuse(network.encode({n: some[n] for n in s}), temperature=0.0)[0] for s in (a, b)]
        assert not torch.equal(*pair)


@pytest.mark.parametrize("groups", [(1, 2), (0, 3), (3, 4)])
def test_groups_that_there_are_not(groups):
    with pytest.raises(InputError, match="should be among 1 to 3, and hold 3"):
        build_network(SMALL, VariantConfig(groups=groups))
