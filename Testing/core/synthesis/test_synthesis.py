"""Volumes in, volumes out: geometry, noise, samples, progress and errors, with a small untrained network."""

from __future__ import annotations

from dataclasses import replace
from weakref import WeakKeyDictionary

import numpy as np
import pytest
import SimpleITK as sitk
import torch
from mmhvae import Cancelled, InputError, load_bundle, synthesize
from mmhvae.bundle.bundle import Bundle, Manifest
from mmhvae.images.volumes import image_on, same_grid
from mmhvae.network.model import MMHVAE, MMHVAEConfig
from mmhvae.network.noise import draw_noise
from mmhvae.network.tiles import TileLayout
from mmhvae.synthesis import synthesis

CONFIG = MMHVAEConfig(image_size=32, base_features=4, max_features=8, num_pools=3, decoder_features=4, decoder_blocks=1)

SMALL = (22, 20, 24)


@pytest.fixture(scope="module")
def bundle():
    torch.manual_seed(0)
    manifest = Manifest("tiny", CONFIG, 1.0, "MIT", "tests", weights_sha256="tiny")
    return Bundle(MMHVAE(CONFIG).eval(), manifest, "")


def sweep(grid: sitk.Image, seed: int = 0, scale: float = 0.8) -> sitk.Image:
    """Speckle in an ellipsoid, with a black ball of fluid inside it."""
    rng = np.random.default_rng(seed)
    axes = [np.linspace(-1, 1, n) for n in reversed(grid.GetSize())]
    radius = np.sqrt(sum(a**2 for a in np.meshgrid(*axes, indexing="ij")))
    speckle = rng.uniform(20, 250, radius.shape)
    return image_on(np.where(radius < 0.2, 0, np.where(radius < scale, speckle, 0)).astype(np.float32), grid)


def array(image: sitk.Image) -> np.ndarray:
    return sitk.GetArrayFromImage(image)


@pytest.mark.parametrize("seed", range(4))
def test_results_lie_on_the_exact_input_grid(bundle, oblique, seed):
    us = sweep(oblique(seed, SMALL))
    result = synthesize(bundle, {"us": us}, ["t2", "us"], samples=2)
    assert set(result.images) == set(result.uncertainty) == {"t2", "us"}
    field = array(result.field_of_view) > 0
    for image in [*result.images.values(), *result.uncertainty.values()]:
        assert same_grid(image, us)
        assert image.GetPixelID() == sitk.sitkFloat32
        values = array(image)
        assert np.isfinite(values).all()
        assert 0 <= values.min() <= values.max() <= 1
        assert (values[~field] == 0).all()
    dark = field & (array(us) == 0)
    assert dark.sum() > 20
    assert (array(result.images["t2"])[dark] > 0).all()


def test_inputs_may_lie_on_different_grids_and_the_reference_decides(bundle, oblique):
    us = sweep(oblique(0, SMALL))
    finer = sitk.Expand(us, [2, 2, 2])
    preop = sitk.Resample(us, oblique(0, (50, 40, 40)), sitk.Transform(), sitk.sitkLinear, 1.0) + 5
    result = synthesize(bundle, {"t2": preop, "us": us}, ["flair"], temperature=0, reference=finer)
    assert same_grid(result.images["flair"], finer)
    assert same_grid(synthesize(bundle, {"t2": preop, "us": us}, ["flair"], temperature=0).images["flair"], us)
    assert same_grid(synthesize(bundle, {"t2": preop}, ["flair"], temperature=0).images["flair"], preop)


