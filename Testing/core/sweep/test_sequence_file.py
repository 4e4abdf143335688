"""Sequence files read: header variants, pixel types and layouts, orientation and validity."""

from __future__ import annotations

import gzip
import zlib
from pathlib import Path

import numpy as np
import pytest
from mmhvae.sweep.sequence_file import read_sweep

from .sequence_files import DEFLATED, PIXELS, POSES, frame_lines, mha, nrrd, pixels_of, saved, with_crlf

GZIPPED = gzip.compress(PIXELS.tobytes())


INTERLEAVED = np.moveaxis(PIXELS, 0, -1).tobytes()


VARIANTS = {
    "as PLUS writes it": mha(),
    "no status": mha(lines=frame_lines(status=None)),
    "status in lower case": mha(lines=frame_lines(status="ok")),
    "CRLF": with_crlf(mha()),
    "unknown fields": mha(changes={"Modality": "MET_MOD_OTHER", "Comment": "a = b = c", "Freeze Mode": ""}),
    "no spaces at the equals sign": mha(lines=frame_lines("=")),
    "compressed": mha(DEFLATED, {"CompressedData": "TRUE", "CompressedDataSize": f"{len(DEFLATED)}   "}),
    "compressed, size not given": mha(DEFLATED, {"CompressedData": "true"}),
    "bytes after the data": mha(PIXELS.tobytes() + b"\n\n"),
    "bytes after compressed data": mha(DEFLATED + b"\n\n", {"CompressedData": "True"}),
    "no kinds": mha(changes={"Kinds": None}),
    "no orientation": mha(changes={"UltrasoundImageOrientation": None}),
    "most significant byte first": mha(changes={"BinaryDataByteOrderMSB": "True"}),
    "four axes": mha(changes={"NDims": "4", "DimSize": "5 4 1 3", "Kinds": "domain domain domain list"}),
    "four axes, no kinds": mha(changes={"NDims": "4", "DimSize": "5 4 1 3", "Kinds": None}),
    "frames called a domain": mha(changes={"Kinds": "domain domain domain"}),
    "frames called time": mha(changes={"Kinds": "domain domain time"}),
    "frames first": mha(INTERLEAVED, {"DimSize": "3 5 4", "Kinds": "list domain domain"}),
    "frames first, compressed": mha(
        zlib.compress(INTERLEAVED), {"DimSize": "3 5 4", "Kinds": "list domain domain", "CompressedData": "True"}
    ),
    "frames between": mha(PIXELS.swapaxes(0, 1).tobytes(), {"DimSize": "5 3 4", "Kinds": "domain list domain"}),
    "field names in other capitals": mha().replace(b"DimSize", b"DIMSIZE").replace(b"Seq_Frame", b"SEQ_frame"),
    "16 bits that fit into 8": mha(PIXELS.astype("<u2").tobytes(), {"ElementType": "MET_USHORT"}),
    "16 bits, other order": mha(
        PIXELS.astype(">i2").tobytes(), {"ElementType": "MET_SHORT", "BinaryDataByteOrderMSB": "TRUE"}
    ),
    "grey as RGB": mha(np.repeat(PIXELS, 3).tobytes(), {"ElementNumberOfChannels": "3"}),
    "NRRD": nrrd(),
    "NRRD, CRLF": with_crlf(nrrd()),
    "NRRD, gzip": nrrd(GZIPPED, {"encoding": "gz"}),
    "NRRD, gzip in two members": nrrd(
        gzip.compress(PIXELS.tobytes()[:7]) + gzip.compress(PIXELS.tobytes()[7:]), {"encoding": "gzip"}
    ),
    "NRRD, no kinds": nrrd(changes={"kinds": None}),
    "NRRD, unknown kinds": nrrd(changes={"kinds": "??? ??? ???"}),
    "NRRD, spelled out type": nrrd(changes={"type": "unsigned char", "kinds": "domain   domain \t list"}),
    "NRRD, big endian": nrrd(PIXELS.astype(">u2").tobytes(), {"type": "ushort", "endian": "big"}),
    "NRRD, Slicer's frames first": nrrd(
        INTERLEAVED, {"dimension": "4", "sizes": "3 5 4 1", "kinds": "list domain domain domain"}
    ),
    "NRRD, colour": nrrd(
        np.repeat(PIXELS, 3).tobytes(),
        {"dimension": "4", "sizes": "3 5 4 3", "kinds": "RGB-color domain domain list"},
    ),
    "NRRD, colour planes": nrrd(
        np.repeat(PIXELS[:, None], 3, 1).tobytes(),
        {"dimension": "4", "sizes": "5 4 3 3", "kinds": "domain domain vector list"},
    ),
}


@pytest.mark.parametrize("variant", VARIANTS)
def test_header_variants(tmp_path: Path, variant: str) -> None:
    sweep = read_sweep(saved(tmp_path, VARIANTS[variant]))
    for _ in range(2):  # frames can be read again
        np.testing.assert_array_equal(np.stack(list(sweep.frames)), PIXELS)
    assert sweep.frames.shape == (4, 5)
    assert len(sweep.frames) == 3
    assert (sweep.image_to_reference == POSES).all()
    assert sweep.valid.all()
    assert sweep.timestamps.tolist() == [0.5, 1.5, 2.5]


