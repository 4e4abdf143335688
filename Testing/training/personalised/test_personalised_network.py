"""The personalised network: sizes of XH's paper, what equals SwinUNETR, and which gradient reaches which part."""

from __future__ import annotations

from functools import partial

import pytest
import torch

pytest.importorskip("monai", reason="needs the extra 'training'")

from mmhvae_training.personalised.anchor import Anchor
from mmhvae_training.personalised.configuration import PersonalisedConfig
from mmhvae_training.personalised.inference import predict
from mmhvae_training.personalised.losses import contrastive_loss, invariance_loss, rotation_loss
from mmhvae_training.personalised.network import PersonalisedNetwork
from monai.networks.nets import SwinUNETR

SMALL = {
    "crop": (32, 32, 32),
    "feature_size": 12,
    "depths": (1, 1, 1, 1),
    "num_heads": (1, 2, 4, 8),
    "window_size": 4,
    "norm": "group",
}


def small(**changes) -> PersonalisedNetwork:
    torch.manual_seed(0)
    return PersonalisedNetwork(PersonalisedConfig(**{**SMALL, **changes}))


@pytest.mark.parametrize(
    ("changes", "parameters"),
    [
        ({"feature_size": 12}, 6_178_030),
        ({"feature_size": 24}, 23_880_706),
        ({"feature_size": 48}, 94_463_818),
        ({"feature_size": 48, "fuse": "released"}, 142_241_098),
    ],
)
def test_parameters_are_as_many_as_in_the_specification(changes, parameters, monkeypatch):
    monkeypatch.setattr(torch, "linspace", partial(torch.linspace, device="cpu"))  # MONAI asks for its values
    with torch.device("meta"):
        network = PersonalisedNetwork(PersonalisedConfig(**changes))
    assert sum(p.numel() for p in network.parameters()) == parameters


def test_shapes_of_features_representation_and_output():
    network = small(crop=(64, 32, 32), classes=4)
    with torch.no_grad():
        features = network.encode(torch.randn(2, 4, 64, 32, 32))
        fused = network.personalise(features.z)
        output = network.decode(fused, features)
    assert fused.shape == features.z.shape == (2, 192, 2, 1, 1)
    assert [tuple(h.shape[1:3]) for h in features.hidden] == [(12, 32), (24, 16), (48, 8), (96, 4)]
    assert output.shape == (2, 4, 64, 32, 32)
    judged = network.judged(features.z, fused)
    assert network.rotation_logits(judged).shape == (2, 4)
    assert network.contrastive_vectors(judged).shape == (2, 512)


def test_without_a_prior_it_is_swinunetr_bit_for_bit_and_its_encoder_loads_into_one():
    network, image = small(prior=False).eval(), torch.randn(1, 4, 32, 32, 32)
    plain = SwinUNETR(
        4, 4, feature_size=12, depths=(1, 1, 1, 1), num_heads=(1, 2, 4, 8), window_size=4,
        norm_name=("group", {"num_groups": 4, "affine": True}),
    ).eval()  # fmt: skip
    with torch.no_grad():
        assert not torch.equal(network(image), plain(image))
        plain.load_state_dict(network.swin.state_dict())
        assert torch.equal(network(image), plain(image))
    with_prior = small()
    plain.swinViT.load_state_dict(with_prior.swin.swinViT.state_dict())
    with torch.no_grad():
        assert torch.equal(with_prior.encode(image).z, plain.swinViT(image, True)[-1])


def reached(network: PersonalisedNetwork) -> set[str]:
    """Parts of the network with a gradient somewhere."""
    parts = set()
    for name, parameter in network.named_parameters():
        if parameter.grad is not None and parameter.grad.abs().max() > 0:
            parts.add("E" if "swinViT" in name else "D" if name.startswith("swin.") else name.rsplit(".", 1)[0])
            if name == "prior.prior":
                parts.add("O")
    return parts - {"prior"}


@pytest.mark.parametrize("fuse", ["paper", "released"])
def test_invariance_teaches_prior_attention_fusion_and_encoder_but_not_the_anchor(fuse):
    network = small(fuse=fuse)
    anchor = Anchor()
    other = torch.randn(1, 192, 1, 1, 1, requires_grad=True)
    anchor.add(other)
    fused = network.personalise(network.encode(torch.randn(1, 4, 32, 32, 32)).z)
    invariance_loss(fused, anchor.value).backward()
    assert {"E", "O", "prior.fuse", "prior.attention.out_proj"} <= reached(network)
    assert not {"D", "rotation_head", "contrastive_head"} & reached(network)
    assert other.grad is None


@pytest.mark.parametrize(("heads", "reaches_prior"), [("encoder", False), ("fused", True)])
def test_rotation_and_contrast_reach_the_prior_only_where_they_are_judged_on_the_fused(heads, reaches_prior):
    network = small(heads=heads)
    z = network.encode(torch.randn(2, 4, 32, 32, 32)).z
    judged = network.judged(z, network.personalise(z))
    vectors = network.contrastive_vectors(judged)
    loss = rotation_loss(network.rotation_logits(judged), torch.tensor([1, 3]))
    (loss + contrastive_loss(vectors, vectors.detach())).backward()
    assert {"E", "rotation_head", "contrastive_head"} <= reached(network)
    assert ("O" in reached(network)) is reaches_prior
    assert "D" not in reached(network)


def test_a_sliding_window_sees_whole_volumes_in_the_trained_crop_alone():
    network = small().eval()
    volume = torch.randn(1, 4, 40, 32, 32)
    result = predict(network, volume, (1,))
    assert result.shape == (1, 4, 40, 32, 32)
    hidden = volume.clone()
    hidden[:, [0, 2, 3]] = 7.0  # what is not shown cannot matter
    assert torch.equal(predict(network, hidden, (1,)), result)
    with pytest.raises(ValueError, match="trained with"):
        predict(network, volume, (1,), crop=(64, 64, 64))
    with pytest.raises(ValueError, match="belongs to crops"):
        network(torch.randn(1, 4, 64, 32, 32))


@pytest.mark.parametrize(
    ("changes", "rule"),
    [
        ({"feature_size": 20}, "divisible by 12"),
        ({"crop": (40, 32, 32)}, "divisible by 32"),
        ({"crop": (32, 64, 32)}, "square"),
        ({"norm": "instance"}, "one voxel"),
        ({"classes": 1}, "2 or more"),
    ],
)
def test_sizes_that_cannot_work_are_refused_with_the_rule(changes, rule):
    with pytest.raises(ValueError, match=rule):
        PersonalisedConfig(**{**SMALL, **changes})