@pytest.mark.parametrize("batch_size", [1, 3, 50])
def test_the_seed_alone_decides_whatever_the_batch_size(bundle, oblique, batch_size, monkeypatch):
    monkeypatch.setattr(synthesis, "scales_by_slices", lambda device: False)  # batches, as on a GPU
    us = sweep(oblique(1, SMALL))
    expected = synthesize(bundle, {"us": us}, ["t2"], samples=2, seed=7, batch_size=8)
    again = synthesize(bundle, {"us": us}, ["t2"], samples=2, seed=7, batch_size=batch_size)
    other = synthesize(bundle, {"us": us}, ["t2"], samples=2, seed=8, batch_size=batch_size)
    for kind in ("images", "uncertainty"):
        np.testing.assert_allclose(
            array(getattr(again, kind)["t2"]), array(getattr(expected, kind)["t2"]), rtol=0, atol=1e-5
        )
    assert np.abs(array(other.images["t2"]) - array(expected.images["t2"])).max() > 1e-3


def test_slices_side_by_side_give_the_same_bits_however_many_threads_and_what_batches_give(
    bundle, oblique, monkeypatch
):
    """Slices of one batch are summed in another order on some processors, so only threads change no bit."""
    us = sweep(oblique(1, SMALL))

    def ask(**options):
        result = synthesize(bundle, {"us": us}, ["t2"], samples=2, seed=7, **options)
        return np.stack([array(result.images["t2"]), array(result.uncertainty["t2"])])

    monkeypatch.setattr(torch, "get_num_threads", lambda: 3)
    for together in (1, 2):
        monkeypatch.setattr(synthesis, "slices_per_thread", lambda config, dtype, n=together: n)
        alone, *others = (ask(batch_size=together * workers) for workers in (1, 2, 3))
        assert all(np.array_equal(other, alone) for other in others), together
    monkeypatch.undo()
    monkeypatch.setattr(synthesis, "scales_by_slices", lambda device: False)
    np.testing.assert_allclose(ask(batch_size=4), alone, rtol=0, atol=1e-5)


def test_a_check_of_reduced_precision_names_the_device_that_is_checked(bundle, oblique, monkeypatch):
    """On a CPU, whether this one has reduced precision or not, nothing speaks of a GPU."""
    monkeypatch.setattr(synthesis, "half_precision", lambda device: torch.bfloat16)
    monkeypatch.setattr(synthesis, "_precision_checks", WeakKeyDictionary())
    said: list[str] = []
    us = sweep(oblique(1, SMALL))
    synthesize(bundle, {"us": us}, ["t2"], device="cpu", progress=lambda _share, message: said.append(message))
    assert "checking the processor's reduced precision" in said
    assert not [message for message in said if "GPU" in message]


def test_mean_and_deviation_are_those_of_the_samples(bundle, oblique, monkeypatch):
    """Three samples at once against the same three noise fields one at a time."""
    import mmhvae.synthesis.synthesis as module

    grid, draw = oblique(2, SMALL), module.draw_noise
    grid.SetSpacing([1.0, 1.0, 1.0])  # the model's own, so that nothing is interpolated
    us = sweep(grid)
    together = synthesize(bundle, {"us": us}, ["t2"], samples=3, seed=1)
    single = []
    for index in range(3):
        monkeypatch.setattr(module, "draw_noise", lambda *args, i=index: draw(*args[:4], 3, args[5])[i : i + 1])
        single.append(array(synthesize(bundle, {"us": us}, ["t2"], seed=1).images["t2"]))
    field = array(together.field_of_view) > 0
    np.testing.assert_allclose(array(together.images["t2"])[field], np.mean(single, 0)[field], atol=1e-5)
    deviation = np.std(single, 0, ddof=1)
    np.testing.assert_allclose(array(together.uncertainty["t2"])[field], deviation[field], atol=1e-5)


def test_noise_is_standard_normal_and_neighbouring_slices_share_it():
    layout = TileLayout.covering((40, 32), CONFIG.image_size, CONFIG.stride)
    (field,) = draw_noise(CONFIG, layout, 50, 0.5, 1, seed=3)
    fine = torch.stack([field.at(index)[-1] for index in range(50)])
    assert float(fine.std()) == pytest.approx(1, abs=0.02)
    assert float((fine[4] * fine[5]).mean()) > 0.98
    assert abs(float((fine[0] * fine[16]).mean())) < 0.05  # 8 mm away
    assert [tuple(level.shape) for level in field.at(0)] == [(16,), (4, 14, 8), (4, 28, 16), (2, 56, 32)]


