"""Images that cannot be used: one sentence each, status 2 and no file."""

from __future__ import annotations

import gzip
import struct
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk

from .calls import bytes_as, filled, saved, speckled, synthesis


def holed(value: float) -> sitk.Image:
    image = filled(50)
    image[3, 4, 5] = value
    return image


def spaced(spacing: list[float]) -> sitk.Image:
    image = filled(50)
    image.SetSpacing(spacing)
    return image


def cut(path: Path, share: float) -> Path:
    """A speckled volume, written, then cut off after a share of its bytes."""
    saved(speckled(filled(1)), path)
    content = path.read_bytes()
    return bytes_as(content[: int(share * len(content))], path)


def altered_gzip(path: Path) -> Path:
    plain = saved(speckled(filled(1)), path.with_suffix("")).read_bytes()
    packed = bytearray(gzip.compress(plain))
    packed[-8] ^= 0xFF  # the checksum
    return bytes_as(bytes(packed), path)


def nifti_spacing(value: float, path: Path) -> Path:
    content = bytearray(saved(filled(50), path).read_bytes())
    struct.pack_into("<f", content, 84, value)  # pixdim[2]
    return bytes_as(bytes(content), path)


def meta_spacing(path: Path) -> Path:
    content = saved(spaced([2.0, 2.0, 2.0]), path).read_bytes()
    return bytes_as(content.replace(b"ElementSpacing = 2 2 2", b"ElementSpacing = 0 2 2"), path)


BAD_VOLUMES: dict[str, tuple[Callable[[Path], Path], str]] = {
    "missing": (lambda d: d / "no.nii.gz", "no file"),
    "name too long": (lambda d: d / ("n" * 300 + ".nii"), "no file"),
    "a folder": (lambda d: d, "cannot be read"),
    "garbage nifti": (lambda d: bytes_as(b"noise" * 200, d / "x.nii.gz"), "cannot be read"),
    "garbage mrc": (lambda d: bytes_as(np.random.default_rng(0).bytes(3000), d / "x.mrc"), "cannot be read"),
    "empty file": (lambda d: bytes_as(b"", d / "x.nrrd"), "cannot be read"),
    "cut nifti": (lambda d: cut(d / "x.nii", 0.9), "cut off"),
    "cut nifti.gz": (lambda d: cut(d / "x.nii.gz", 0.9), "cut off"),
    "cut meta": (lambda d: cut(d / "x.mha", 0.9), "cannot be read"),
    "cut nrrd": (lambda d: cut(d / "x.nrrd", 0.9), "cannot be read"),
    "wrong checksum": (lambda d: altered_gzip(d / "x.nii.gz"), "damaged"),
    "2-D": (lambda d: saved(filled(50)[:, :, 2], d / "x.nii.gz"), "2 dimensions"),
    "4-D": (lambda d: saved(sitk.JoinSeries([filled(50)] * 2), d / "x.nii.gz"), "4 dimensions"),
    "vector": (lambda d: saved(sitk.Compose([filled(50)] * 3), d / "x.nrrd"), "several values"),
    "complex": (lambda d: saved(sitk.Cast(filled(50), sitk.sitkComplexFloat32), d / "x.nii"), "several values"),
    "all zero": (lambda d: saved(filled(0), d / "x.nii.gz"), "zero everywhere"),
    "NaN": (lambda d: saved(holed(np.nan), d / "x.nii.gz"), "NaN or infinite"),
    "infinite": (lambda d: saved(holed(-np.inf), d / "x.nii.gz"), "NaN or infinite"),
    "beyond float32": (lambda d: saved(sitk.Cast(filled(50), sitk.sitkFloat64) * 1e300, d / "x.nrrd"), "infinite"),
    "one voxel thick": (lambda d: saved(filled(50, (12, 1, 8)), d / "x.mha"), "one voxel thick"),
    "nifti spacing 0": (lambda d: nifti_spacing(0, d / "x.nii"), "spacing"),
    "nifti spacing NaN": (lambda d: nifti_spacing(np.nan, d / "x.nii"), "spacing"),
    "meta spacing 0": (lambda d: meta_spacing(d / "x.mha"), "spacing of 0"),
    "10 m": (lambda d: saved(spaced([1.0, 1000.0, 1.0]), d / "x.nii.gz"), "10000"),
}


@pytest.mark.parametrize("kind", BAD_VOLUMES)
def test_bad_volumes(refused, bundle, tmp_path, kind):
    make, words = BAD_VOLUMES[kind]
    (tmp_path / "in").mkdir()
    sentence = refused(*synthesis(bundle, make(tmp_path / "in"), tmp_path / "out"), output=tmp_path / "out")
    assert words in sentence


@pytest.mark.parametrize("option", ["--fixed", "--moving", "--fixed-mask", "--moving-mask"])
def test_bad_volumes_are_no_better_in_registration(refused, displaced, tmp_path, option):
    given = {"--fixed": displaced[0], "--moving": displaced[1], option: nifti_spacing(0, tmp_path / "x.nii")}
    pairs = [part for pair in given.items() for part in pair]
    sentence = refused("register", *pairs, "--output", tmp_path / "out" / "T.tfm", output=tmp_path / "out")
    assert option.strip("-").split("-")[0] in sentence or "x.nii" in sentence
