"""From volumes to planes: progress between the steps, so that preparing a large volume can be stopped."""

from __future__ import annotations

import numpy as np
import pytest
import SimpleITK as sitk
import torch
from mmhvae import Cancelled
from mmhvae.bundle.bundle import Bundle, Manifest
from mmhvae.exceptions import InputError, Progress, part_of
from mmhvae.images.volumes import image_on, same_grid
from mmhvae.network.model import MMHVAE, MMHVAEConfig
from mmhvae.synthesis.preparation import Preparation, PreparedCase

AXES = (2, 0, 1)
CONFIG = MMHVAEConfig(image_size=32, base_features=4, max_features=8, num_pools=3, decoder_features=4, decoder_blocks=1)


@pytest.fixture(scope="module")
def bundle() -> Bundle:
    return Bundle(MMHVAE(CONFIG).eval(), Manifest("tiny", CONFIG, 1.0, "MIT", "tests"), "card")


def images() -> dict[str, sitk.Image]:
    grid = sitk.Image((20, 22, 24), sitk.sitkFloat32)
    rng = np.random.default_rng(0)
    return {name: image_on(rng.uniform(1, 200, (24, 22, 20)).astype(np.float32), grid) for name in ("us", "t2")}


def prepare(bundle: Bundle, progress: Progress) -> PreparedCase:
    """Both halves of the work, one after the other."""
    return Preparation(bundle, images(), None, [2], part_of(progress, 0, 0.5)).along(2, part_of(progress, 0.5, 1))


def test_progress_rises_from_step_to_step_up_to_the_end(bundle):
    heard: list[float] = []
    prepare(bundle, lambda fraction, message: heard.append(fraction))
    assert heard == sorted(set(heard))
    assert heard[0] == 0
    assert 0.9 < heard[-1] <= 1
    assert len(heard) >= 8  # the start, reading, field of view and planes of each image, and the grid


def test_it_can_be_stopped_at_every_step(bundle):
    steps: list[float] = []
    prepare(bundle, lambda fraction, message: steps.append(fraction))
    for last in range(len(steps)):
        heard: list[float] = []

        def stop(fraction: float, message: str, heard: list[float] = heard, last: int = last) -> None:
            heard.append(fraction)
            if len(heard) > last:
                raise Cancelled

        with pytest.raises(Cancelled):
            prepare(bundle, stop)
        assert heard == steps[: last + 1]


def oblique_images(spacing: tuple[float, float, float]) -> dict[str, sitk.Image]:
    """An ultrasound ball with dark fluid in it, and an MR of another grid that shows half of it."""
    rng = np.random.default_rng(1)
    direction, _ = np.linalg.qr(rng.standard_normal((3, 3)))
    us = sitk.Image((24, 26, 22), sitk.sitkFloat32)
    us.SetSpacing(spacing)
    us.SetDirection(direction.ravel().tolist())
    far = np.linalg.norm(np.stack(np.meshgrid(*[np.linspace(-1, 1, n) for n in (22, 26, 24)], indexing="ij")), axis=0)
    echoes = np.where((far < 0.9) & (far > 0.2), rng.uniform(1, 200, far.shape), 0).astype(np.float32)
    mr = sitk.Image((20, 20, 20), sitk.sitkFloat32)
    mr.SetOrigin(us.TransformContinuousIndexToPhysicalPoint([9.0, 3.0, 4.0]))
    return {"us": image_on(echoes, us), "t2": image_on(rng.uniform(1, 90, (20, 20, 20)).astype(np.float32), mr)}


@pytest.mark.parametrize("spacing", [(0.7, 0.7, 0.7), (0.6, 0.6, 2.5)], ids=["same grid", "thick slices"])
def test_what_axes_share_changes_nothing(bundle, spacing):
    given = oblique_images(spacing)
    together = Preparation(bundle, given, None, AXES)
    grids = []
    for axis in AXES:
        alone, shared = Preparation(bundle, given, None, [axis]), together.along(axis)
        expected = alone.along(axis)
        grids.append(shared.grid)
        assert same_grid(shared.grid, expected.grid)
        assert torch.equal(shared.mask, expected.mask)
        for name, planes in expected.inputs.items():
            assert torch.equal(shared.inputs[name], planes)
        back, expected_back = (each.returned(expected.inputs["us"], axis) for each in (together, alone))
        np.testing.assert_array_equal(sitk.GetArrayFromImage(back), sitk.GetArrayFromImage(expected_back))
        assert same_grid(back, given["us"])
    # A grid that thick slices keep along one axis is no other axis's: there the frames must differ.
    assert (grids[0].GetSize() == grids[1].GetSize() == grids[2].GetSize()) == (spacing[2] == spacing[0])


@pytest.mark.parametrize("shown", ["an MR of one grey level", "an ultrasound below 0"])
def test_an_image_that_shows_nothing_is_told_as_that(bundle, shown):
    grid = images()["us"]
    given = {"t2": grid * 0 + 100} if "MR" in shown else {"us": grid * -1}
    with pytest.raises(InputError, match="field of view is empty; choose a volume that shows something"):
        Preparation(bundle, given, None, [2])


def test_inputs_are_let_go_of_before_the_network_runs(bundle):
    given = images()
    preparation = Preparation(bundle, given, None, [0, 2])
    preparation.along(0)
    kept = [name for name, value in vars(preparation).items() if isinstance(value, dict) and "t2" in value]
    assert kept
    preparation.along(2)
    assert not any("t2" in value for value in vars(preparation).values() if isinstance(value, dict))