def test_one_sample_claims_no_uncertainty(bundle, oblique):
    assert synthesize(bundle, {"us": sweep(oblique(0, SMALL))}, ["t2"], samples=1).uncertainty == {}


def test_slices_run_along_the_third_axis_unless_told_otherwise(bundle):
    us = sitk.GetImageFromArray(np.random.default_rng(0).uniform(1, 9, (20, 24, 28)).astype(np.float32))
    default = synthesize(bundle, {"us": us}, ["t2"], temperature=0)
    permuted = sitk.PermuteAxes(us, [2, 0, 1])  # its axis 0 is the old axis 2, and i, j keep their order
    same = synthesize(bundle, {"us": permuted}, ["t2"], temperature=0, slice_axis=0)
    turned = synthesize(bundle, {"us": us}, ["t2"], temperature=0, slice_axis=1)
    expected = array(sitk.PermuteAxes(default.images["t2"], [2, 0, 1]))
    np.testing.assert_allclose(array(same.images["t2"]), expected, atol=2e-3)
    assert np.abs(array(turned.images["t2"]) - array(default.images["t2"])).mean() > 0.01


@pytest.mark.parametrize("samples", [1, 2])
def test_all_axes_pool_the_samples_of_each(bundle, samples):
    us = sitk.GetImageFromArray(np.random.default_rng(0).uniform(1, 9, (20, 24, 28)).astype(np.float32))
    single = [synthesize(bundle, {"us": us}, ["t2"], samples=samples, slice_axis=axis) for axis in range(3)]
    pooled = synthesize(bundle, {"us": us}, ["t2"], samples=samples, slice_axis="all")
    means = np.stack([array(result.images["t2"]) for result in single])
    np.testing.assert_allclose(array(pooled.images["t2"]), means.mean(0), atol=1e-6)
    if samples == 1:
        expected = means.std(0, ddof=1)
    else:  # two samples a, b of each axis: mean +- deviation / sqrt(2)
        half = np.stack([array(result.uncertainty["t2"]) for result in single]) / np.sqrt(2)
        expected = np.concatenate([means - half, means + half]).std(0, ddof=1)
    np.testing.assert_allclose(array(pooled.uncertainty["t2"]), expected, atol=1e-5)


