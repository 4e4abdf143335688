"""Live synthesis: the same picture as frame by frame from a sweep, steady, and unmoved by frames of all kinds."""

from __future__ import annotations

import numpy as np
import pytest
import SimpleITK as sitk
import torch
from mmhvae import InputError
from mmhvae.bundle.bundle import Bundle, Manifest, load_bundle, save_bundle
from mmhvae.bundle.shipped import starter_bundle
from mmhvae.exceptions import no_progress
from mmhvae.images.intensities import input_range
from mmhvae.network.model import MMHVAE, MMHVAEConfig
from mmhvae.sweep.frames import ArrayFrames, Sweep
from mmhvae.sweep.reconstruction import reconstruct
from mmhvae.synthesis.frame_synthesis import synthesize_frames
from mmhvae.synthesis.live_synthesis import LiveSynthesis
from mmhvae.synthesis.running_range import MEMORY, RunningRange
from mmhvae.tasks.context import BundleCache, Context
from mmhvae.tasks.parameters import Parameters
from mmhvae.tasks.streams import LiveStreams
from mmhvae.tasks.table import TASKS

CONFIG = MMHVAEConfig(image_size=32, base_features=4, max_features=8, num_pools=3, decoder_features=4, decoder_blocks=1)


@pytest.fixture(scope="module")
def bundle():
    torch.manual_seed(0)
    return Bundle(MMHVAE(CONFIG).eval(), Manifest("tiny", CONFIG, 1.0, "MIT", "tests", weights_sha256="tiny"), "")


def speckle(height: int, width: int, seed: int = 0, radius: float = 0.45) -> np.ndarray:
    """A frame: smooth speckle in an ellipse, dark fluid in its middle, black around it."""
    rows, columns = np.mgrid[:height, :width]
    distance = np.hypot((rows + 0.5) / height - 0.5, (columns + 0.5) / width - 0.5)
    noise = sitk.GetImageFromArray(np.random.default_rng(seed).uniform(0, 1, (height, width)))
    smooth = sitk.GetArrayFromImage(sitk.SmoothingRecursiveGaussian(noise, min(height, width) / 30))
    spread = (smooth - smooth.min()) / (smooth.max() - smooth.min())
    return np.where(distance < 0.08, 0, np.where(distance < radius, 20 + 230 * spread, 0)).astype(np.uint8)


def assert_alike(image: np.ndarray, other: np.ndarray, share: float = 0.05) -> None:
    """They differ by less than this share of what they show."""
    assert np.abs(image - other).mean() < share * other.std()


@pytest.mark.parametrize(
    ("shape", "pixel"),
    [
        ((60, 60), (1.0, 1.0)),  # the model's own grid, in one tile
        ((48, 60), (0.8, 1.1)),  # to be resampled
        ((120, 180), (0.3, 0.25)),  # much finer
        ((110, 150), (0.9, 0.7)),  # in two tiles
    ],
)
def test_equals_the_synthesis_of_a_sweep_whose_frames_are_all_alike(shape, pixel):
    bundle, frame = load_bundle(starter_bundle()), speckle(*shape)  # an untrained network makes much of little
    poses = np.tile(np.diag([*pixel, 1, 1]), (3, 1, 1))
    poses[:, 2, 3] = [0, 2, 4]
    sweep = Sweep(ArrayFrames(np.stack([frame] * 3)), poses, np.ones(3, bool), np.full(3, np.nan))
    grid = sitk.Image([shape[1], shape[0], 3], sitk.sitkUInt8)  # a slice a frame
    grid.SetSpacing([*pixel, 2])
    grid.SetDirection((-1, 0, 0, 0, -1, 0, 0, 0, 1))
    volume = reconstruct(sweep, grid=grid)
    whole = sitk.GetArrayFromImage(synthesize_frames(bundle, sweep, volume, ["t2"], temperature=0).images["t2"])[1]
    live = LiveSynthesis(bundle, "t2", "cpu", temperature=0).synthesize(frame, pixel)
    assert live.shape == shape
    assert live.dtype == np.float32
    inside = (whole > 0) & (live > 0)
    assert inside.sum() > 0.97 * max((whole > 0).sum(), (live > 0).sum())
    assert np.abs(live - whole)[inside].mean() < 0.01
    assert np.corrcoef(live[inside], whole[inside])[0, 1] > 0.98


