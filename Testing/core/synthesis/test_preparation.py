"""From volumes to planes: progress between the steps, so that preparing a large volume can be stopped."""

from __future__ import annotations

import numpy as np
import pytest
import SimpleITK as sitk
from mmhvae import Cancelled
from mmhvae.bundle.bundle import Bundle, Manifest
from mmhvae.images.volumes import image_on
from mmhvae.network.model import MMHVAE, MMHVAEConfig
from mmhvae.synthesis.preparation import prepare

CONFIG = MMHVAEConfig(image_size=32, base_features=4, max_features=8, num_pools=3, decoder_features=4, decoder_blocks=1)


@pytest.fixture(scope="module")
def bundle() -> Bundle:
    return Bundle(MMHVAE(CONFIG).eval(), Manifest("tiny", CONFIG, 1.0, "MIT", "tests"), "card")


def images() -> dict[str, sitk.Image]:
    grid = sitk.Image((20, 22, 24), sitk.sitkFloat32)
    rng = np.random.default_rng(0)
    return {name: image_on(rng.uniform(1, 200, (24, 22, 20)).astype(np.float32), grid) for name in ("us", "t2")}


def test_progress_rises_from_step_to_step_up_to_the_end(bundle):
    heard: list[float] = []
    prepare(bundle, images(), None, 2, lambda fraction, message: heard.append(fraction))
    assert heard == sorted(set(heard))
    assert heard[0] > 0
    assert 0.9 < heard[-1] <= 1
    assert len(heard) >= 8  # reading, field of view and planes, of each image


def test_it_can_be_stopped_at_every_step(bundle):
    steps: list[float] = []
    prepare(bundle, images(), None, 2, lambda fraction, message: steps.append(fraction))
    for last in range(len(steps)):
        heard: list[float] = []

        def stop(fraction: float, message: str, heard: list[float] = heard, last: int = last) -> None:
            heard.append(fraction)
            if len(heard) > last:
                raise Cancelled

        with pytest.raises(Cancelled):
            prepare(bundle, images(), None, 2, stop)
        assert heard == steps[: last + 1]
