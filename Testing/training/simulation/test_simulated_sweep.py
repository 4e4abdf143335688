"""The simulated acquisition: each physical effect on its own; what whole cases show is in test_simulation."""

from __future__ import annotations

import numpy as np
import pytest
import SimpleITK as sitk
from mmhvae_training.simulation.acquisition import (
    array as arrays,
    attenuation,
    compression,
    reverberation,
    shadows,
    time_gain,
)
from mmhvae_training.simulation.acquisition.point_spread import PointSpread, beam_width, blur_across, blur_along
from mmhvae_training.simulation.acquisition.scan_conversion import raster, scan_convert
from mmhvae_training.simulation.acquisition.tracking import draw_tracking, track
from mmhvae_training.simulation.acquisition.trajectory import draw_trajectory, sweep_poses
from mmhvae_training.simulation.anatomy import TISSUES
from mmhvae_training.simulation.brain_shift import BrainShift, preoperative_points, shift_transform
from mmhvae_training.simulation.draws import Draws

DEPTH = np.arange(0, 60, 0.5, dtype=np.float32)


def test_the_transform_of_brain_shift_is_its_formula() -> None:
    shift = BrainShift((3.0, -4.0, 60.0), (0.0, 0.6, -0.8), 8.0, 30.0)
    box = sitk.Image(50, 60, 40, sitk.sitkUInt8)
    box.SetOrigin((-20, -30, 20))
    box.SetDirection((0.8, -0.6, 0, 0.6, 0.8, 0, 0, 0, 1))
    transform = shift_transform(shift, box)
    for index in ([5, 5, 5], [40, 30, 20], [25, 50, 33]):
        point = box.TransformIndexToPhysicalPoint(index)
        expected = preoperative_points(shift, np.asarray(point, np.float32))
        assert transform.TransformPoint(point) == pytest.approx(expected.tolist(), abs=0.05)


def tissue(name: str) -> np.ndarray:
    shares = np.zeros((len(TISSUES), len(DEPTH)), np.float32)
    shares[TISSUES.index(name)] = 1
    return shares


def one_shadow(lateral: float) -> np.ndarray:
    shadow = shadows.Shadow(0.0, 0.0, 0.2, 1.0, 20.0, 0.1, 0.1)
    place = np.array([[0.0]], np.float32)
    return shadows.cast((shadow,), place, place + np.float32(lateral), DEPTH)[0, 0]


def gained(**settings: float) -> np.ndarray:
    plain = {"slope": 0.0, "near": 0.0, "near_reach": 5.0, "far": 0.0, "far_reach": 5.0}
    return time_gain.gain(time_gain.TimeGain(sliders=(0.0,) * 6, **(plain | settings)), DEPTH)


def surface(**settings: float) -> np.ndarray:
    plain = {"face": 0.0, "thickness": 1.0, "distance": 5.0, "decay": 0.0, "clutter": 0.0, "reach": 4.0}
    echo = reverberation.surface_echo(reverberation.Reverberation(**(plain | settings), seed=1), 8, 8, DEPTH)
    return echo.mean((0, 1))


