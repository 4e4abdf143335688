"""Judging without truth, and evaluating with it: correlations, guards, displacements, resuming."""

from __future__ import annotations

import json
import sys
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import SimpleITK as sitk
import torch
from mmhvae import Cancelled, InputError
from mmhvae.bundle.bundle import Bundle, Manifest
from mmhvae.images.volumes import image_on
from mmhvae.network.model import MMHVAE, MMHVAEConfig
from mmhvae_training.judging import evaluation, judgement
from mmhvae_training.judging.judgement import (
    Settings,
    global_correlation,
    judge,
    judgement_table,
    local_correlation,
    reduced,
)
from scipy import ndimage

sys.path.insert(0, str(Path(__file__).resolve().parents[3] / "Training"))

CONFIG = MMHVAEConfig(image_size=32, base_features=4, max_features=8, num_pools=3, decoder_features=4, decoder_blocks=1)
ONE = (1.0, 1.0, 1.0)


@pytest.fixture(scope="module")
def bundle():
    torch.manual_seed(0)
    return Bundle(MMHVAE(CONFIG).eval(), Manifest("tiny", CONFIG, 1.0, "MIT", "tests", weights_sha256="tiny"), "")


@pytest.fixture
def us(oblique):
    """Speckle in an ellipsoid on a random oblique grid."""
    grid = oblique(3, (16, 14, 18))
    axes = [np.linspace(-1, 1, n) for n in reversed(grid.GetSize())]
    inside = sum(a**2 for a in np.meshgrid(*axes, indexing="ij")) < 0.8
    grey = np.random.default_rng(0).uniform(20, 250, inside.shape)
    return image_on(np.where(inside, grey, 0).astype(np.float32), grid)