def test_the_same_frame_gives_the_same_picture_and_the_seed_chooses_it(bundle):
    frame, pixel = speckle(40, 50), (0.5, 0.5)
    live, other = (LiveSynthesis(bundle, "t2", "cpu", temperature=1.0, seed=seed) for seed in (0, 1))
    first = live.synthesize(frame, pixel)
    for _ in range(3):
        assert_alike(live.synthesize(frame, pixel), first)
    assert np.abs(first - other.synthesize(frame, pixel)).mean() > 0.2 * first.std()


def test_something_bright_that_passes_by_does_not_change_the_contrast(bundle):
    frame, pixel = speckle(52, 52) // 3, (0.5, 0.5)
    flash = frame.copy()
    flash[20:23, 30:33] = 255
    steady, startled = (LiveSynthesis(bundle, "us", "cpu", temperature=0) for _ in range(2))
    for _ in range(20):
        before = steady.synthesize(frame, pixel)
    for live in (steady, startled):
        live.synthesize(flash, pixel)
    assert_alike(steady.synthesize(frame, pixel), before)
    assert np.abs(startled.synthesize(frame, pixel) - before).mean() > 0.1 * before.std()  # it knew nothing else


def test_running_range_is_that_of_the_frames_taken_together_and_forgets():
    rng = np.random.default_rng(0)
    frames = [rng.gamma(2, 20, 9000).astype(np.float32) for _ in range(MEMORY)]
    pooled = RunningRange()
    for values in [np.float32([1e6, 1e7] * 4500), *frames]:  # the first one is to be forgotten
        pooled.add(values)
    expected = input_range(np.concatenate(frames))
    assert pooled.range.minimum == pytest.approx(expected.minimum)
    assert pooled.range.maximum == pytest.approx(expected.maximum, rel=1e-3)


def test_one_frame_has_the_range_of_an_image():
    values = np.random.default_rng(0).uniform(1, 200, 9000).astype(np.float32)
    own = RunningRange()
    own.add(values)
    assert own.range.maximum == pytest.approx(input_range(values).maximum, rel=1e-5)


@pytest.mark.parametrize("level", [0, 77])
def test_a_frame_that_shows_nothing_is_black_and_leaves_the_stream_as_it_was(bundle, level):
    nothing, frame, pixel = np.full((40, 40), level, np.uint8), speckle(40, 40), (0.6, 0.6)
    live = LiveSynthesis(bundle, "t2", "cpu")
    assert not live.synthesize(nothing, pixel).any()
    first = live.synthesize(frame, pixel)
    assert first.any()
    black = live.synthesize(np.zeros((40, 40), np.uint8), pixel)
    assert not black.any()
    assert_alike(live.synthesize(frame, pixel), first)


def test_the_field_of_view_stays_grows_where_echoes_come_and_is_new_for_frames_of_another_size(bundle):
    pixel = (0.5, 0.5)
    wide, narrow = speckle(60, 60), speckle(60, 60, radius=0.25)
    live = LiveSynthesis(bundle, "t2", "cpu")
    small = live.synthesize(narrow, pixel) > 0
    large = live.synthesize(wide, pixel) > 0
    assert small.sum() < 0.5 * large.sum()
    assert np.array_equal(live.synthesize(narrow, pixel) > 0, large)
    assert np.array_equal(large, (LiveSynthesis(bundle, "t2", "cpu").synthesize(wide, pixel) > 0) | large)
    assert live.synthesize(speckle(30, 44), pixel).shape == (30, 44)
    assert (live.synthesize(narrow, pixel) > 0).sum() < 0.5 * large.sum()