LOSS = attenuation.Attenuation(0.4)
EFFECTS = {
    "attenuation takes its decibels": lambda: np.isclose(
        20 * np.log10(attenuation.transmitted(LOSS, tissue("white"), 0.5)[-1]), -0.4 * 60, rtol=1e-4
    ),
    "fluid hardly attenuates": lambda: attenuation.transmitted(LOSS, tissue("ventricle"), 0.5)[-1] > 0.8,
    "slope undoes attenuation": lambda: np.ptp(
        gained(slope=0.4) * attenuation.transmitted(LOSS, tissue("white"), 0.5)) < 0.05,
    "near gain acts near": lambda: gained(near=6.0)[0] > 1.9 and abs(gained(near=6.0)[-1] - 1) < 1e-3,
    "far gain acts far": lambda: gained(far=-6.0)[-1] < 0.6 and abs(gained(far=-6.0)[0] - 1) < 1e-3,
    "shadow darkens beyond": lambda: one_shadow(0)[-1] < 0.11 and one_shadow(0)[0] > 0.99,
    "shadow leaves other beams": lambda: (one_shadow(0.8) > 0.99).all(),
    "edges fade": lambda: np.allclose(
        shadows.edge_loss(shadows.EdgeLoss(0.1, 0.3), np.array([-1, 0, 1])), [0.3, 1, 0.3], atol=1e-3),
    "face is bright": lambda: surface(face=5.0)[0] > 3 and surface(face=5.0)[DEPTH > 5].max() < 0.1,
    "face repeats": lambda: surface(face=5.0, decay=0.3)[10] > 1 and surface(face=5.0, decay=0.3)[50] < 0.01,
    "haze fades": lambda: (np.diff(surface(clutter=1.0)) < 0).all(),
    "compression is monotone": lambda: all(
        (np.diff(compression.compress(compression.Compression(k, 30.0, 2.0), DEPTH, 9.0)) >= 0).all()
        for k in (0.05, 0.5, 2.0)
    ),
    "compression keeps the median": lambda: np.isclose(
        compression.compress(compression.Compression(0.5, 30.0, 2.0), np.array([9.0], np.float32), 9.0)[0], 28),
}  # fmt: skip


@pytest.mark.parametrize("effect", EFFECTS)
def test_effect(effect: str) -> None:
    assert EFFECTS[effect]()


def test_the_point_spread_widens_away_from_the_focus() -> None:
    width = beam_width(PointSpread(0.2, 0.5, 0.4, 0.5, 30.0, 20.0), DEPTH, 0.4)
    assert DEPTH[np.argmin(width)] == 30
    assert width[DEPTH == 50] == pytest.approx(0.4 * np.sqrt(2))
    point = np.zeros((41, len(DEPTH)), np.float32)
    point[20] = 1
    blurred = blur_across(point, width / np.float32(0.2))
    spread = np.sqrt((blurred * (np.arange(41) - 20)[:, None] ** 2).sum(0))
    assert np.allclose(spread, width / 0.2, rtol=0.02)
    assert np.allclose(blur_along(np.ones((3, 120), np.float32), width), 1, atol=1e-4)


@pytest.mark.parametrize("kind", ["phased", "curved", "trapezoid", "linear"])
def test_scan_conversion_puts_every_sample_at_its_place(kind: str) -> None:
    seeds = (arrays.draw_array(Draws(np.random.default_rng(seed))) for seed in range(100))
    array = next(a for a in seeds if a.kind == kind)
    sampling = arrays.beams(array, 1.0)
    onto = raster(array, sampling, 0.5)
    points = arrays.frame_points(array, sampling)
    frame = scan_convert(120 + 2 * points[None, ..., 0], array, sampling, onto)[0]  # grey level tells x
    rows, columns = np.nonzero(frame)
    places = onto.image_to_frame() @ np.stack([columns, rows, 0 * rows, np.ones_like(rows)])
    assert np.allclose(places[1], 0)
    assert np.abs(120 + 2 * places[0] - frame[rows, columns]).max() < 1.5
    depth = np.hypot(places[0], places[2] + array.radius) - array.radius
    assert depth.min() > array.near - 0.01
    assert depth.max() < array.far


def test_dropped_and_lost_frames() -> None:
    rng = np.random.default_rng(3)
    tracking = draw_tracking(Draws(rng))
    poses = sweep_poses(draw_trajectory(Draws(rng), np.zeros(3), np.array([0, 0, -1.0]), 20.0), 200)
    faulty = type(tracking)(**(vars(tracking) | {"dropped": 0.1, "lost": 0.2, "jitter": 0.0, "turn_jitter": 0.0}))
    result = track(faulty, poses, np.eye(4))
    assert 160 < len(result.received) < 195
    assert 0.7 < result.valid.mean() < 0.9
    exact = result.image_to_reference()
    assert np.allclose(exact[result.valid], poses[result.received][result.valid], atol=1e-9)
    assert not np.allclose(exact[~result.valid], poses[result.received][~result.valid], atol=1e-3)