@pytest.mark.parametrize("together", [1, 20, 41])
def test_interleaved_frames_in_groups(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, together: int) -> None:
    monkeypatch.setattr("mmhvae.sweep.pixels._GROUP_BYTES", together)  # of 20 bytes a frame
    monkeypatch.setattr("mmhvae.sweep.pixels._CHUNK", 7)
    assert (pixels_of(saved(tmp_path, VARIANTS["frames first, compressed"])) == PIXELS).all()


@pytest.mark.parametrize("is_compressed", [False, True])
@pytest.mark.parametrize("folder", ["", "data/"])
def test_pixels_in_a_file_of_their_own(tmp_path: Path, is_compressed: bool, folder: str) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / folder / "s.raw").write_bytes(DEFLATED if is_compressed else PIXELS.tobytes())
    (tmp_path / folder / "s.gz").write_bytes(GZIPPED if is_compressed else PIXELS.tobytes())
    changes = {"ElementDataFile": f"{folder}s.raw", "CompressedData": str(is_compressed)}
    assert (pixels_of(saved(tmp_path, mha(b"", changes), "s.mhd")) == PIXELS).all()
    changes = {"data file": f"{folder}s.gz", "encoding": "gzip" if is_compressed else "raw"}
    assert (pixels_of(saved(tmp_path, nrrd(b"", changes).rstrip(b"\n"), "s.nhdr")) == PIXELS).all()


def test_bytes_before_the_pixels_are_skipped(tmp_path: Path) -> None:
    (tmp_path / "s.raw").write_bytes(b"1234567" + PIXELS.tobytes())
    changes = {"ElementDataFile": "s.raw", "HeaderSize": "7"}
    assert (pixels_of(saved(tmp_path, mha(b"", changes), "s.mhd")) == PIXELS).all()
    changes = {"data file": "s.raw", "byte skip": "7"}
    assert (pixels_of(saved(tmp_path, nrrd(b"", changes), "s.nhdr")) == PIXELS).all()


@pytest.mark.parametrize("dims", [("2", "5 4", None), ("2", "5 4", "domain domain"), ("3", "5 4 1", None)])
def test_a_single_frame(tmp_path: Path, dims: tuple[str, str, str | None]) -> None:
    changes = dict(zip(("NDims", "DimSize", "Kinds"), dims, strict=True))
    sweep = read_sweep(saved(tmp_path, mha(PIXELS[:1].tobytes(), changes, frame_lines(count=1))))
    assert (next(iter(sweep.frames)) == PIXELS[0]).all()
    assert sweep.image_to_reference.shape == (1, 4, 4)


@pytest.mark.parametrize(
    ("letters", "expected"),
    [
        ("MF", PIXELS),
        ("UFA", PIXELS[:, :, ::-1]),
        ("MN", PIXELS[:, ::-1]),
        ("und", PIXELS[:, ::-1, ::-1]),
        ("FM", PIXELS.swapaxes(1, 2)),
        ("FU", PIXELS.swapaxes(1, 2)[:, :, ::-1]),
        ("NM", PIXELS.swapaxes(1, 2)[:, ::-1]),
        ("NU", PIXELS.swapaxes(1, 2)[:, ::-1, ::-1]),
    ],
)
def test_frames_are_turned_to_marked_far_and_their_poses_stay(
    tmp_path: Path, letters: str, expected: np.ndarray
) -> None:
    sweep = read_sweep(saved(tmp_path, mha(changes={"UltrasoundImageOrientation": letters})))
    np.testing.assert_array_equal(np.stack(list(sweep.frames)), expected)
    assert sweep.frames.shape == expected.shape[1:]
    assert (sweep.image_to_reference == POSES).all()


@pytest.mark.parametrize("dtype", ["u1", "<f4"])
def test_colours_become_luminance(tmp_path: Path, dtype: str) -> None:
    colours = np.random.default_rng(2).integers(0, 256, (3, 4, 5, 4))
    colours[0, 0, 0, :3] = 255
    changes = {"ElementNumberOfChannels": "4", "ElementType": {"u1": "MET_UCHAR", "<f4": "MET_FLOAT"}[dtype]}
    found = pixels_of(saved(tmp_path, mha(colours.astype(dtype).tobytes(), changes)))
    np.testing.assert_allclose(found, colours[..., :3] @ [0.299, 0.587, 0.114], atol=0.5001)


@pytest.mark.parametrize(
    ("name", "dtype", "greatest"), [("MET_USHORT", "<u2", 4095), ("MET_FLOAT", "<f4", 1.0), ("MET_INT", "<i4", 10**6)]
)
def test_wider_pixels_are_scaled_alike_in_all_frames(tmp_path: Path, name: str, dtype: str, greatest: float) -> None:
    wide = (PIXELS / PIXELS.max() * greatest).astype(dtype)
    found = pixels_of(saved(tmp_path, mha(wide.tobytes(), {"ElementType": name})))
    np.testing.assert_allclose(found, wide / greatest * 255, atol=0.501)


def test_invalid_images_and_frames_without_fields_are_not_valid(tmp_path: Path) -> None:
    lines = [*frame_lines(count=2), "Seq_Frame0000_ImageStatus = INVALID", "Seq_Frame0001_Status = OK"]
    sweep = read_sweep(saved(tmp_path, mha(lines=lines)))
    assert sweep.valid.tolist() == [False, True, False]
    assert np.isnan(sweep.timestamps[2])
