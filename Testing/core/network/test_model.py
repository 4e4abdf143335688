"""Shapes, counts, masks, noise and errors of the network."""

from __future__ import annotations

import itertools

import pytest
import torch
from mmhvae.network.model import MMHVAE, MMHVAEConfig
from torch.utils.flop_counter import FlopCounterMode

MODALITIES = ("us", "t2", "cet1", "flair")
TINY = MMHVAEConfig(image_size=16, base_features=4, max_features=8, num_pools=2, decoder_features=4, decoder_blocks=1)
SUBSETS = [s for r in range(1, 5) for s in itertools.combinations(MODALITIES, r)]


def tiny(**changes) -> MMHVAE:
    torch.manual_seed(0)
    return MMHVAE(MMHVAEConfig(**{**TINY.__dict__, **changes})).eval()


def images(names=MODALITIES, batch: int = 2, size: int = 16, seed: int = 0) -> dict[str, torch.Tensor]:
    generator = torch.Generator().manual_seed(seed)
    return {name: torch.rand(batch, 1, size, size, generator=generator) * 2 - 1 for name in names}


def test_the_default_network_has_the_papers_size():
    with torch.device("meta"):
        network = MMHVAE(MMHVAEConfig())
    assert sum(p.numel() for p in network.parameters()) == 13_774_770
    assert network.config.latent_shapes == (
        (256,), (64, 6, 6), (64, 12, 12), (64, 24, 24), (32, 48, 48), (16, 96, 96), (8, 192, 192),
    )  # fmt: skip


@pytest.mark.parametrize(
    ("inputs", "targets", "multiply_adds"),
    [(MODALITIES, None, 12.649), (("us",), None, 6.541), (("us",), ["t2"], 5.386)],
)
def test_multiply_adds(inputs, targets, multiply_adds):
    with torch.device("meta"):
        network = MMHVAE(MMHVAEConfig())
        x = images(inputs, 1, 1)
        x = {name: torch.empty(1, 1, 192, 192) for name in x}
    with torch.no_grad(), FlopCounterMode(display=False) as counter:
        network(x, targets, temperature=0)
    assert counter.get_total_flops() / 2e9 == pytest.approx(multiply_adds, abs=5e-4)


@pytest.mark.parametrize("subset", SUBSETS, ids="+".join)
@pytest.mark.parametrize("fusion", ["paper", "release"])
def test_every_subset_gives_every_target(subset, fusion):
    network = tiny(fusion=fusion)
    with torch.no_grad():
        output = network(images(subset), temperature=0.5, compute_kl=True)
    assert set(output.images) == set(MODALITIES)
    assert all(image.shape == (2, 1, 16, 16) for image in output.images.values())
    assert all(image.abs().max() <= 1 for image in output.images.values())
    assert output.z1.shape == (2, 2, 16, 16)
    assert output.kl.shape == (2,)
    assert len(output.kl_levels) == 3
    assert (output.kl > 0).all()
    torch.testing.assert_close(torch.stack(output.kl_levels).sum(0), output.kl)


@pytest.mark.parametrize(
    ("changes", "z1"),
    [
        ({"modalities": ("a",)}, (2, 2, 16, 16)),
        ({"modalities": tuple("abcdef")}, (2, 2, 16, 16)),
        ({"base_features": 8, "max_features": 8}, (2, 4, 16, 16)),
        ({"image_size": 24, "num_pools": 1, "max_features": 64}, (2, 2, 24, 24)),
        ({"decoder_features": 2, "decoder_blocks": 0}, (2, 2, 16, 16)),
    ],
    ids=str,
)
def test_other_architectures(changes, z1):
    network = tiny(**changes)
    name = network.config.modalities[0]
    output = network(images((name,), size=network.config.image_size), targets=[name])
    assert output.z1.shape == z1
    assert output.kl is None
    assert set(output.images) == {name}


def test_only_targets_are_decoded_and_each_encoder_runs_once():
    network, calls = tiny(), []
    for part in ("encoders", "decoders"):
        for name, module in getattr(network, part).items():
            module.register_forward_hook(lambda *_, what=f"{part}.{name}": calls.append(what))
    network(images(("t2", "us")), targets=["flair"], compute_kl=True)
    assert calls == ["encoders.us", "encoders.t2", "decoders.flair"]