def test_the_release_orientation_reaches_the_network(bundle, monkeypatch):
    """Slice k enters with rows along i and columns along j, centred."""
    seen = {}
    encode = MMHVAE.encode
    monkeypatch.setattr(MMHVAE, "encode", lambda self, inputs: seen.update(inputs) or encode(self, inputs))
    values = np.random.default_rng(0).integers(40, 61, (3, 10, 20)).astype(np.float32)  # k, j, i; no background
    values[:, 2, 15] = 250
    synthesize(bundle, {"us": sitk.GetImageFromArray(values)}, ["t2"], temperature=0, batch_size=8)
    slice_ = seen["us"][0, 0].numpy()
    assert np.argwhere(slice_ > 0.5).tolist() == [[(32 - 20) // 2 + 15, (32 - 10) // 2 + 2]]


def test_a_large_field_of_view_shows_no_seam(bundle):
    """230 pixels through a square of 192: where tiles meet, neighbouring rows differ no more than elsewhere."""
    config = MMHVAEConfig(base_features=2, max_features=8, decoder_features=2, decoder_blocks=1)
    torch.manual_seed(0)
    wide = Bundle(MMHVAE(config).eval(), replace(bundle.manifest, architecture=config, spacing_mm=0.5), "")
    axes = np.meshgrid(np.arange(2), np.arange(60), np.arange(230), indexing="ij")
    smooth = 100 + 50 * np.sin(axes[2] / 6) * np.cos(axes[1] / 5)
    us = sitk.GetImageFromArray(smooth.astype(np.float32))
    us.SetSpacing([0.5, 0.5, 0.5])
    planes = array(synthesize(wide, {"us": us}, ["t2"], temperature=0).images["t2"])
    steps = np.abs(np.diff(planes, axis=2)).mean(axis=(0, 1))
    layout = TileLayout.covering((230, 60), config.image_size, config.stride)
    first, last = layout.starts[0][1] - layout.margins[0], config.image_size - layout.margins[0]
    assert 40 < first < last < 190  # the overlap, well away from the field's own edges
    assert steps[first - 5 : last + 5].max() < 3 * np.median(steps[40:190])


def test_progress_rises_and_cancel_stops(bundle, oblique):
    us, reports = sweep(oblique(0, SMALL)), []
    synthesize(bundle, {"us": us}, ["t2"], batch_size=4, progress=lambda f, m: reports.append(f))
    assert reports == sorted(reports)
    assert len(reports) > 5

    def stop(fraction: float, message: str) -> None:
        if fraction > 0.3:
            raise Cancelled

    with pytest.raises(Cancelled):
        synthesize(bundle, {"us": us}, ["t2"], batch_size=4, progress=stop)


def test_running_out_of_gpu_memory_halves_the_batch(bundle, oblique, monkeypatch):
    monkeypatch.setattr(synthesis, "scales_by_slices", lambda device: False)  # as on a GPU
    us = sweep(oblique(0, SMALL))
    expected = array(synthesize(bundle, {"us": us}, ["t2"]).images["t2"])
    encode, sizes = MMHVAE.encode, []

    def hungry(self, inputs):
        sizes.append(len(inputs["us"]))
        if sizes[-1] > 2:
            raise torch.OutOfMemoryError("CUDA out of memory")
        return encode(self, inputs)

    monkeypatch.setattr(MMHVAE, "encode", hungry)
    result = synthesize(bundle, {"us": us}, ["t2"], batch_size=8)
    assert {8, 4, 2} <= set(sizes)
    np.testing.assert_allclose(array(result.images["t2"]), expected, atol=1e-5)


def volume(value: float = 1.0, size: int = 12) -> sitk.Image:
    rng = np.random.default_rng(0)
    return sitk.GetImageFromArray((value * rng.uniform(1, 2, (size,) * 3)).astype(np.float32))


def elsewhere() -> sitk.Image:
    image = volume()
    image.SetOrigin([500, 0, 0])
    return image


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"inputs": {}}, "No image"),
        ({"inputs": {"t1": volume()}}, "does not know 't1'"),
        ({"targets": []}, "No target"),
        ({"targets": ["swi"]}, "does not know 'swi'"),
        ({"temperature": -0.1}, "temperature"),
        ({"temperature": float("nan")}, "temperature"),
        ({"samples": 0}, "number of samples is 0"),
        ({"device": "abacus"}, "abacus"),
        ({"slice_axis": 3}, "slice axis"),
        ({"inputs": {"us": volume(0.0)}}, "zero everywhere"),
        ({"inputs": {"us": sitk.GetImageFromArray(np.full((9, 9, 9), 7.0))}}, "same value"),
        ({"inputs": {"us": volume(), "t2": elsewhere()}}, "nothing in the field of view"),
        ({"reference": elsewhere()}, "outside the field of view"),
    ],
    ids=lambda value: value if isinstance(value, str) else "-".join(value),
)
def test_wrong_requests_are_refused_in_a_sentence(bundle, arguments, words):
    complete = {"inputs": {"us": volume()}, "targets": ["t2"], **arguments}
    with pytest.raises(InputError, match=words) as caught:
        synthesize(bundle, **complete)
    assert "\n" not in str(caught.value)


def test_released_weights_synthesise_volumes(golden, oblique):
    released = load_bundle(golden / "CP_main_1000.pth")
    image = oblique(5, SMALL)
    image.SetSpacing([0.5, 0.5, 0.5])
    result = synthesize(released, {"us": sweep(image)}, ["t2", "cet1", "flair"], temperature=0)
    assert all(same_grid(x, image) and array(x).std() > 0 for x in result.images.values())
