"""The baseline U-Net: MONAI's SegResNet in two halves, shown zeros for what is missing."""

from __future__ import annotations

import pytest
import torch

pytest.importorskip("monai", reason="needs the extra 'training'")

from mmhvae_training.personalised.configuration import PersonalisedConfig
from mmhvae_training.personalised.inference import predict
from mmhvae_training.personalised.inputs import shown
from mmhvae_training.personalised.network import PersonalisedNetwork
from mmhvae_training.personalised.unet import UNet, new_network

SMALL = {"crop": (32, 32, 32), "feature_size": 12, "norm": "group", "prior": False, "depths": (1, 1, 1, 1)}


def unet(**changes) -> UNet:
    torch.manual_seed(0)
    network = new_network(PersonalisedConfig(network="unet", missing="zeros", **{**SMALL, **changes})).eval()
    assert isinstance(network, UNet)
    return network


@pytest.mark.parametrize(("classes", "outputs"), [(None, 4), (2, 2)])
def test_its_halves_make_monai_s_network(classes, outputs):
    network, image = unet(classes=classes), torch.randn(1, 4, 32, 32, 32)
    with torch.no_grad():
        output = network(image)
        assert torch.equal(output, network.unet(image))
        assert network.encode(image).z.shape == (1, 96, 4, 4, 4)
    assert output.shape == (1, outputs, 32, 32, 32)


def test_its_last_layer_alone_depends_on_the_classes():
    images, tumour = unet(classes=None).state_dict(), unet(classes=3).state_dict()
    differ = {name for name, value in tumour.items() if images[name].shape != value.shape}
    assert differ
    assert all(name.startswith(UNet.OUTPUT_LAYER) for name in differ)


def test_what_is_missing_is_zero_for_it_and_the_mean_for_the_paper_s():
    images = torch.randn(1, 4, 2, 2, 2)
    zeros = shown(images, (1, 3), "zeros")
    assert torch.equal(zeros[:, [1, 3]], images[:, [1, 3]])
    assert not zeros[:, [0, 2]].any()
    mean = shown(images, (1, 3), "mean")
    torch.testing.assert_close(mean[:, 0], images[:, [1, 3]].mean(1))
    network, volume = unet(), torch.randn(1, 4, 32, 32, 32)
    alone = torch.zeros_like(volume)
    alone[:, 2] = volume[:, 2]
    with torch.no_grad():
        torch.testing.assert_close(predict(network, volume, (2,)), network(alone), rtol=1e-4, atol=1e-5)


def test_without_a_name_the_network_is_the_paper_s():
    assert isinstance(new_network(PersonalisedConfig(**{**SMALL, "num_heads": (1, 2, 4, 8)})), PersonalisedNetwork)
