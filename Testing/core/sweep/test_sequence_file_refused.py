"""Sequence files that are refused in a sentence, or whose damage does no harm."""

from __future__ import annotations

import contextlib
import tracemalloc
import zlib
from pathlib import Path

import numpy as np
import pytest
from mmhvae.exceptions import InputError
from mmhvae.sweep.frames import ArrayFrames
from mmhvae.sweep.sequence_file import read_sweep, write_sequence

from .sequence_files import DEFLATED, PIXELS, POSES, frame_lines, mha, nrrd, pixels_of, saved

REFUSED = {
    "text": (b"patient,date\n1,2\n", "not a sequence"),
    "binary": (bytes(range(256)) * 10, "not a sequence"),
    "empty": (b"", "cut off"),
    "header cut off": (mha()[:300], "cut off before its ElementDataFile"),
    "no value": (mha().replace(b"ElementDataFile =", b"ElementDataFile\n"), "cut off before its ElementDataFile"),
    "header that never ends": (b"ObjectType = Image\nComment = " + b"x" * 2**21, "does not end"),
    "data cut off": (mha()[:-1], "fewer pixels"),
    "compressed data cut off": (mha(DEFLATED[:-9], {"CompressedData": "True"}), "cut off"),
    "checksum cut off": (mha(DEFLATED[:-2], {"CompressedData": "True"}), "cut off"),
    "compressed size": (mha(DEFLATED, {"CompressedData": "True", "CompressedDataSize": "9999"}), "cut off"),
    "damaged": (mha(b"\x78\x9c" + b"\x07" * 60, {"CompressedData": "True"}), "damaged"),
    "wrong checksum": (mha(DEFLATED[:-1] + b"\0", {"CompressedData": "True"}), "damaged"),
    "bomb": (mha(zlib.compress(bytes(10**8)), {"CompressedData": "True"}), "more pixels than"),
    "no size": (mha(changes={"DimSize": None}), "DimSize .* no whole numbers"),
    "size in words": (mha(changes={"DimSize": "5 4 three"}), "no whole numbers"),
    "absurd size": (mha(changes={"DimSize": "99999999 4 3"}), "cannot be"),
    "absurd number of frames": (mha(changes={"DimSize": "5 4 999999999"}), "cannot be"),
    "more than can be compressed": (mha(DEFLATED, {"CompressedData": "True", "DimSize": "9999 9999 3"}), "fewer"),
    "negative size": (mha(changes={"DimSize": "-5 4 3"}), "no images"),
    "no frames": (mha(changes={"DimSize": "5 4 0"}, lines=[]), "no frames"),
    "tracking alone": (mha(b"", {"DimSize": "0 0 3"}), "no images"),
    "a volume": (mha(changes={"Kinds": "domain domain domain"}, lines=[]), "volumes, not frames"),
    "3-D frames": (mha(changes={"DimSize": "5 2 2 3", "Kinds": "domain domain domain list"}), "volumes, not frames"),
    "odd kinds": (mha(changes={"Kinds": "domain domain quaternion"}), "kinds"),
    "two numbers a pixel": (mha(PIXELS.tobytes() * 2, {"ElementNumberOfChannels": "2"}), "2 numbers a pixel"),
    "fields of more frames": (mha(lines=frame_lines(count=4)), "describes 4 frames but holds 3"),
    "unknown type": (mha(changes={"ElementType": "MET_LONG_LONG"}), "type MET_LONG_LONG"),
    "no type": (mha(changes={"ElementType": None}), "type unknown"),
    "negative pixels": (mha((PIXELS.astype("<i2") - 9).tobytes(), {"ElementType": "MET_SHORT"}), "negative"),
    "NaN": (mha(np.full(60, np.nan, "<f4").tobytes(), {"ElementType": "MET_FLOAT"}), "NaN"),
    "raw echoes": (mha(changes={"UltrasoundImageType": "RF_REAL"}), "raw echo data"),
    "pixels as text": (mha(changes={"BinaryData": "False"}), "as text"),
    "orientation": (mha(changes={"UltrasoundImageOrientation": "XX"}), "orientation XX"),
    "raw file missing": (mha(changes={"ElementDataFile": "s.raw"}), "s.raw, which is missing"),
    "raw file elsewhere": (mha(changes={"ElementDataFile": "../s.raw"}), "outside its own folder"),
    "raw file absolute": (mha(changes={"ElementDataFile": "/etc/passwd"}), "outside its own folder"),
    "raw file on a drive": (mha(changes={"ElementDataFile": "C:\\s.raw"}), "outside its own folder"),
    "raw file up, in Windows": (mha(changes={"ElementDataFile": "a\\..\\..\\s.raw"}), "outside its own folder"),
    "list of files": (mha(changes={"ElementDataFile": "LIST 2"}), "several files"),
    "pattern of files": (mha(changes={"ElementDataFile": "s%03d.raw 1 3 1"}), "several files"),
    "matrix of 15": (mha(lines=["Seq_Frame0001_ImageToReferenceTransform = " + "1 " * 15]), "frame 1 .* 16 numbers"),
    "matrix of words": (mha(lines=["Seq_Frame0001_ImageToReferenceTransform = I"]), "frame 1 .* 16 numbers"),
    "no tracking": (mha(lines=["Seq_Frame0000_Timestamp = 1"]), "no tracking"),
    "no calibration": (
        mha(lines=[line.replace("Image", "Probe") for line in frame_lines()]),
        r"\.tfm.*16 numbers.*\.xml",
    ),
    "NRRD cut off": (nrrd()[:200], "cut off"),
    "NRRD in another encoding": (nrrd(changes={"encoding": "bzip2"}), "bzip2"),
    "NRRD, list of files": (nrrd(changes={"data file": "LIST"}), "several files"),
    "NRRD, lines skipped": (nrrd(changes={"line skip": "2"}), "skips"),
    "NRRD, wrong magic": (b"NRRDxxxx\n", "not a sequence"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_refused_in_a_sentence(tmp_path: Path, case: str) -> None:
    content, sentence = REFUSED[case]
    with pytest.raises(InputError, match=sentence) as caught:
        for _ in read_sweep(saved(tmp_path, content)).frames:
            pass
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("name", ["s.igs.mha", "s.igs.nrrd"])
@pytest.mark.parametrize("compress", [False, True])
@pytest.mark.filterwarnings("error")
def test_damage_anywhere_is_refused_or_harmless(tmp_path: Path, name: str, compress: bool) -> None:
    rng = np.random.default_rng(7)
    path = tmp_path / name
    write_sequence(path, ArrayFrames(PIXELS), {"ImageToReference": POSES}, timestamps=np.arange(3.0), compress=compress)
    whole = path.read_bytes()
    for _ in range(100):
        start, length = rng.integers(len(whole)), rng.integers(1, 20)
        instead = rng.choice(list(b"0123456789 .-eE:=\n"), rng.integers(0, 6)).astype(np.uint8).tobytes()
        path.write_bytes(whole[:start] + instead + whole[start + length :])
        with contextlib.suppress(InputError):
            sweep = read_sweep(path)
            assert all(frame.shape == sweep.frames.shape for frame in sweep.frames)


def test_a_bomb_is_not_inflated(tmp_path: Path) -> None:
    path = saved(tmp_path, mha(zlib.compress(bytes(10**8)), {"CompressedData": "True"}))
    tracemalloc.start()
    try:
        with pytest.raises(InputError):
            pixels_of(path)
        assert tracemalloc.get_traced_memory()[1] < 2 * 2**20
    finally:
        tracemalloc.stop()


def test_missing_file_and_folder() -> None:
    for path in ("nowhere.mha", "."):
        with pytest.raises(InputError, match="no sequence file"):
            read_sweep(path)
