"""What is written reads back: by our door, by SimpleITK, and by a reader that shares no code with either (nibabel)."""

from __future__ import annotations

import os
import re
import struct
import subprocess
import sys
import warnings
from pathlib import Path

import mmhvae
import numpy as np
import pytest
import SimpleITK as sitk
from mmhvae import InputError, InputNotice
from mmhvae.images import open_image, read_volume, write_volume, write_volumes
from mmhvae.overlays import read_segmentation

nibabel = pytest.importorskip("nibabel")

SUFFIXES = (".nii", ".nii.gz", ".nrrd", ".mha")
TYPES = {
    "uint8": sitk.sitkUInt8, "int16": sitk.sitkInt16, "uint16": sitk.sitkUInt16, "int32": sitk.sitkInt32,
    "int64": sitk.sitkInt64, "float32": sitk.sitkFloat32, "float64": sitk.sitkFloat64,
}  # fmt: skip
SIZE = (9, 7, 5)


def made(oblique, seed: int, kind: str) -> sitk.Image:
    """Whole numbers, labels of neighbours alike, on a random grid."""
    grid = oblique(seed, SIZE)
    coarse = np.random.default_rng(seed).integers(0, 3, (3, 4, 5))
    array = np.kron(coarse, np.ones((2, 2, 2), int))[:5, :7, :9]
    image = sitk.Cast(sitk.GetImageFromArray(array.astype(np.int32)), TYPES[kind])
    image.CopyInformation(grid)
    return image


def affine(image: sitk.Image) -> np.ndarray:
    """(4, 4), indices to RAS mm."""
    matrix = np.eye(4)
    matrix[:3, :3] = np.reshape(image.GetDirection(), (3, 3)) * image.GetSpacing()
    matrix[:3, 3] = image.GetOrigin()
    return np.diag([-1.0, -1.0, 1.0, 1.0]) @ matrix


@pytest.mark.filterwarnings("ignore::mmhvae.InputNotice")
@pytest.mark.parametrize("suffix", SUFFIXES)
@pytest.mark.parametrize("kind", TYPES)
def test_every_reader_reads_the_same(oblique, tmp_path, kind, suffix):
    seed = list(TYPES).index(kind) + 10 * SUFFIXES.index(suffix)
    image, path = made(oblique, seed, kind), tmp_path / f"x{suffix}"
    write_volume(image, path)
    voxels = sitk.GetArrayFromImage(image)
    readers = {
        "volume": read_volume(path), "segmentation": read_segmentation(path).layers[0], "image": open_image(path),
        "SimpleITK": sitk.ReadImage(str(path)),
    }  # fmt: skip
    for found in readers.values():
        np.testing.assert_array_equal(sitk.GetArrayFromImage(found), voxels)
        np.testing.assert_allclose(affine(found), affine(image), atol=1e-9 if suffix in (".nrrd", ".mha") else 1e-4)
    assert readers["image"].GetPixelID() == image.GetPixelID()
    if suffix.startswith(".nii"):
        other = nibabel.load(path)
        np.testing.assert_array_equal(np.asarray(other.dataobj).transpose(), voxels)
        np.testing.assert_allclose(other.get_sform(), affine(image), atol=1e-4)
        np.testing.assert_allclose(other.get_qform(), affine(image), atol=1e-3)


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_a_result_can_be_combined_with_its_input(oblique, tmp_path, suffix):
    """As SimpleITK judges: exactly in .nrrd and .mha; in NIfTI for an input that was NIfTI."""
    for seed in range(12):
        image = made(oblique, seed, "float32")
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", InputNotice)
            write_volume(image, tmp_path / f"in{suffix}")
        given = read_volume(tmp_path / f"in{suffix}")
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            write_volume(given, tmp_path / f"out{suffix}")
        assert (given + sitk.ReadImage(str(tmp_path / f"out{suffix}"))).GetSize() == SIZE


def test_a_format_that_rounds_says_so(oblique, tmp_path):
    with pytest.warns(InputNotice, match=r"x\.nii\.gz: NIfTI rounds where the voxels lie"):
        write_volume(made(oblique, 3, "uint8"), tmp_path / "x.nii.gz")


