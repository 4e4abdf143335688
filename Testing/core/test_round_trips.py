"""Any geometry, format and type of voxel: every entrance reads the same, and what is written reads back everywhere."""

from __future__ import annotations

import tempfile
from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk
from hypothesis import HealthCheck, given, settings, strategies as st
from mmhvae.cli import main
from mmhvae.images import matrix_of, open_image, read_volume, write_volume
from mmhvae.overlays import read_segmentation
from mmhvae.tasks import TASKS, BundleCache, Context, Parameters
from numpy.typing import NDArray

from .plain_readers import read_plainly

TYPES = {
    "uint8": sitk.sitkUInt8, "int8": sitk.sitkInt8, "uint16": sitk.sitkUInt16, "int16": sitk.sitkInt16,
    "uint32": sitk.sitkUInt32, "int32": sitk.sitkInt32, "uint64": sitk.sitkUInt64, "int64": sitk.sitkInt64,
    "float32": sitk.sitkFloat32, "float64": sitk.sitkFloat64,
}  # fmt: skip
FORMATS = (".nii", ".nii.gz", ".nrrd", ".mha")
#: mm that single precision may move a voxel 300 mm away; the others keep every digit.
NOISE = {".nii": 2e-4, ".nii.gz": 2e-4, ".nrrd": 1e-9, ".mha": 1e-9}


@st.composite
def images(draw: st.DrawFn) -> sitk.Image:
    """Labels 0 to 3 in blocks, on an oblique grid of any handedness.

    Voxels are of any size, and up to 8 times as long as thick: the overlay's grids grow with that.
    """
    size = draw(st.tuples(*[st.integers(3, 9)] * 3))
    image = sitk.Image(size, TYPES[draw(st.sampled_from(sorted(TYPES)))])
    rng = np.random.default_rng(draw(st.integers(0, 1000)))
    blocks = np.kron(rng.integers(0, 4, (3, 3, 3)), np.ones((3, 3, 3), int))[: size[2], : size[1], : size[0]]
    blocks[0, 0, 0] = 1
    image = sitk.Cast(sitk.GetImageFromArray(blocks.astype(np.uint8)), image.GetPixelID())
    turn, _ = np.linalg.qr(rng.standard_normal((3, 3)))
    if draw(st.booleans()):  # along the axes of the body, in some order
        turn = np.eye(3)[rng.permutation(3)] * rng.choice([-1.0, 1.0], (3, 1))
    if (np.linalg.det(turn) < 0) != draw(st.booleans()):
        turn[:, 0] *= -1
    image.SetDirection(turn.ravel().tolist())
    thinnest = draw(st.floats(0.05, 4.0))
    image.SetSpacing(draw(st.tuples(*[st.floats(thinnest, min(8 * thinnest, 8.0))] * 3)))
    image.SetOrigin(draw(st.tuples(*[st.floats(-300.0, 300.0)] * 3)))
    return image


def in_ras(image: sitk.Image) -> NDArray[np.float64]:
    """(4, 4) from indices to RAS mm."""
    return np.diag([-1.0, -1.0, 1.0, 1.0]) @ matrix_of(image)


def by_the_command_line(path: Path, folder: Path) -> sitk.Image:
    """The image as the command ``overlay`` reads it: as labels and as grid, and nothing is moved."""
    sitk.WriteTransform(sitk.Euler3DTransform(), str(folder / "id.tfm"))
    given_ = {"segmentation": path, "reference": path, "transform": folder / "id.tfm", "output": folder / "o.nrrd"}
    assert main(["overlay", *(str(word) for name, value in given_.items() for word in (f"--{name}", value))]) == 0
    return sitk.ReadImage(str(folder / "o.nrrd"))


def by_the_engine(path: Path, folder: Path) -> sitk.Image:
    """Likewise as the engine reads it, onto the grid on which Python sees it."""
    place, size = matrix_of(read_volume(path)), list(read_volume(path).GetSize())
    asked = {"layers": {"1": str(path)}, "transform": np.eye(4).ravel().tolist(), "size": size}
    context = Context(BundleCache(), folder / "engine", lambda fraction, message: None)
    answer = TASKS["overlay"](Parameters(asked | {"place": place.ravel().tolist()}), context).to_json()
    return sitk.ReadImage(answer["images"]["1"])


@pytest.mark.filterwarnings("ignore::mmhvae.InputNotice")
@settings(max_examples=24, deadline=None, derandomize=True, database=None, suppress_health_check=[HealthCheck.too_slow])
@given(image=images(), suffix=st.sampled_from(FORMATS))
def test_every_entrance_and_every_reader_sees_one_image(image: sitk.Image, suffix: str) -> None:
    voxels, place = sitk.GetArrayFromImage(image), in_ras(image)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        path = folder / f"x{suffix}"
        write_volume(image, path)
        array, matrix = read_plainly(path)
        assert array.dtype == voxels.dtype
        np.testing.assert_array_equal(array, voxels)
        np.testing.assert_allclose(matrix, place, rtol=0, atol=NOISE[suffix])
        readings = {
            "image": open_image(path), "volume": read_volume(path), "segmentation": read_segmentation(path).layers[0],
            "command line": by_the_command_line(path, folder), "engine": by_the_engine(path, folder),
            "SimpleITK": sitk.ReadImage(str(path)),
        }  # fmt: skip
        assert readings["image"].GetPixelID() == image.GetPixelID()
        for found in readings.values():
            np.testing.assert_array_equal(sitk.GetArrayFromImage(found), voxels)
            np.testing.assert_allclose(in_ras(found), place, rtol=0, atol=NOISE[suffix])
            np.testing.assert_allclose(in_ras(found), in_ras(readings["image"]), rtol=0, atol=1e-9)
