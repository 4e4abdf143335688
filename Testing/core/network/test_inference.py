"""The network prepared for inference against the network itself."""

from __future__ import annotations

import itertools

import pytest
import torch
from mmhvae.network import inference
from mmhvae.network.inference import computing, prepared
from mmhvae.network.model import MMHVAE, MMHVAEConfig
from torch.utils.flop_counter import FlopCounterMode

CPU = torch.device("cpu")
MODALITIES = ("us", "t2", "cet1", "flair")
TINY = MMHVAEConfig(image_size=32, base_features=8, max_features=16, num_pools=3, decoder_features=4, decoder_blocks=1)
SUBSETS = [s for r in range(1, 5) for s in itertools.combinations(MODALITIES, r)]


def tiny(**changes) -> MMHVAE:
    torch.manual_seed(0)
    return MMHVAE(MMHVAEConfig(**{**TINY.__dict__, **changes})).eval()


def images(names=MODALITIES, batch: int = 2) -> dict[str, torch.Tensor]:
    generator = torch.Generator().manual_seed(0)
    return {name: torch.rand(batch, 1, 32, 32, generator=generator) * 2 - 1 for name in names}


def noise(network: MMHVAE, batch: int = 1) -> list[torch.Tensor]:
    generator = torch.Generator().manual_seed(1)
    return [torch.randn(batch, *shape, generator=generator) for shape in network.config.latent_shapes]


@pytest.mark.parametrize("subset", SUBSETS, ids="+".join)
@pytest.mark.parametrize("fusion", ["paper", "release"])
def test_the_same_numbers_in_float32(subset, fusion):
    network = tiny(fusion=fusion)
    fast = prepared(network, CPU)
    with torch.inference_mode(), computing(CPU, torch.float32):
        expected = network(images(subset), noise=noise(network))
        found = fast(images(subset), noise=noise(network))
    for name in MODALITIES:
        torch.testing.assert_close(found.images[name], expected.images[name], rtol=0, atol=1e-5)
    torch.testing.assert_close(found.z1, expected.z1, rtol=0, atol=1e-5)


@pytest.mark.parametrize(
    "changes",
    [{"decoder_blocks": 0}, {"modalities": ("a", "b")}, {"max_features": 8}, {"decoder_features": 2}],
    ids=str,
)
def test_other_architectures(changes):
    network = tiny(**changes)
    x = images(network.config.modalities)
    with torch.inference_mode():
        expected, found = network(x, temperature=0).images, prepared(network, CPU)(x, temperature=0).images
    for name, image in expected.items():
        torch.testing.assert_close(found[name], image, rtol=0, atol=1e-4)


def test_wide_tensors_may_come_in_parts(monkeypatch):
    network = tiny()
    monkeypatch.setattr(inference, "PART_BYTES", 4 * 32 * 32 * inference.CHANNELS_IN_STEP)  # 16 of 48 channels
    with torch.inference_mode():
        expected, found = network(images(), temperature=0), prepared(network, CPU)(images(), temperature=0)
    torch.testing.assert_close(found.images["t2"], expected.images["t2"], rtol=0, atol=1e-4)


@pytest.mark.parametrize("offset", [0, 300])
def test_normalisation_is_exact_where_the_mean_is_large(offset):
    x = torch.randn(2, 16, 96, 96, generator=torch.Generator().manual_seed(0)) + offset
    exact = torch.nn.functional.instance_norm(x.double(), eps=1e-5)
    found = inference.normalised(x.contiguous(memory_format=torch.channels_last))
    assert found.is_contiguous(memory_format=torch.channels_last)
    torch.testing.assert_close(found.double(), exact, rtol=0, atol=1e-5 if offset == 0 else 1e-4)


def test_no_multiply_add_is_added():
    network, counts = tiny(), []
    for either in (network, prepared(network, CPU)):
        with torch.no_grad(), FlopCounterMode(display=False) as counter:
            either(images(), ["t2"], temperature=0)
        counts.append(counter.get_total_flops())
    assert counts[0] == counts[1] > 0


def test_the_original_stays_as_it_was_and_the_copy_does_not_follow_it():
    network = tiny()
    before = {name: value.clone() for name, value in network.state_dict().items()}
    fast = prepared(network, CPU)
    assert type(network.levels[0].prior.weight) is torch.Tensor  # still worked out from its two parameters
    assert {name: value.shape for name, value in network.state_dict().items()} == {
        n: v.shape for n, v in before.items()
    }
    with torch.inference_mode():
        expected = fast(images(), ["t2"], 0.0).images["t2"]
        for value in network.state_dict().values():
            value.zero_()
        torch.testing.assert_close(fast(images(), ["t2"], 0.0).images["t2"], expected, rtol=0, atol=0)


def test_bfloat16_is_near_and_the_batch_size_changes_nothing():
    network = tiny()
    fast = prepared(network, CPU, torch.bfloat16)
    x, levels = images(batch=3), noise(network, 3)
    with torch.inference_mode(), computing(CPU, torch.bfloat16):
        expected = network(x, ["t2"], noise=levels).images["t2"]
        found = fast(x, ["t2"], noise=levels).images["t2"]
        single = [
            fast({k: v[i : i + 1] for k, v in x.items()}, ["t2"], noise=[v[i : i + 1] for v in levels]).images["t2"]
            for i in range(3)
        ]
    assert (found.float() - expected).abs().mean() < 0.02
    torch.testing.assert_close(torch.cat(single), found, rtol=0, atol=0)
