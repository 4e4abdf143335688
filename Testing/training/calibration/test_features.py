"""Calibration: features of textures whose properties are known, the classifier, and the table made again."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk
from mmhvae import InputError
from mmhvae.images.volumes import image_on
from mmhvae_training.calibration.beam import beam_direction
from mmhvae_training.calibration.classifier import Samples, folds, hit_rates, separate
from mmhvae_training.calibration.features import PATCH_FEATURES, VOLUME_FEATURES, maps, patch_features, volume_features
from mmhvae_training.calibration.measure import Measured, find_real, measure, measure_all
from mmhvae_training.calibration.report import FEATURES, TABLE, summary, write_report
from mmhvae_training.calibration.scan import scan
from mmhvae_training.calibration.speckle import LONGEST_MM, autocorrelation, correlation_length, lengths
from scipy import ndimage

TABLES = Path(__file__).resolve().parents[3] / "Training" / "cards" / "calibration"


def ball(size: int = 48) -> np.ndarray:
    axes = np.linspace(-1, 1, size)
    return sum(a**2 for a in np.meshgrid(axes, axes, axes, indexing="ij")) < 0.95


@pytest.mark.parametrize("spacing", [(1.0, 1.0, 1.0), (0.5, 0.7, 0.6)])
@pytest.mark.parametrize("sigma_mm", [(0.9, 1.3, 1.3), (1.4, 1.0, 1.0)])
def test_correlation_lengths_are_those_of_the_texture(spacing, sigma_mm):
    """Noise smoothed by a Gaussian of sigma correlates as exp(-lag^2 / (4 sigma^2)): one half at 1.665 sigma."""
    sigma = [mm / s for mm, s in zip(sigma_mm, spacing, strict=True)]
    noise = ndimage.gaussian_filter(np.random.default_rng(0).standard_normal((64,) * 3), sigma).astype(np.float32)
    found = lengths(noise, ball(64), spacing, np.array([1.0, 0, 0]))
    expected = 2 * np.sqrt(np.log(2)) * np.array(sigma_mm)
    assert found["axial length"] == pytest.approx(expected[0], rel=0.08)
    assert found["lateral length"] == pytest.approx(expected[1], rel=0.08)
    assert found["shortest length"] == pytest.approx(expected.min(), rel=0.1)
    assert found["longest length"] == pytest.approx(expected.max(), rel=0.1)


def test_autocorrelation_counts_only_pairs_inside():
    rng = np.random.default_rng(0)
    values, inside = rng.standard_normal((12, 11, 13)).astype(np.float32), rng.random((12, 11, 13)) > 0.3
    found = autocorrelation(values, inside, (1.0, 1.0, 1.0))
    centred, lag = np.where(inside, values - values[inside].mean(), 0), (2, -1, 3)
    a, b = (slice(2, 12), slice(0, 10), slice(3, 13)), (slice(0, 10), slice(1, 11), slice(0, 10))
    expected = (centred[a] * centred[b]).sum() / (inside[a] & inside[b]).sum() / (centred[inside] ** 2).mean()
    middle = np.array(found.shape) // 2
    assert found[tuple(middle + lag)] == pytest.approx(expected, rel=1e-4)


def test_a_texture_without_an_end_has_the_longest_length():
    flat = np.ones((11, 11, 11))
    assert correlation_length(flat, np.eye(3), (1.0, 1.0, 1.0)) == LONGEST_MM


def cone(oblique, seed: int, near_bright: bool = True) -> tuple[sitk.Image, np.ndarray]:
    """A truncated cone of speckle in a random oblique grid, darker with depth; and its axis (k, j, i)."""
    grid = oblique(seed, (64, 60, 68))
    grid.SetSpacing([1.0, 1.0, 1.0])
    rng = np.random.default_rng(seed)
    axis = rng.standard_normal(3)
    axis /= np.linalg.norm(axis)
    points = np.stack(np.meshgrid(*[np.arange(n) - n / 2 for n in (68, 60, 64)], indexing="ij"), -1)
    depth = points @ axis + 22
    radius = np.linalg.norm(points - (points @ axis)[..., None] * axis, axis=-1)
    inside = (depth > 0) & (depth < 42) & (radius < 8 + 0.45 * depth)
    grey = (60 - depth) * np.exp(0.2 * rng.standard_normal(depth.shape)) + 100 * (depth < 2) * near_bright
    return image_on(np.where(inside, grey, 0).astype(np.float32), grid), axis


@pytest.mark.parametrize("seed", range(2))
@pytest.mark.parametrize("near_bright", [True, False])
def test_the_beam_is_found_and_depth_and_grey_follow(oblique, seed, near_bright):
    image, axis = cone(oblique, seed, near_bright)
    volume = scan(image)
    assert np.degrees(np.arccos(volume.beam @ axis)) < 10
    values = volume_features(maps(volume))
    assert list(values) == list(VOLUME_FEATURES)
    assert np.isfinite(list(values.values())).all()
    assert values["depth mm"] == pytest.approx(42, abs=4)
    means = [values[f"mean at depth {n}/5"] for n in range(1, 6)]
    assert means == sorted(means, reverse=True)
    assert values["share of grid"] == pytest.approx((sitk.GetArrayFromImage(image) > 0).mean(), rel=0.05)


def test_cubes_lie_in_the_field_of_view_and_see_the_slope(oblique):
    rows = patch_features(maps(scan(cone(oblique, 0, near_bright=False)[0])), cube_mm=20)
    assert len(rows) > 3
    assert all(list(row) == list(PATCH_FEATURES) for row in rows)
    assert all(row["slope with depth"] < -0.1 for row in rows)


def test_gradients_know_the_beam():
    """Layers across the beam: all gradient along it."""
    layers = 100 + 40 * np.sin(np.arange(40) / 2)[:, None, None] * np.ones((40, 40, 40))
    volume = scan(sitk.GetImageFromArray(layers.astype(np.float32)))
    along = volume_features(maps(volume))["gradient along beam"]
    assert along == pytest.approx(volume.beam[0] ** 2, abs=0.02)


def test_a_finer_volume_is_brought_to_the_coarser_spacing(oblique):
    image, _ = cone(oblique, 2)
    image.SetSpacing([0.5, 0.5, 0.5])
    coarse, fine = scan(image, 1.0), scan(image, 0.505)
    assert coarse.spacing == (1.0, 1.0, 1.0)
    assert fine.spacing == (0.5, 0.5, 0.5)  # so close that nothing is interpolated
    assert coarse.share == fine.share


def test_a_beam_is_found_in_any_mask():
    inside = np.zeros((9, 9, 9), bool)
    inside[4, 4, 4] = True
    assert np.isfinite(beam_direction(inside.astype(np.float32), inside, (1.0, 1.0, 1.0))).all()


@pytest.mark.parametrize("value", [0.0, 7.0])
def test_empty_volumes_are_refused(value):
    with pytest.raises(InputError):
        scan(sitk.GetImageFromArray(np.full((9, 9, 9), value, np.float32)))


FAMILIES = {"a": "one", "b": "one", "c": "two"}


def drawn(shift: float, cases: int = 12, samples: int = 8, seed: int = 0):
    """Rows, kinds and cases; feature a of real cases is moved by ``shift``. Samples of one case resemble each other."""
    rng = np.random.default_rng(seed)
    rows, real, case = [], [], []
    for index in range(2 * cases):
        own = rng.standard_normal(3)
        for _ in range(samples):
            values = own + 0.3 * rng.standard_normal(3) + [shift * (index < cases), 0, 0]
            rows.append(dict(zip(FAMILIES, values, strict=True)))
            real.append(index < cases)
            case.append(f"{index:02d}")
    return rows, real, case


def test_what_differs_is_told_and_named():
    found = separate(*drawn(shift=8.0), FAMILIES)
    assert found.accuracy > 0.97
    assert found.interval[0] > 0.9
    best = found.differences[0]
    assert (best.feature, best.family, best.area) == ("a", "one", 1.0)
    assert best.effect > 5
    assert best.real - best.simulated == pytest.approx(8, abs=1.5)
    assert next(iter(found.families)) == "one"
    assert found.families["two"] < 0.75


def test_equal_distributions_are_not_told_apart():
    """Ungrouped folds would recognise the cases by their own offsets, and score far above a half."""
    accuracies = [separate(*drawn(shift=0.0, seed=seed), FAMILIES).accuracy for seed in range(4)]
    assert np.mean(accuracies) == pytest.approx(0.5, abs=0.12)


@pytest.mark.parametrize(("real", "simulated"), [(6, 24), (2, 9), (7, 3)])
def test_folds_are_disjoint_complete_and_even(real, simulated):
    kinds = {f"r{n}": True for n in range(real)} | {f"s{n}": False for n in range(simulated)}
    groups = folds(kinds, 6, seed=1)
    flat = [name for group in groups for name in group]
    assert sorted(flat) == sorted(kinds)
    for kind in (True, False):
        counts = [sum(kinds[name] == kind for name in group) for group in groups]
        assert min(counts) >= 1
        assert max(counts) - min(counts) <= 1


def test_no_case_is_judged_by_a_classifier_that_saw_it(monkeypatch):
    import mmhvae_training.calibration.classifier as module

    rows, real, case = drawn(1.0)
    samples = Samples(np.array([[*row.values()] for row in rows]), np.array(real), np.array(case))
    seen, original = [], module.standardised

    def spy(train, other):
        seen.append((set(train.case.tolist()), {tuple(row) for row in other}))
        return original(train, other)

    monkeypatch.setattr(module, "standardised", spy)
    assert set(hit_rates(samples, seed=0)) == set(case)
    for (train, _), (_, judged) in zip(seen[::2], seen[1::2], strict=True):
        held = {name for name, row in zip(case, samples.features, strict=True) if tuple(row) in judged}
        assert held
        assert not held & train


def test_weights_make_cases_and_kinds_alike():
    case = np.array(["a"] * 5 + ["b"] + ["c"] * 2)
    weights = Samples(np.zeros((8, 1)), case != "c", case).weights
    assert weights[:5].sum() == pytest.approx(0.25)
    assert weights[5] == pytest.approx(0.25)
    assert weights[6:].sum() == pytest.approx(0.5)


def test_two_cases_a_kind_are_needed():
    with pytest.raises(ValueError, match="two real and two simulated"):
        folds({"a": True, "b": False, "c": False}, 5, 0)


def test_the_report_is_remade_from_what_it_keeps(oblique, tmp_path):
    for index in range(6):
        folder = tmp_path / f"case-{index:05d}"
        folder.mkdir()
        path = tmp_path / f"R{index}-us.nii.gz" if index < 3 else folder / "us.nii.gz"
        sitk.WriteImage(cone(oblique, index)[0], str(path))
    real = find_real(tmp_path)
    simulated = {f"case-{index}": tmp_path / f"case-{index:05d}" / "us.nii.gz" for index in (3, 4, 5)}
    table = write_report(measure_all(real, simulated, None), None, tmp_path / "out")
    assert table == json.loads((tmp_path / "out" / TABLE).read_text())
    assert summary(*read_features(tmp_path / "out")) == table
    assert {path.suffix for path in (tmp_path / "out").iterdir()} == {".json", ".md", ".png"}


def test_held_out_cases_need_a_flag(tmp_path):
    for name in ("Case2", "Case3", "Case4", "Case27"):
        (tmp_path / f"{name}-us.nii.gz").touch()
    assert set(find_real(tmp_path)) == {"Case2", "Case4"}
    assert set(find_real(tmp_path, held_out=True)) == {"Case2", "Case3", "Case4", "Case27"}


def read_features(folder: Path) -> tuple[list[Measured], float | None]:
    """What the report kept: the measured cases, and the spacing (mm) they were measured at."""
    kept = json.loads((folder / FEATURES).read_text(encoding="utf-8"))
    return [Measured(**row) for row in kept["cases"]], kept["spacing_mm"]


def published_table() -> dict:
    assert (TABLES / FEATURES).is_file(), "the published calibration is gone; calibrate.py --output makes it again"
    return json.loads((TABLES / TABLE).read_text(encoding="utf-8"))


def test_the_published_table_follows_from_its_features():
    table = published_table()
    again = summary(*read_features(TABLES))
    for kind in ("volumes", "patches"):
        assert again[kind]["accuracy"] == pytest.approx(table[kind]["accuracy"], abs=0.01)
        assert again[kind]["families"] == pytest.approx(table[kind]["families"], abs=0.01)
        for mine, theirs in zip(
            *(sorted(t[kind]["differences"], key=lambda row: row["feature"]) for t in (again, table)), strict=True
        ):
            assert mine["feature"] == theirs["feature"]
            assert mine["effect"] == pytest.approx(theirs["effect"], abs=0.01)
            assert mine["area"] == pytest.approx(theirs["area"], abs=0.01)


def test_published_features_of_real_volumes_are_measured_again(shared_data):
    published_table()
    measured, spacing = read_features(TABLES)
    kept = {m.case: m for m in measured if m.real}
    paths = find_real(shared_data / "resect", held_out=True)
    case = min(kept)  # one says it all, in a few seconds
    again = measure(paths[case], case, True, spacing)
    assert again.volume == pytest.approx(kept[case].volume, rel=0.01, abs=0.01)
    assert len(again.patches) == len(kept[case].patches)
