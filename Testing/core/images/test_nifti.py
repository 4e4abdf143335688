"""NIfTI files that ITK reads without a word although something is missing, in each of the format's variants."""

from __future__ import annotations

import gzip
import struct
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk
from mmhvae.exceptions import InputError
from mmhvae.images.nifti import check_nifti, is_whole

SHAPE = (4, 5, 6)


def written(path: Path, kind: type = np.float32) -> Path:
    sitk.WriteImage(sitk.GetImageFromArray(np.arange(120).reshape(SHAPE).astype(kind)), str(path))
    return path


def header(version: int, order: str, spacing: float = 2.0) -> bytes:
    """A header for ``SHAPE`` of float32, written out from the specifications."""
    dim, pixdim = (3, 6, 5, 4, 1, 1, 1, 1), (1, spacing, 2, 2, 1, 1, 1, 1)
    if version == 2:
        content = bytearray(544)
        struct.pack_into(order + "i", content, 0, 540)
        struct.pack_into(order + "2h", content, 12, 16, 32)
        struct.pack_into(order + "8q", content, 16, *dim)
        struct.pack_into(order + "8d", content, 104, *pixdim)
        struct.pack_into(order + "q", content, 168, 544)
        return bytes(content)
    content = bytearray(352)
    struct.pack_into(order + "i", content, 0, 348)
    struct.pack_into(order + "8h", content, 40, *dim)
    struct.pack_into(order + "2h", content, 70, 16, 32)
    struct.pack_into(order + "8f", content, 76, *pixdim)
    struct.pack_into(order + "f", content, 108, 352)
    return bytes(content)


@pytest.mark.parametrize("name", ["x.nii", "x.nii.gz", "x.hdr", "x.img"])
@pytest.mark.parametrize("kind", [np.uint8, np.int16, np.float32, np.float64])
def test_sound_files_pass_and_shorter_ones_do_not(tmp_path, name, kind):
    path = written(tmp_path / name, kind)
    check_nifti(path, "image")
    data = path.with_suffix(".img") if path.suffix == ".hdr" else path
    content = data.read_bytes()
    for length in (len(content) - 1 if path.suffix != ".gz" else len(content) - 9, len(content) // 2, 1, 0):
        data.write_bytes(content[:length])
        if length > 348 or data.suffix == ".img":
            assert not is_whole(path)
            with pytest.raises(InputError, match="cut off"):
                check_nifti(path, "image")


@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("version", [1, 2])
def test_every_variant_is_understood(tmp_path, version, order, packed):
    def save(content: bytes) -> Path:
        path = tmp_path / ("x.nii.gz" if packed else "x.nii")
        path.write_bytes(gzip.compress(content) if packed else content)
        return path

    voxels = np.arange(120, dtype=order + "f4")
    start = header(version, order)
    check_nifti(save(start + voxels.tobytes()), "image")
    with pytest.raises(InputError, match="cut off"):
        check_nifti(save(start + voxels.tobytes()[:-1]), "image")
    for spacing in (0.0, np.nan, np.inf):
        with pytest.raises(InputError, match="spacing"):
            check_nifti(save(header(version, order, spacing) + voxels.tobytes()), "image")
    for value in (np.nan, np.inf, -np.inf):
        voxels[77] = value
        with pytest.raises(InputError, match="NaN or infinite"):
            check_nifti(save(start + voxels.tobytes()), "image")


def test_forged_headers_are_harmless(tmp_path):
    rng, path = np.random.default_rng(0), tmp_path / "x.nii"
    for seed in range(300):
        content = bytearray(header(1 + seed % 2, "<>"[seed // 2 % 2]) + bytes(480))
        for place in rng.integers(4, 200, 6):
            content[place] = rng.integers(256)
        path.write_bytes(bytes(content))
        with suppress(InputError):  # any other exception fails the test
            check_nifti(path, "image")


@pytest.mark.parametrize("name", ["x.nrrd", "x.mha", "x.dcm", "nii"])
def test_other_formats_are_left_alone(tmp_path, name):
    (tmp_path / name).write_bytes(header(1, "<"))
    check_nifti(tmp_path / name, "image")