def test_the_default_mask_is_that_of_the_first_modality_in_the_bundles_order():
    network, x = tiny(), images(("t2", "us"))
    x["us"][:, :, :5] = -1
    x["t2"][:, :, 8:] = -1
    output = network({"t2": x["t2"], "us": x["us"]}, temperature=0)
    assert (output.images["flair"][:, :, :5] == -1).all()
    assert (output.images["flair"][:, :, 8:] > -1).all()
    assert (output.z1[:, :, :5] == 0).all()
    assert (output.z1[:, :, 8:] != 0).any()


def test_an_explicit_mask_keeps_dark_pixels_and_the_decoders_see_the_unmasked_latent():
    network, x = tiny(), images(("us",))
    x["us"][:, :, 4:6] = -1
    everything = network(x, temperature=0, mask=torch.ones(2, 1, 16, 16))
    default = network(x, temperature=0)
    inside = (x["us"] > -1).expand_as(default.images["t2"])
    assert (everything.images["t2"][:, :, 4:6] > -1).all()
    torch.testing.assert_close(default.images["t2"][inside], everything.images["t2"][inside])


def test_noise_is_reproducible_and_scales_with_the_temperature():
    network, x = tiny(), images(("us",))

    def run(temperature: float, seed: int) -> torch.Tensor:
        return network(x, ["t2"], temperature, generator=torch.Generator().manual_seed(seed)).images["t2"].detach()

    torch.testing.assert_close(run(0.5, 1), run(0.5, 1), rtol=0, atol=0)
    assert not torch.equal(run(0.5, 1), run(0.5, 2))
    torch.testing.assert_close(run(0, 1), run(0, 2), rtol=0, atol=0)
    assert (run(0.1, 1) - run(0, 1)).abs().mean() < (run(1.0, 1) - run(0, 1)).abs().mean()


def test_shared_noise_makes_equal_slices_equal():
    network, x = tiny(), images(("us",), batch=1)
    noise = [torch.randn(1, *shape) for shape in network.config.latent_shapes]
    output = network({"us": x["us"].repeat(3, 1, 1, 1)}, ["t2"], 1.0, noise=noise).images["t2"].detach()
    torch.testing.assert_close(output[0], output[2], atol=1e-5, rtol=0)


def test_sampling_from_the_prior():
    network = tiny()
    output = network.sample(3, targets=["us", "flair"], generator=torch.Generator().manual_seed(0))
    assert {name: tuple(image.shape) for name, image in output.images.items()} == {
        "us": (3, 1, 16, 16),
        "flair": (3, 1, 16, 16),
    }
    assert output.z1.std() > 0.1


def test_gradients_reach_every_parameter():
    network = tiny().train()
    output = network(images(), temperature=1.0, compute_kl=True)
    (sum(image.square().mean() for image in output.images.values()) + output.kl.mean()).backward()
    missing = [name for name, p in network.named_parameters() if p.grad is None or not p.grad.isfinite().all()]
    assert missing == []


@pytest.mark.parametrize(
    ("changes", "rule"),
    [
        ({"image_size": 20, "num_pools": 3}, "multiple of 2"),
        ({"image_size": 4, "num_pools": 2}, "at least twice"),
        ({"base_features": 3}, "even"),
        ({"modalities": ()}, "one or more"),
        ({"modalities": ("us", "us")}, "different"),
        ({"num_pools": 0}, "at least 1"),
        ({"decoder_blocks": -1}, "negative"),
        ({"soft_clamp": 0.0}, "positive"),
        ({"fusion": "mean"}, "fusion"),
    ],
    ids=str,
)
def test_wrong_architectures_are_refused(changes, rule):
    with pytest.raises(ValueError, match=rule):
        MMHVAEConfig(**{**TINY.__dict__, **changes})


@pytest.mark.parametrize(
    ("arguments", "rule"),
    [
        ({"inputs": {}}, "at least one"),
        ({"inputs": images(("t1",))}, "one of us, t2"),
        ({"inputs": images(("us",)), "targets": ["t1"]}, "one of us, t2"),
        ({"inputs": images(("us",), size=8)}, "shaped"),
        ({"inputs": images(("us",)) | images(("t2",), batch=3)}, "shaped"),
        ({"inputs": images(("us",)), "temperature": -1.0}, "temperature"),
        ({"inputs": images(("us",)), "temperature": float("nan")}, "temperature"),
    ],
    ids=["none", "unknown input", "unknown target", "size", "batches differ", "temperature", "nan"],
)
def test_wrong_calls_are_refused(arguments, rule):
    with pytest.raises(ValueError, match=rule):
        tiny()(**arguments)