def test_the_last_digits_of_a_trackers_matrix_are_no_other_pixels(bundle):
    frame = speckle(40, 40)
    live = LiveSynthesis(bundle, "t2", "cpu")
    live.synthesize(frame, (0.6, 0.6))
    view = live._view
    live.synthesize(frame, (0.6 * (1 + 1e-6), 0.6 * (1 - 1e-4)))
    assert live._view is view
    live.synthesize(frame, (0.66, 0.6))
    assert live._view is not view


@pytest.mark.parametrize("dtype", [np.uint16, np.int16, np.float32, np.float64])
def test_the_type_and_the_scale_of_the_grey_values_do_not_matter(bundle, dtype):
    frame, pixel = speckle(40, 40), (0.6, 0.6)
    scale = 1 / 255 if np.issubdtype(dtype, np.floating) else 100
    of_bytes = LiveSynthesis(bundle, "t2", "cpu").synthesize(frame, pixel)
    other = LiveSynthesis(bundle, "t2", "cpu").synthesize((frame * scale).astype(dtype), pixel)
    assert_alike(other, of_bytes)


@pytest.mark.parametrize(
    ("frame", "pixel", "words"),
    [
        (np.ones((3, 4, 5), np.uint8), (1.0, 1.0), "flat"),
        (np.ones((1, 40), np.uint8), (1.0, 1.0), "flat"),
        (np.ones((40, 40), np.uint8), (0.0, 1.0), "spacing"),
        (np.ones((40, 40), np.uint8), (1.0, float("inf")), "size"),
        (np.ones((480, 640), np.uint8), (1.0, 1.0), "640 x 480 mm"),
        (np.full((40, 40), np.nan), (1.0, 1.0), "NaN"),
    ],
)
def test_frames_that_cannot_be_used_are_refused_in_a_sentence(bundle, frame, pixel, words):
    with pytest.raises(InputError, match=words):
        LiveSynthesis(bundle, "t2", "cpu").synthesize(frame, pixel)


@pytest.mark.parametrize(("target", "temperature"), [("ct", 0.5), ("t2", -1.0)])
def test_settings_that_cannot_be_used_are_refused(bundle, target, temperature):
    with pytest.raises(InputError):
        LiveSynthesis(bundle, target, "cpu", temperature)


@pytest.fixture(scope="module")
def saved(bundle, tmp_path_factory):
    path = tmp_path_factory.mktemp("live") / "bundle"
    save_bundle(bundle, path)
    return path


def test_the_engine_keeps_a_stream_warm_until_the_settings_change(saved, tmp_path):
    bundles, streams, frame = BundleCache(), LiveStreams(), speckle(40, 50)
    np.save(tmp_path / "frame.npy", frame)

    def ask(number: int, **settings: object) -> np.ndarray:
        parameters = {"bundle": str(saved), "target": "t2", "device": "cpu", "frame": str(tmp_path / "frame.npy")}
        size = {"pixel_width": 0.5, "pixel_height": 0.6}
        context = Context(bundles, tmp_path / str(number), no_progress, streams)
        answer = TASKS["live_frame"](Parameters(parameters | size | settings), context)
        assert answer.milliseconds > 0
        assert answer.device == "cpu"
        return np.load(answer.image)

    first = ask(1)
    stream = streams._stream
    assert_alike(ask(2), first)
    assert streams._stream is stream
    assert np.array_equal(first, ask(3, stream="another"))
    assert streams._stream is not stream
    assert not np.array_equal(first, ask(4, target="flair"))
    assert np.array_equal(first, LiveSynthesis(bundles.load(saved)[0], "t2", "cpu").synthesize(frame, (0.5, 0.6)))


@pytest.mark.parametrize("content", [b"", b"no array", None])
def test_the_engine_refuses_a_frame_that_cannot_be_read(saved, tmp_path, content):
    if content is not None:
        (tmp_path / "frame.npy").write_bytes(content)
    parameters = {"bundle": str(saved), "target": "t2", "frame": str(tmp_path / "frame.npy")}
    with pytest.raises(InputError, match="cannot be read"):
        TASKS["live_frame"](Parameters(parameters), Context(BundleCache(), tmp_path / "1", no_progress))