def test_what_nifti_cannot_hold_is_refused_before_anything_is_written(tmp_path):
    image = sitk.GetImageFromArray(np.ones((4, 5, 6), np.uint8))
    directions = np.array([[1, 0.3, 0], [0, 1, 0], [0, 0, 1]]) / [1, np.hypot(1, 0.3), 1]
    image.SetDirection(directions.ravel().tolist())
    with pytest.raises(InputError, match="cannot hold sheared axes"):
        write_volumes({tmp_path / "a.nrrd": image, tmp_path / "b.nii.gz": image})
    assert os.listdir(tmp_path) == []
    write_volume(image, tmp_path / "a.nrrd")
    assert open_image(tmp_path / "a.nrrd").GetDirection() == pytest.approx(image.GetDirection())


@pytest.mark.parametrize("suffix", SUFFIXES)
@pytest.mark.parametrize("room", [0, 1, 200, 347, 352, 1000])
def test_a_full_disk_keeps_the_earlier_file(tmp_path, full_disk, suffix, room):
    image = sitk.GetImageFromArray(np.random.default_rng(0).integers(0, 255, (12, 13, 14)).astype(np.uint8))
    path = tmp_path / f"x{suffix}"
    path.write_bytes(b"earlier")
    with full_disk(room), pytest.raises(InputError, match=r"no file may be larger than .* untouched"):
        write_volume(image, path)
    assert (os.listdir(tmp_path), path.read_bytes()) == ([path.name], b"earlier")


def test_a_write_that_lies_is_noticed(tmp_path, monkeypatch):
    """Voxels, place or type other than asked for, whatever the writer says."""
    image = sitk.GetImageFromArray(np.arange(60, dtype=np.int16).reshape(3, 4, 5))
    moved = sitk.Image(image)
    moved.SetOrigin([0.0, 0.0, 0.1])
    real = sitk.WriteImage
    for lie in (image + 1, moved, sitk.Cast(image, sitk.sitkInt32), image[1:]):
        monkeypatch.setattr(sitk, "WriteImage", lambda _, name, lie=lie, **more: real(lie, name, **more))
        for suffix in SUFFIXES:
            with pytest.raises(InputError, match="differs from the result"):
                write_volume(image, tmp_path / f"x{suffix}")
    assert os.listdir(tmp_path) == []


def scaled_sform(folder: Path) -> Path:
    """A NIfTI file whose only form is an sform of voxels a hundredth too large: under half a voxel from end to end."""
    path = folder / "x.nii"
    sitk.WriteImage(sitk.GetImageFromArray(np.ones((6, 7, 8), np.uint8)), str(path))
    content = bytearray(path.read_bytes())
    struct.pack_into("<h", content, 252, 0)
    struct.pack_into("<12f", content, 280, -1.01, 0, 0, 0, 0, -1.01, 0, 0, 0, 0, 1.01, 0)
    path.write_bytes(content)
    return path


def test_what_itk_says_is_told(tmp_path):
    """ITK ignores the scale of such an sform, and says so.

    In a process of its own: once a full disk has kept the C++ library from printing, it prints no more.
    """
    path, output = scaled_sform(tmp_path), tmp_path / "o.nrrd"
    sitk.WriteTransform(sitk.Euler3DTransform(), str(tmp_path / "t.tfm"))
    options = ["--transform", tmp_path / "t.tfm", "--reference", path, "--output", output]
    done = subprocess.run(
        [sys.executable, "-m", "mmhvae.cli", "overlay", "--segmentation", path, *options],
        capture_output=True, text=True, timeout=120,
        env=os.environ | {"PYTHONPATH": str(Path(mmhvae.__file__).parents[1])},
    )  # fmt: skip
    assert (done.returncode, output.exists(), done.stderr.count("\n")) == (0, True, 1), done.stderr
    assert re.match(r"mmhvae: Note: x\.nii: .* has unexpected scales in sform$", done.stderr)