def textures(seed: int = 0) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Two independent textures of spread 0.2 in [0, 1] (k, j, i), and a mask."""
    rng = np.random.default_rng(seed)
    pair = [ndimage.gaussian_filter(rng.standard_normal((30, 32, 34)), 1.0) for _ in range(2)]
    a, b = (np.float32(0.5 + 0.2 * x / x.std()) for x in pair)
    mask = np.zeros(a.shape, bool)
    mask[4:26, 5:27, 3:30] = True
    return a, b, mask


def test_correlations_are_one_of_equal_zero_of_unrelated_and_minus_one_of_inverted_images():
    a, b, mask = textures()
    for measure in (lambda x, y: global_correlation(x, y, mask), lambda x, y: local_correlation(x, y, mask, ONE)):
        assert measure(a, a) == pytest.approx(1, abs=0.01)
        assert measure(a, 1 - a) == pytest.approx(-1, abs=0.01)
        assert abs(measure(a, b)) < 0.1
    assert local_correlation(a, 1 - a, mask, ONE, magnitude=True) == pytest.approx(1, abs=0.01)
    x, y = a[mask].astype(float), b[mask].astype(float)
    assert global_correlation(a, b, mask) == pytest.approx(np.corrcoef(x, y)[0, 1], abs=1e-9)


def test_nothing_outside_the_mask_counts():
    a, b, mask = textures()
    mixed = 0.5 * (a + b)
    wild = np.where(mask, mixed, 1e3).astype(np.float32)
    for measure in (global_correlation, lambda *x: local_correlation(*x, ONE)):
        assert measure(a, wild, mask) == pytest.approx(measure(a, mixed, mask), abs=1e-6)


def test_shading_raises_the_global_correlation_more_than_the_local_one():
    a, b, mask = textures()
    ramp = np.linspace(-0.8, 0.8, a.shape[1], dtype=np.float32)[None, :, None]
    raised = global_correlation(a + ramp, b + ramp, mask)
    assert raised > 0.6
    assert local_correlation(a + ramp, b + ramp, mask, ONE) < raised - 0.2


@pytest.mark.parametrize("ripple", [0.0, 1e-4])
def test_blur_does_not_win(ripple):
    """A constant, and one with a ripple far below what is seen, agree with themselves in nothing."""
    a, _, mask = textures()
    flat = (0.4 + ripple * (a - 0.5)).astype(np.float32)
    assert local_correlation(flat, flat, mask, ONE) < 0.01
    constant = np.full_like(a, 0.4)
    assert global_correlation(constant, constant, mask) == 0


def guarded(**changes: float) -> bool:
    good = {"t2 structure": 0.4, "t2 chance": 0.2, "t2 spread": 0.1, "t2 copy": 0.3}
    return judgement._is_degenerate({**good, **{f"t2 {name}": value for name, value in changes.items()}}, "t2")


@pytest.mark.parametrize("changes", [{"spread": 0.001}, {"copy": 0.97}, {"copy": -0.97}, {"structure": 0.21}])
def test_guards_speak_against_constant_copied_and_unrelated_images(changes):
    assert guarded(**changes)
    assert not guarded()


def test_a_bundle_is_judged_by_every_measure_and_the_same_way_again(bundle, us):
    reports: list[float] = []
    rows = judge(bundle, us, Settings(samples=2), lambda fraction, message: reports.append(fraction))
    assert reports == sorted(reports)
    assert np.isfinite(list(rows.values())).all()
    for name in ("t2", "cet1", "flair"):
        for measure in ("axes", "flips", "back"):
            assert {f"{name} {measure} {kind}" for kind in ("global", "local")} <= set(rows)
        assert {f"{name} {m}" for m in ("spread", "structure", "chance", "copy", "instability", "degenerate")} <= set(
            rows
        )
    assert {"all back global", "itself global"} <= set(rows)
    assert all(abs(value) <= 1 + 1e-6 for name, value in rows.items() if "instability" not in name)
    assert rows == judge(bundle, us, Settings(samples=2))


def test_a_network_blind_to_orientation_agrees_with_itself_when_flipped(bundle, us, monkeypatch):
    """A voxel-wise stand-in for synthesis: flips and axes change nothing, and its inverse leads back."""
    real = judgement.synthesize

    def voxelwise(bundle, inputs, targets, *args, **kwargs):
        result = real(bundle, inputs, targets, *args, **kwargs)
        source = next(iter(inputs.values()))
        values = sitk.GetArrayFromImage(source).astype(np.float32)
        values = values / values.max() if "us" in inputs else values
        inverted = np.where(values > 0, 1 - values, 0).astype(np.float32)
        return replace(result, images={name: image_on(inverted, source) for name in targets})

    monkeypatch.setattr(judgement, "synthesize", voxelwise)
    rows = judge(bundle, us, Settings(samples=2))
    for measure in ("axes", "flips"):
        assert rows[f"t2 {measure} global"] == pytest.approx(1, abs=1e-4)
        assert rows[f"t2 {measure} local"] == pytest.approx(1, abs=0.01)
    assert rows["t2 back global"] > 0.99
    assert rows["t2 degenerate"] == 1  # a copy, if inverted


@pytest.mark.parametrize(
    ("settings", "size"),
    [(Settings(None), (40, 36, 44)), (Settings(2.0), None), (Settings(None, 10.0), None)],
)
def test_the_volume_is_reduced_as_asked(oblique, settings, size):
    grid = oblique(1)
    grid.SetSpacing([1.0, 1.0, 1.0])
    image = image_on(np.full((44, 36, 40), 9, np.float32) + np.arange(40, dtype=np.float32), grid)
    small = reduced(image, settings)
    expected = size or ((20, 18, 22) if settings.spacing else (10, 10, 10))
    assert small.GetSize() == expected
    middle = small.TransformContinuousIndexToPhysicalPoint([(n - 1) / 2 for n in small.GetSize()])
    whole = image.TransformContinuousIndexToPhysicalPoint([(n - 1) / 2 for n in image.GetSize()])
    assert np.linalg.norm(np.subtract(middle, whole)) < 1.0


def test_too_little_is_refused_and_cancel_passes(bundle, us):
    with pytest.raises(InputError, match="larger extent"):
        reduced(us, Settings(None, 3.0))
    only = replace(bundle.network.config, modalities=("us",))
    with pytest.raises(InputError, match="at least one other"):
        judge(Bundle(MMHVAE(only).eval(), replace(bundle.manifest, architecture=only), ""), us)

    def stop(fraction: float, message: str) -> None:
        raise Cancelled

    with pytest.raises(Cancelled):
        judge(bundle, us, Settings(samples=2), stop)


def test_the_table_has_a_line_a_measure():
    text = judgement_table({"A": {"x": 0.25, "x degenerate": 0.0}, "B": {"x": 0.75, "x degenerate": 1.0}})
    assert "| x | 0.25 | 0.75 | 0.50 |" in text
    assert "| x degenerate | no | yes | 0.50 |" in text


@pytest.mark.parametrize(("low", "high"), evaluation.RANGES_MM)
def test_displacements_keep_their_range_and_turn(low, high):
    points = np.random.default_rng(0).uniform(-30, 30, (200, 3)) + np.array([40, -20, 10])
    for seed in range(4):
        motion = evaluation.draw_displacement(points, low, high, seed)
        assert low - 1e-6 <= evaluation.median_displacement(motion, points) <= high + 1e-6
        again = evaluation.draw_displacement(points, low, high, seed)
        assert again.GetParameters() == motion.GetParameters()
        rotation = np.reshape(motion.GetMatrix(), (3, 3))
        np.testing.assert_allclose(rotation @ rotation.T, np.eye(3), atol=1e-12)
        assert np.linalg.norm(rotation - np.eye(3)) > 0


def test_points_lie_in_the_field_of_view(us):
    points = evaluation.field_points(us, seed=0)
    values = [us[us.TransformPhysicalPointToIndex(point)] for point in points.tolist()]
    assert np.mean(np.array(values) > 0) > 0.99


def row(case: str, method: str, after: float, psnr: float | None = None) -> dict:
    tre = {f"{low}-{high}": {"before": high, "after": after, "displacement": low} for low, high in evaluation.RANGES_MM}
    quality = {name: {"psnr": psnr, "constant_psnr": 9.0, "ssim": 0.5} for name in evaluation.TARGETS}
    return {"case": case, "method": method, "tre": tre} | ({"quality": quality} if psnr else {})


def test_only_cases_done_by_all_methods_are_compared():
    rows = [row("a", "direct", 5.0), row("a", "new", 1.0, 20.0), row("b", "direct", 7.0)]
    text = evaluation.evaluation_table(rows)
    assert "1 cases" in text
    assert "| direct | 5.00 (5.00 to 5.00)" in text
    assert "| new | t2 | 20.0 | 9.0 | 0.50 |" in text


def test_a_folder_without_a_case_is_refused(tmp_path):
    with pytest.raises(InputError, match=r"parameters\.json"):
        evaluation.load_evaluation_case(tmp_path)
    (tmp_path / "parameters.json").write_text('{"seed": 1}')
    with pytest.raises(InputError, match="landmarks"):
        evaluation.load_evaluation_case(tmp_path)


def test_errors_are_measured_from_the_shifted_and_displaced_landmarks(us, monkeypatch, tmp_path):
    """With registration that finds the displacement exactly, the brain shift is the error that is left."""
    landmarks = evaluation.field_points(us, 1)[:7].tolist()
    parameters = {"seed": 5, "landmarks_lps_mm": landmarks, "brain_shift": {"gravity": 5.0}}
    (tmp_path / "parameters.json").write_text(json.dumps(parameters))
    for name in ("us", "t2", "cet1", "flair", "labels", "preop-t2", "preop-cet1", "preop-flair"):
        sitk.WriteImage(us, str(tmp_path / f"{name}.nii.gz"))
    shift = sitk.TranslationTransform(3, [0.0, 3.0, 4.0])
    sitk.WriteTransform(shift, str(tmp_path / "us-to-preop.h5"))
    case = evaluation.load_evaluation_case(tmp_path)

    def found(fixed, moving, mask, **kwargs):
        """Where the header says that the moving image went."""
        motion = sitk.Euler3DTransform()
        rotation = np.reshape(moving.GetDirection(), (3, 3)) @ np.linalg.inv(np.reshape(us.GetDirection(), (3, 3)))
        motion.SetMatrix(rotation.ravel().tolist(), 1e-6)
        motion.SetTranslation((np.array(moving.GetOrigin()) - rotation @ us.GetOrigin()).tolist())
        return SimpleNamespace(transform=motion)

    monkeypatch.setattr(evaluation, "register_rigid", found)
    rows = evaluation.registration_errors(case, us, us, signed=False, device="cpu")
    for (low, high), row in zip(evaluation.RANGES_MM, rows.values(), strict=True):
        assert row["after"] == pytest.approx(5, abs=1e-3)
        assert low <= row["displacement"] <= high


@pytest.mark.parametrize("wrong", [{"samples": 1}, {"spacing": -1.0}, {"spacing": 0.0}, {"extent": 0.0}])
def test_what_nothing_can_be_judged_by_is_refused_at_once(wrong):
    with pytest.raises(InputError, match=r"above 0 mm|2 or more"):
        Settings(**wrong)
