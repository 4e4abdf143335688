"""The engine's task for overlays: the core's placing of labels, by files and numbers; errors in sentences."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import SimpleITK as sitk
from mmhvae import Cancelled, InputError
from mmhvae.images.transforms import exp_se3
from mmhvae.overlays.label_maps import overlay
from mmhvae.tasks.context import BundleCache, Context
from mmhvae.tasks.overlay import run_overlay
from mmhvae.tasks.parameters import Parameters
from mmhvae.tasks.table import TASKS

MOVED = exp_se3(np.array([0.1, -0.2, 0.15, 3.0, -2.0, 1.0]))
PLACE = exp_se3(np.array([0.3, 0.2, -0.1, 2.0, 4.0, -3.0])) @ np.diag([0.8, 0.9, 0.7, 1.0])
SIZE = [30, 28, 26]


@pytest.fixture
def layers(tmp_path) -> dict[str, Path]:
    """Two label maps of one and of two labels."""
    ball = np.linalg.norm(np.indices((20, 22, 24)) - np.array([10, 11, 12])[:, None, None, None], axis=0)
    arrays = {"0": (ball < 6).astype(np.uint8) + (ball < 3), "1": 300 * (ball < 5).astype(np.int32)}
    for name, array in arrays.items():
        sitk.WriteImage(sitk.GetImageFromArray(array), str(tmp_path / f"{name}.mha"))
    return {name: tmp_path / f"{name}.mha" for name in arrays}


def asked(files: dict[str, Path], **changes: Any) -> dict[str, Any]:
    request = {
        "layers": {name: str(path) for name, path in files.items()},
        "transform": MOVED.ravel().tolist(),
        "size": SIZE,
        "place": PLACE.ravel().tolist(),
    }
    return {name: value for name, value in (request | changes).items() if value is not None}


def run(request: dict[str, Any], folder: Path, progress: Any = lambda fraction, message: None) -> dict[str, Any]:
    return run_overlay(Parameters(request), Context(BundleCache(), folder, progress)).to_json()


def test_it_is_the_cores_placing_on_the_grid_that_was_asked_for(layers, tmp_path):
    heard: list[float] = []
    answer = run(asked(layers), tmp_path / "1", lambda fraction, message: heard.append(fraction))
    grid = sitk.Image(SIZE, sitk.sitkUInt8)
    grid.SetSpacing([0.8, 0.9, 0.7])
    grid.SetDirection((PLACE[:3, :3] / [0.8, 0.9, 0.7]).ravel().tolist())
    grid.SetOrigin(PLACE[:3, 3].tolist())
    moved = sitk.AffineTransform(MOVED[:3, :3].ravel().tolist(), MOVED[:3, 3].tolist())
    for name, path in layers.items():
        wanted, placed = overlay(sitk.ReadImage(str(path)), moved, grid)
        image = sitk.ReadImage(answer["images"][name])
        assert image.GetPixelID() == wanted.GetPixelID()
        np.testing.assert_array_equal(sitk.GetArrayFromImage(image), sitk.GetArrayFromImage(wanted))
        np.testing.assert_allclose(image.GetOrigin(), wanted.GetOrigin(), atol=1e-9)
        np.testing.assert_allclose(image.GetDirection(), wanted.GetDirection(), atol=1e-9)
        assert answer["labels"][name] == [pytest.approx(vars(label)) for label in placed]
        assert sum(label["on_grid_mm3"] for label in answer["labels"][name]) > 100
    assert heard == sorted(heard)
    assert (heard[0], heard[-1]) == (0.0, 1.0)
    assert TASKS["overlay"] is run_overlay


def test_it_can_be_cancelled_between_pieces(layers, tmp_path):
    def stop(fraction: float, message: str) -> None:
        if fraction > 0.4:
            raise Cancelled

    with pytest.raises(Cancelled):
        run(asked(layers), tmp_path / "1", stop)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"layers": {}}, "one layer at least"),
        ({"size": None}, "has no voxels"),
        ({"size": [30, 0, 26]}, "has no voxels"),
        ({"place": None}, "place is missing"),
        ({"place": [0.0] * 16}, "place flattens space"),
        ({"transform": [1.0] * 16}, "transform flattens space"),
        ({"transform": [1.0] * 12}, "not 16 finite numbers"),
        ({"colour": "red"}, "no parameter colour"),
    ],
)
def test_what_cannot_be_asked_is_refused_in_a_sentence(layers, tmp_path, change, words):
    with pytest.raises(InputError, match=words):
        run(asked(layers, **change), tmp_path / "1")


def test_a_damaged_file_is_a_sentence(layers, tmp_path):
    layers["1"].write_bytes(b"no image")
    with pytest.raises(InputError, match=r"1\.mha cannot be read"):
        run(asked(layers), tmp_path / "1")
