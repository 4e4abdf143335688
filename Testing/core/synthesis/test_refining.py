"""Synthesis with a refinement: identity, blocks, grids, samples, other targets, thick slices, cancel."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import SimpleITK as sitk
import torch
from mmhvae import Cancelled, synthesize
from mmhvae.bundle.bundle import Bundle, Manifest
from mmhvae.images.volumes import image_on, same_grid
from mmhvae.network.model import MMHVAE, MMHVAEConfig
from mmhvae.network.refinement import Refinement, RefinementConfig
from mmhvae.synthesis import refining

CONFIG = MMHVAEConfig(image_size=32, base_features=4, max_features=8, num_pools=3, decoder_features=4, decoder_blocks=1)
SMALL = (22, 20, 24)


@pytest.fixture(scope="module")
def plain():
    torch.manual_seed(0)
    return Bundle(MMHVAE(CONFIG).eval(), Manifest("tiny", CONFIG, 1.0, "MIT", "tests", weights_sha256="tiny"), "")


@pytest.fixture(scope="module")
def untrained(plain):
    return replace(plain, refinement=Refinement(4, RefinementConfig(4, (1, 2))).eval())


@pytest.fixture(scope="module")
def refined(plain):
    torch.manual_seed(1)
    network = Refinement(4, RefinementConfig(4, (1, 2)))
    torch.nn.init.normal_(network.head.weight, std=0.1)
    return replace(plain, refinement=network.eval())


def sweep(grid: sitk.Image) -> sitk.Image:
    """Speckle in an ellipsoid."""
    axes = [np.linspace(-1, 1, n) for n in reversed(grid.GetSize())]
    radius = np.sqrt(sum(a**2 for a in np.meshgrid(*axes, indexing="ij")))
    speckle = np.random.default_rng(0).uniform(20, 250, radius.shape)
    return image_on(np.where(radius < 0.9, speckle, 0).astype(np.float32), grid)


@pytest.fixture
def us():
    """On the model's own grid, so that nothing is interpolated."""
    return sweep(sitk.Image(SMALL, sitk.sitkFloat32))


def array(image: sitk.Image) -> np.ndarray:
    return sitk.GetArrayFromImage(image)


def largest_difference(a, b, kind: str = "images", target: str = "t2") -> float:
    return float(np.abs(array(getattr(a, kind)[target]) - array(getattr(b, kind)[target])).max())


@pytest.mark.parametrize("samples", [1, 3])
def test_before_training_all_images_are_those_without(plain, untrained, us, samples):
    before, after = (synthesize(b, {"us": us}, ["t2", "us"], samples=samples) for b in (plain, untrained))
    for target in ("t2", "us"):
        assert largest_difference(before, after, "images", target) < 1e-6
        if samples > 1:
            assert largest_difference(before, after, "uncertainty", target) < 1e-6


@pytest.mark.parametrize("seed", range(4))
def test_refined_images_land_on_the_exact_grid(plain, refined, oblique, seed):
    image = sweep(oblique(seed, SMALL))
    result = synthesize(refined, {"us": image}, ["t2", "flair"], samples=2, slice_axis="all")
    field = array(result.field_of_view) > 0
    for found in [*result.images.values(), *result.uncertainty.values()]:
        assert same_grid(found, image)
        values = array(found)
        assert 0 <= values.min() <= values.max() <= 1
        assert (values[~field] == 0).all()
    without = synthesize(plain, {"us": image}, ["t2"], samples=2, slice_axis="all")
    assert largest_difference(without, result) > 0.01
    assert np.array_equal(array(without.field_of_view), array(result.field_of_view))


@pytest.mark.parametrize("axis", [0, 1, 2])
def test_blocks_and_turns_bound_the_memory_and_change_nothing(refined, us, axis, monkeypatch):
    whole = synthesize(refined, {"us": us}, ["t2"], samples=3, slice_axis=axis)
    monkeypatch.setattr(refining, "BLOCK", 6)
    parts = synthesize(refined, {"us": us}, ["t2"], samples=3, slice_axis=axis)
    monkeypatch.setattr(refining, "SAMPLE_BYTES", 1)  # one sample after the other
    turns = synthesize(refined, {"us": us}, ["t2"], samples=3, slice_axis=axis)
    for other in (parts, turns):
        for kind in ("images", "uncertainty"):
            assert largest_difference(whole, other, kind) < 1e-5


def test_blocks_that_feel_their_own_border_would_be_found(refined, us, monkeypatch):
    whole = synthesize(refined, {"us": us}, ["t2"], samples=1)
    monkeypatch.setattr(refining, "BLOCK", 6)
    monkeypatch.setattr(RefinementConfig, "reach", property(lambda self: 2))
    assert largest_difference(whole, synthesize(refined, {"us": us}, ["t2"], samples=1)) > 1e-4


def test_every_sample_is_refined_by_itself(refined, us, monkeypatch):
    import mmhvae.synthesis.synthesis as module

    draw, single = module.draw_noise, []
    together = synthesize(refined, {"us": us}, ["t2"], samples=3, seed=1)
    for index in range(3):
        monkeypatch.setattr(module, "draw_noise", lambda *args, i=index: draw(*args[:4], 3, args[5])[i : i + 1])
        single.append(array(synthesize(refined, {"us": us}, ["t2"], seed=1).images["t2"]))
    np.testing.assert_allclose(array(together.images["t2"]), np.mean(single, 0), atol=1e-5)
    np.testing.assert_allclose(array(together.uncertainty["t2"]), np.std(single, 0, ddof=1), atol=1e-5)


def test_a_target_does_not_depend_on_the_others(refined, us):
    alone = synthesize(refined, {"us": us}, ["t2"], temperature=0)
    among = synthesize(refined, {"us": us}, ["flair", "t2", "us"], temperature=0)
    assert set(alone.images) == {"t2"}
    assert largest_difference(alone, among) == 0


def test_what_was_given_is_seen_and_not_refined(plain, refined, us):
    other = us + 3 * sitk.GetImageFromArray(np.indices(SMALL[::-1])[0].astype(np.float32))
    two = {"us": us, "flair": sitk.Mask(other, us > 0)}
    without, result = (synthesize(b, two, ["us", "flair", "t2"], temperature=0) for b in (plain, refined))
    assert largest_difference(without, result, target="us") < 1e-6
    assert largest_difference(without, result, target="flair") < 1e-6
    assert largest_difference(without, result) > 0.01


def test_thick_slices_are_left_as_they_are(plain, refined, us):
    us.SetSpacing([1.0, 1.0, 2.5])
    without, result = (synthesize(b, {"us": us}, ["t2"], temperature=0) for b in (plain, refined))
    assert largest_difference(without, result) == 0


def test_progress_rises_and_cancel_stops_within_the_refinement(refined, us, monkeypatch):
    monkeypatch.setattr(refining, "BLOCK", 6)
    told: list[tuple[float, str]] = []
    synthesize(refined, {"us": us}, ["t2"], samples=2, progress=lambda f, m: told.append((f, m)))
    assert [f for f, _ in told] == sorted(f for f, _ in told)
    assert sum(m == refining.REFINING for _, m in told) > 10

    def stop(fraction: float, message: str) -> None:
        if message == refining.REFINING:
            raise Cancelled

    with pytest.raises(Cancelled):
        synthesize(refined, {"us": us}, ["t2"], samples=2, progress=stop)
