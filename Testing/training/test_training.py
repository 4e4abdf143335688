"""Subsets, slices, losses, the depthwise gradient, and a loop that learns and resumes exactly."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import numpy as np
import pytest
import SimpleITK as sitk
import torch
from mmhvae import InputError
from mmhvae.bundle import Bundle, Manifest, save_bundle
from mmhvae.network import MMHVAE, MMHVAEConfig
from mmhvae_training.augmentation import apply_intensity_change, draw_intensity_change
from mmhvae_training.depthwise import CPUDepthwiseConv2d
from mmhvae_training.loop import (
    CHECKPOINT,
    RUN,
    TrainingConfig,
    load_checkpoint,
    new_state,
    start_from,
    train,
    training_step,
)
from mmhvae_training.losses import image_loss, local_correlation
from mmhvae_training.slices import draw_batch, load_case
from mmhvae_training.subsets import draw_subset

TINY = MMHVAEConfig(image_size=16, base_features=4, max_features=8, num_pools=2, decoder_features=4, decoder_blocks=1)


@pytest.mark.parametrize(
    ("observed", "shares"),
    [
        (("us", "t2", "cet1", "flair"), {"all": 1 / 3, "us": 1 / 3}),
        (("us", "t2"), {"all": 1 / 3, "us": 1 / 3}),
        (("t2", "flair"), {"all": 1 / 2 + 1 / 6, "us": 0}),
        (("us",), {"all": 1, "us": 1}),
    ],
    ids="+".join,
)
def test_subsets_are_drawn_with_the_papers_probabilities(observed, shares):
    rng = np.random.default_rng(0)
    counts = Counter(draw_subset(observed, rng) for _ in range(6000))
    assert all(set(subset) <= set(observed) and subset for subset in counts)
    assert counts[observed] / 6000 == pytest.approx(shares["all"], abs=0.03)
    assert counts[("us",)] / 6000 == pytest.approx(shares["us"], abs=0.03)
    mr = {s: n for s, n in counts.items() if "us" not in s}
    expected = 2 ** sum(name != "us" for name in observed) - 1
    assert len(mr) == expected


def test_nothing_observed_is_an_error():
    with pytest.raises(ValueError, match="at least one"):
        draw_subset((), np.random.default_rng(0))


def write_case(folder, names=("us", "t2", "cet1", "flair"), seed: int = 0):
    """A ball of tissue with white matter (label 3) in one half, and a bright stripe along i in the ultrasound."""
    folder.mkdir(parents=True)
    rng = np.random.default_rng(seed)
    grid = np.stack(np.meshgrid(*[np.linspace(-1, 1, n) for n in (20, 22, 24)], indexing="ij"))
    inside = np.linalg.norm(grid, axis=0) < 0.95
    labels = np.where(inside, np.where(grid[0] > 0, 3, 2), 0).astype(np.uint8)
    sitk.WriteImage(sitk.GetImageFromArray(labels), str(folder / "labels.nii.gz"))
    for name in names:
        values = np.where(inside, 100 + 40 * labels + rng.uniform(0, 20, inside.shape), 0).astype(np.float32)
        sitk.WriteImage(sitk.GetImageFromArray(values), str(folder / f"{name}.nii.gz"))
    return folder


def test_cases_are_normalised_and_harmonised(tmp_path):
    case = load_case(write_case(tmp_path / "a", ("us", "t2")), TINY.modalities)
    assert set(case.inputs) == {"us", "t2"}
    assert all((volume[~case.mask] == -1).all() for volume in [*case.inputs.values(), *case.targets.values()])
    assert case.inputs["us"][case.mask].max() == 1
    assert (np.median(case.targets["t2"][-6:][case.mask[-6:]]) + 1) / 2 == pytest.approx(1 / 7, abs=0.01)  # white half
    with pytest.raises(InputError, match="none of"):
        load_case(tmp_path, TINY.modalities)


def test_white_matter_measured_on_the_whole_head_serves_a_case_without_labels(tmp_path):
    folder = write_case(tmp_path / "a", ("t2",))
    (folder / "labels.nii.gz").unlink()
    with pytest.raises(InputError, match="says nothing of its white matter"):
        load_case(folder, TINY.modalities)
    (folder / "white-matter.json").write_text('{"t2": {"median": 350.0, "method": "estimated", "share": 0.2}}')
    case = load_case(folder, TINY.modalities)
    voxels = sitk.GetArrayFromImage(sitk.ReadImage(str(folder / "t2.nii.gz")))
    expected = 2 * np.median(voxels[-7:][voxels[-7:] > 0]) / 350 / 7 - 1
    assert np.median(case.targets["t2"][-6:][case.mask[-6:]]) == pytest.approx(expected, abs=5e-3)


def test_a_finer_case_is_brought_to_the_models_spacing(tmp_path):
    coarse = load_case(write_case(tmp_path / "coarse", ("us", "t2")), TINY.modalities)
    (tmp_path / "fine").mkdir()
    for path in (tmp_path / "coarse").iterdir():
        image = sitk.Expand(sitk.ReadImage(str(path)), [2, 2, 2], sitk.sitkNearestNeighbor)
        sitk.WriteImage(image, str(tmp_path / "fine" / path.name))
    fine = load_case(tmp_path / "fine", TINY.modalities)
    assert max(abs(a - b) for a, b in zip(fine.mask.shape, coarse.mask.shape, strict=True)) <= 1
    levels = [np.percentile(case.targets["t2"][case.mask], (25, 75)) for case in (coarse, fine)]
    np.testing.assert_allclose(levels[1], levels[0], atol=0.05)


def test_incomplete_cases_are_drawn_as_often_as_asked(tmp_path):
    complete = [load_case(write_case(tmp_path / "whole"), TINY.modalities)]
    us = [load_case(write_case(tmp_path / "us", ("us",)), TINY.modalities)]
    config = TrainingConfig(steps=40, batch_size=1, incomplete_share=0.5, keep_every=20)
    state = new_state(TINY, config)
    before = {name: value.clone() for name, value in state.network.encoders["t2"].state_dict().items()}
    train(state, complete, replace(config, steps=20, incomplete_share=1.0), tmp_path, us)
    kept = state.network.encoders["t2"].state_dict()
    assert all(torch.equal(before[name], kept[name]) for name in before)  # ultrasound alone trains no T2 encoder
    train(state, complete, config, tmp_path, us)
    assert any(not torch.equal(before[name], kept[name]) for name in before)
    assert {path.name for path in tmp_path.glob("average-*.pt")} == {"average-000020.pt", "average-000040.pt"}


def test_batches_hold_the_same_pixels_of_every_modality(tmp_path):
    case = load_case(write_case(tmp_path / "a"), TINY.modalities)
    for seed in range(8):
        batch = draw_batch([case], 3, 16, np.random.default_rng(seed))
        assert batch.observed == TINY.modalities
        for name in batch.observed:
            assert batch.inputs[name].shape == (3, 1, 16, 16)
            assert ((batch.inputs[name] > -1) == batch.mask).float().mean() > 0.99
        torch.testing.assert_close(batch.inputs["us"], batch.targets["us"])
        assert batch.mask.float().mean() > 0.2


def test_small_cases_are_padded(tmp_path):
    case = load_case(write_case(tmp_path / "a"), TINY.modalities)
    batch = draw_batch([case], 2, 48, np.random.default_rng(0))
    assert batch.inputs["us"].shape == (2, 1, 48, 48)
    assert (batch.inputs["us"][~batch.mask] == -1).all()


def test_intensity_changes_leave_the_background_alone():
    image = torch.rand(2, 1, 8, 8) * 2 - 1
    mask = torch.zeros(2, 1, 8, 8, dtype=torch.bool)
    mask[:, :, 2:6] = True
    change = draw_intensity_change(np.random.default_rng(0))
    changed = apply_intensity_change(image, mask, change)
    torch.testing.assert_close(changed, apply_intensity_change(image, mask, change), rtol=0, atol=0)
    assert (changed[~mask] == -1).all()
    assert changed[mask].min() >= -255 / 256
    assert changed.max() <= 1


def test_local_correlation_ignores_affine_intensity_and_the_outside():
    a = torch.rand(1, 1, 24, 24) * 2 - 1
    mask = torch.zeros(1, 1, 24, 24, dtype=torch.bool)
    mask[:, :, 4:20, 4:20] = True
    assert float(local_correlation(a, 0.7 * a - 0.1, mask)) > 0.97
    assert float(local_correlation(a, -a, mask)) < -0.97
    assert abs(float(local_correlation(a, torch.rand(1, 1, 24, 24), mask))) < 0.2
    outside = torch.where(mask, a, torch.rand_like(a) * 50)
    torch.testing.assert_close(local_correlation(a, outside, mask), local_correlation(a, a, mask))


def test_the_image_loss_is_the_papers_or_the_releases_unless_correlation_is_asked_for():
    a, b = torch.rand(2, 1, 12, 12), torch.rand(2, 1, 12, 12)
    mask = torch.ones(2, 1, 12, 12, dtype=torch.bool)
    torch.testing.assert_close(image_loss(a, b, mask, "l1", 0.0), (a - b).abs().mean() / 2)
    torch.testing.assert_close(image_loss(a, b, mask, "l2", 0.0), (a - b).square().mean())
    expected = (a - b).square().mean() + 0.5 * (1 - local_correlation(a, b, mask))
    torch.testing.assert_close(image_loss(a, b, mask, "l2", 0.5), expected)


@pytest.mark.parametrize("shape", [(2, 3, 7, 9), (1, 4, 12, 5)])
def test_the_depthwise_gradient_is_that_of_torch(shape):
    torch.manual_seed(0)
    channels = shape[1]
    plain = torch.nn.Conv2d(channels, channels, 5, padding=2, groups=channels).double()
    fast = CPUDepthwiseConv2d(channels, channels, 5, padding=2, groups=channels).double()
    fast.load_state_dict(plain.state_dict())
    x = torch.randn(shape, dtype=torch.double, requires_grad=True)
    upstream = torch.randn(shape, dtype=torch.double)
    for module in (plain, fast):
        module.gradients = torch.autograd.grad(module(x), [x, *module.parameters()], upstream)
    for expected, found in zip(plain.gradients, fast.gradients, strict=True):
        torch.testing.assert_close(found, expected)


@pytest.fixture
def cases(tmp_path):
    names = [("us", "t2", "cet1", "flair"), ("us", "flair"), ("t2",)]
    folders = [write_case(tmp_path / str(i), n, i) for i, n in enumerate(names)]
    return [load_case(folder, TINY.modalities) for folder in folders]


def test_the_loop_learns_from_incomplete_cases(cases):
    config = TrainingConfig(steps=40, batch_size=2, kl_warmup=10)
    state = new_state(TINY, config)
    losses = [training_step(state, cases, config)["image"] for _ in range(40)]
    assert np.mean(losses[-10:]) < 0.75 * np.mean(losses[:5])


def test_a_resumed_run_equals_an_uninterrupted_one_bit_for_bit(cases, tmp_path):
    config = TrainingConfig(steps=6, batch_size=2, checkpoint_every=3)
    whole = new_state(TINY, config)
    train(whole, cases, config, _folder(tmp_path / "whole"))
    resumed = new_state(TINY, config)
    half = new_state(TINY, config)
    train_until(half, cases, config, 3, _folder(tmp_path / "half"))
    load_checkpoint(resumed, tmp_path / "half" / CHECKPOINT)
    assert resumed.step == 3
    train(resumed, cases, config, _folder(tmp_path / "rest"))
    for kind in ("network", "average"):
        for name, tensor in getattr(whole, kind).state_dict().items():
            assert torch.equal(getattr(resumed, kind).state_dict()[name], tensor), name


def train_until(state, cases, config, step, folder):
    """Interrupt ``train`` right after it saved the checkpoint of ``step``."""
    import mmhvae_training.loop as loop

    save = loop.save_checkpoint

    def save_and_stop(state, path):
        save(state, path)
        if state.step == step:
            raise KeyboardInterrupt

    loop.save_checkpoint = save_and_stop
    try:
        with pytest.raises(KeyboardInterrupt):
            train(state, cases, config, folder)
    finally:
        loop.save_checkpoint = save


def _folder(path):
    path.mkdir()
    return path


def test_fine_tuning_begins_with_the_averaged_weights_and_nothing_else(cases, tmp_path):
    config, folder = TrainingConfig(steps=3, batch_size=2), _folder(tmp_path / "first")
    train(new_state(TINY, config), cases, config, folder)
    (folder / RUN).write_text('{"commit": "of the first"}')
    state = new_state(TINY, config)
    assert start_from(state, folder) == {"commit": "of the first"}
    average = torch.load(folder / CHECKPOINT, weights_only=True)["average"]
    assert all(torch.equal(state.network.state_dict()[name], tensor) for name, tensor in average.items())
    assert state.step == 0


def test_fine_tuning_begins_with_the_weights_of_a_bundle(tmp_path):
    first, config = MMHVAE(TINY), TrainingConfig()
    manifest = Manifest("first", TINY, 1.0, "none", "for tests", training={"steps_done": 7})
    bundle = save_bundle(Bundle(first, manifest, "card"), tmp_path / "first")
    state = new_state(TINY, config)
    assert start_from(state, bundle) == {"steps_done": 7}
    for network in (state.network, state.average):
        assert all(torch.equal(network.state_dict()[name], tensor) for name, tensor in first.state_dict().items())
    with pytest.raises(InputError, match="not the one to be trained"):
        start_from(new_state(replace(TINY, base_features=8), config), bundle)


def test_a_loss_that_is_not_finite_stops_the_run(cases):
    config = TrainingConfig(batch_size=2)
    state = new_state(TINY, config)
    with torch.no_grad():
        for parameter in state.network.parameters():
            parameter.fill_(float("nan"))
    with pytest.raises(FloatingPointError, match="step 0"):
        training_step(state, cases, config)
