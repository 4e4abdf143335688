"""Who is judged by whom: fakes, real images, least squares."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest
import torch
from mmhvae.network.model import MMHVAEConfig
from mmhvae_training.configuration.configuration import AdversarialConfig
from mmhvae_training.data.slices import Batch
from mmhvae_training.objective.adversarial import (
    discriminators_loss,
    fakes_of,
    generator_loss,
    new_discriminators,
    real_images,
    sees_discriminators,
)
from mmhvae_training.objective.elbo import Pass, PassResult
from mmhvae_training.objective.pools import ImagePool
from torch import nn

FOUR = ("us", "t2", "cet1", "flair")


def result(value: float, *names: str) -> PassResult:
    return PassResult({name: torch.full((2, 1, 4, 4), value, requires_grad=True) for name in names}, {}, torch.zeros(1))


class Same(nn.Module):
    """Scores an image by its values."""

    def forward(self, image):
        return image


def test_fakes_come_from_passes_that_lacked_the_modality():
    passes = [Pass(FOUR, 1.0, ()), Pass(("us",), 1.0, ()), Pass(("t2", "flair"), 1.0, ())]
    fakes = fakes_of(passes, [result(value, *FOUR) for value in (0.0, 1.0, 2.0)])
    found = {name: sorted(set(images.flatten().tolist())) for name, images in fakes.items()}
    assert found == {"us": [2.0], "t2": [1.0], "cet1": [1.0, 2.0], "flair": [1.0]}
    assert not any(images.requires_grad for images in fakes.values())


@pytest.mark.parametrize(("missing", "expected"), [("train", {"us", "t2", "flair"}), ("skip", {"us", "t2"})])
def test_missing_modalities_are_judged_by_their_pool(missing, expected):
    images = {name: torch.zeros(4, 1, 4, 4) for name in ("us", "t2")}
    batch = Batch(images, images, torch.ones(4, 1, 4, 4, dtype=torch.bool))
    pools = {name: ImagePool(8) for name in FOUR}
    pools["flair"].push(torch.ones(6, 1, 4, 4), np.random.default_rng(0))  # nobody ever saw a ceT1
    config = AdversarialConfig(missing=missing, pool_drawn=4)
    real = real_images(batch, pools, config, np.random.default_rng(0))
    assert set(real) == expected
    assert all(len(image) == 4 for image in real.values())
    halves = [real_images(batch, pools, config, np.random.default_rng(0), rank, 2) for rank in range(2)]
    if missing == "train":
        assert torch.equal(torch.cat([half["flair"] for half in halves]), real["flair"])


def test_the_losses_are_least_squares_without_a_half():
    judges = nn.ModuleDict({name: Same() for name in FOUR})
    real, fake = (
        {"us": torch.full((1, 1, 2, 2), 0.9), "t2": torch.zeros(1, 1, 2, 2)},
        {"us": torch.full((1, 1, 2, 2), 0.3)},
    )
    losses = discriminators_loss(judges, real, fake)
    assert set(losses) == {"us"}  # there is no synthetic T2 to compare with
    assert losses["us"].item() == pytest.approx(0.1**2 + 0.3**2)
    assert generator_loss(judges, fake, ["us"])["us"].item() == pytest.approx(0.7**2)


def test_the_generator_hears_of_partial_inputs_only_unless_told_otherwise():
    partial, everything = AdversarialConfig(), AdversarialConfig(passes="all")
    for subset, heard in {("us",): True, ("t2", "flair"): True, ("us", "t2"): False}.items():
        assert sees_discriminators(SimpleNamespace(subset=subset), partial) == heard
        assert sees_discriminators(SimpleNamespace(subset=subset), everything)


def test_no_weight_no_discriminators():
    assert new_discriminators(MMHVAEConfig(), AdversarialConfig(weight=0)) is None
