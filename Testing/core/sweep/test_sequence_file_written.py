"""Sequence files that we write: bit for bit, in the fields of PLUS, read by ITK, streamed, whole or not at all."""

from __future__ import annotations

import tracemalloc
from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk
from hypothesis import given, settings, strategies as st
from mmhvae.exceptions import InputError
from mmhvae.images.transforms import exp_se3
from mmhvae.sweep.frames import ArrayFrames, Sweep
from mmhvae.sweep.sequence_file import read_sweep, write_sequence, write_sweep

from .sequence_files import PIXELS, POSES


@given(st.data())
@settings(max_examples=25, deadline=None)
def test_round_trip_bit_for_bit(tmp_path_factory: pytest.TempPathFactory, data: st.DataObject) -> None:
    count, height, width = (data.draw(st.integers(1, 6)) for _ in range(3))
    rng = np.random.default_rng(data.draw(st.integers(0, 10**6)))
    poses = exp_se3(rng.normal(size=(count, 6)) * [1, 1, 1, 500, 500, 500])
    times = rng.normal(size=count) * 1e9
    times[rng.random(count) < 0.2] = np.nan
    valid = rng.random(count) < 0.7
    valid[0] = True
    sweep = Sweep(ArrayFrames(rng.integers(0, 256, (count, height, width), np.uint8)), poses, valid, times)
    path = tmp_path_factory.mktemp("sweep") / data.draw(st.sampled_from(["s.igs.mha", "s.seq.nrrd"]))
    write_sweep(path, sweep, compress=data.draw(st.booleans()))
    back = read_sweep(path)
    np.testing.assert_array_equal(np.stack(list(back.frames)), np.stack(list(sweep.frames)))
    np.testing.assert_array_equal(back.valid, valid)
    np.testing.assert_array_equal(back.image_to_reference[valid], poses[valid])
    np.testing.assert_array_equal(back.timestamps, times)


@pytest.mark.parametrize("compress", [False, True])
def test_itk_reads_what_is_written(tmp_path: Path, compress: bool) -> None:
    for name in ("s.igs.mha", "s.igs.nrrd"):
        write_sequence(tmp_path / name, ArrayFrames(PIXELS), {"ProbeToTracker": POSES}, compress=compress)
    np.testing.assert_array_equal(sitk.GetArrayFromImage(sitk.ReadImage(str(tmp_path / "s.igs.mha"))), PIXELS)
    as_vectors = sitk.GetArrayFromImage(sitk.ReadImage(str(tmp_path / "s.igs.nrrd")))  # ITK's way with a list axis
    np.testing.assert_array_equal(np.moveaxis(as_vectors, -1, 0), PIXELS)


def test_header_is_written_in_the_fields_of_plus(tmp_path: Path) -> None:
    lost = {"ProbeToTracker": np.array([True, False, True])}
    path = tmp_path / "s.igs.mha"
    write_sequence(path, ArrayFrames(PIXELS), {"ProbeToTracker": POSES}, valid=lost, timestamps=np.arange(3.0))
    lines = [line.strip() for line in path.read_bytes().split(b"ElementDataFile")[0].decode().splitlines()]
    size = path.stat().st_size - path.read_bytes().index(b"LOCAL\n") - 6
    for line in (
        "DimSize = 5 4 3",
        "Kinds = domain domain list",
        "AnatomicalOrientation = RAI",
        "CompressedData = True",
        f"CompressedDataSize = {size}",
        "UltrasoundImageOrientation = MFA",
        "Seq_Frame0001_ProbeToTrackerTransformStatus = INVALID",
        "Seq_Frame0002_ProbeToTrackerTransformStatus = OK",
        "Seq_Frame0002_Timestamp = 2.0",
        "Seq_Frame0002_ImageStatus = OK",
    ):
        assert line in lines
    assert lines[0] == "ObjectType = Image"


def test_10000_frames_one_at_a_time(tmp_path: Path) -> None:
    count, shape = 10_000, (32, 32)

    class Ramp:
        shape = (32, 32)

        def __len__(self) -> int:
            return count

        def __iter__(self):
            return (np.full(shape, number % 256, np.uint8) for number in range(count))

    write_sequence(tmp_path / "s.mha", Ramp(), {"ImageToReference": np.stack([np.eye(4)] * count)})
    sweep = read_sweep(tmp_path / "s.mha")
    tracemalloc.start()
    try:
        assert all((frame == number % 256).all() for number, frame in enumerate(sweep.frames))
        assert tracemalloc.get_traced_memory()[1] < 4 * 2**20  # of 10 MiB of pixels
    finally:
        tracemalloc.stop()
    assert sweep.valid.sum() == count


@pytest.mark.parametrize(
    ("name", "frames", "sentence"),
    [
        ("s.mkv", ArrayFrames(PIXELS), "suffix"),
        ("s.igs.mha", ArrayFrames(PIXELS[:0]), "no frames"),
        ("folder/s.igs.mha", ArrayFrames(PIXELS.astype(np.uint16)), "8-bit"),  # type: ignore[arg-type]
    ],
)
def test_what_cannot_be_written_leaves_nothing(tmp_path: Path, name: str, frames: ArrayFrames, sentence: str) -> None:
    with pytest.raises(InputError, match=sentence):
        write_sequence(tmp_path / name, frames, {})
    assert not [path for path in tmp_path.rglob("*") if path.is_file()]


def test_frames_of_changing_size_are_not_written(tmp_path: Path) -> None:
    class Changing(ArrayFrames):
        def __iter__(self):
            return iter([PIXELS[0], PIXELS[1, :2], PIXELS[2]])

    (tmp_path / "s.nrrd").write_text("what was there")
    with pytest.raises(InputError, match="Frame 1"):
        write_sequence(tmp_path / "s.nrrd", Changing(PIXELS), {})
    assert [path.read_text() for path in tmp_path.iterdir()] == ["what was there"]
