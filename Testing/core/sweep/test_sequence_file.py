"""Sequence files: header variants, pixel types and layouts, round trips, streaming, and files that are refused."""

from __future__ import annotations

import contextlib
import gzip
import tracemalloc
import zlib
from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk
from hypothesis import given, settings
from hypothesis import strategies as st
from mmhvae.exceptions import InputError
from mmhvae.registration.transforms import exp_se3
from mmhvae.sweep import (
    ArrayFrames,
    Sweep,
    read_calibration,
    read_frames,
    read_sweep,
    write_sequence,
    write_sweep,
)

PLUS = Path(__file__).resolve().parents[4] / "shared" / "data" / "plus"
needs_plus = pytest.mark.skipif(not PLUS.is_dir(), reason=f"the real sequences of PLUS are not in {PLUS}")

PIXELS = np.random.default_rng(0).integers(0, 256, (3, 4, 5), np.uint8)  # (N, H, W)
POSES = exp_se3(np.random.default_rng(1).normal(size=(3, 6)))


def frame_lines(equals: str = " = ", count: int = 3, status: str | None = "OK") -> list[str]:
    lines = []
    for number in range(count):
        start = f"Seq_Frame{number:04d}_"
        matrix = " ".join(repr(float(value)) for value in POSES[number % 3].flat)
        lines.append(f"{start}ImageToReferenceTransform{equals}{matrix} ")
        if status is not None:
            lines.append(f"{start}ImageToReferenceTransformStatus{equals}{status}")
        lines.append(f"{start}Timestamp{equals}{number + 0.5}")
    return lines


def mha(
    data: bytes = PIXELS.tobytes(), changes: dict[str, str | None] | None = None, lines: list[str] | None = None
) -> bytes:
    """A MetaImage file; ``changes`` sets fields, or drops those of None."""
    fields: dict[str, str | None] = {
        "ObjectType": "Image",
        "NDims": "3",
        "BinaryData": "True",
        "BinaryDataByteOrderMSB": "False",
        "CompressedData": "False",
        "DimSize": "5 4 3   ",
        "Kinds": "domain domain list",
        "ElementType": "MET_UCHAR",
        "UltrasoundImageOrientation": "MFA",
    }
    fields |= changes or {}
    last = fields.pop("ElementDataFile", "LOCAL")
    header = [f"{name} = {value}" for name, value in fields.items() if value is not None]
    header += [*(frame_lines() if lines is None else lines), f"ElementDataFile = {last}"]
    return "".join(f"{line}\n" for line in header).encode() + data


def nrrd(
    data: bytes = PIXELS.tobytes(), changes: dict[str, str | None] | None = None, lines: list[str] | None = None
) -> bytes:
    fields: dict[str, str | None] = {
        "type": "uint8",
        "dimension": "3",
        "sizes": "5 4 3",
        "kinds": "domain domain list",
        "encoding": "raw",
        "endian": "little",
    }
    fields |= changes or {}
    header = ["NRRD0004", "# a comment: with a colon", *(f"{n}: {v}" for n, v in fields.items() if v is not None)]
    header += ["ultrasound image orientation:=MFA", *(frame_lines(":=") if lines is None else lines), ""]
    return "".join(f"{line}\n" for line in header).encode() + data


def with_crlf(content: bytes, data: bytes = PIXELS.tobytes()) -> bytes:
    return content.removesuffix(data).replace(b"\n", b"\r\n") + data


def saved(folder: Path, content: bytes, name: str = "sweep.igs.mha") -> Path:
    (folder / name).write_bytes(content)
    return folder / name


def pixels_of(path: Path) -> np.ndarray:
    return np.stack(list(read_frames(path)))


DEFLATED = zlib.compress(PIXELS.tobytes())
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


def test_20000_frames_one_at_a_time(tmp_path: Path) -> None:
    count, shape = 20_000, (32, 32)

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
        assert tracemalloc.get_traced_memory()[1] < 4 * 2**20  # of 20 MiB of pixels
    finally:
        tracemalloc.stop()
    assert sweep.valid.sum() == count


REFUSED = {
    "text": (b"patient,date\n1,2\n", "not a sequence"),
    "binary": (bytes(range(256)) * 10, "not a sequence"),
    "empty": (b"", "cut off"),
    "header cut off": (mha()[:300], "cut off before its ElementDataFile"),
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


def test_invalid_images_and_frames_without_fields_are_not_valid(tmp_path: Path) -> None:
    lines = [*frame_lines(count=2), "Seq_Frame0000_ImageStatus = INVALID", "Seq_Frame0001_Status = OK"]
    sweep = read_sweep(saved(tmp_path, mha(lines=lines)))
    assert sweep.valid.tolist() == [False, True, False]
    assert np.isnan(sweep.timestamps[2])


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


def test_missing_file_and_folder() -> None:
    for path in ("nowhere.mha", "."):
        with pytest.raises(InputError, match="no sequence file"):
            read_sweep(path)


# Real files.

FREEHAND = ["NwirePhantomFreehand.igs.mha", "NwirePhantomFreehand.igs.nrrd"]
IMAGE_TO_PROBE = "-0.0094 -0.0739 -0.0028 -103.5322 0.0774 -0.0076 -0.0049 -43.1227 0.0046 -0.0032 0.076 -93.3 0 0 0 1"


@needs_plus
def test_real_mha_and_nrrd_are_the_same_and_as_itk_reads_them() -> None:
    sweeps = [read_sweep(PLUS / name, read_calibration(IMAGE_TO_PROBE)) for name in FREEHAND]
    pixels = sitk.GetArrayFromImage(sitk.ReadImage(str(PLUS / FREEHAND[0])))
    assert pixels.shape == (97, 616, 820)
    for sweep in sweeps:
        assert sweep.frames.shape == (616, 820)
        assert sweep.valid.all()
        assert all((frame == expected).all() for frame, expected in zip(sweep.frames, pixels, strict=True))
    assert (sweeps[0].image_to_reference == sweeps[1].image_to_reference).all()
    assert (sweeps[0].timestamps == sweeps[1].timestamps).all()
    assert sweeps[0].timestamps[[0, 96]].tolist() == [345.627957, 355.783014]


@needs_plus
def test_real_poses_follow_the_formula_of_their_description() -> None:
    calibration = read_calibration(IMAGE_TO_PROBE)
    sweep = read_sweep(PLUS / FREEHAND[0], calibration)
    values = dict(
        (part.strip() for part in line.split("=", 1))
        for line in (PLUS / FREEHAND[0]).read_bytes().split(b"ElementDataFile")[0].decode().splitlines()
        if "Transform =" in line
    )
    for number in (0, 50, 96):
        probe, reference = (
            np.array(values[f"Seq_Frame{number:04d}_{name}ToTrackerTransform"].split(), float).reshape(4, 4)
            for name in ("Probe", "Reference")
        )
        expected = np.linalg.inv(reference) @ probe @ calibration
        np.testing.assert_allclose(sweep.image_to_reference[number], expected, rtol=0, atol=1e-9)


@needs_plus
def test_real_colour_frame_becomes_luminance() -> None:
    path = PLUS / "ColorNrrdSample.igs.nrrd"
    (frame,) = read_frames(path)
    colours = sitk.GetArrayFromImage(sitk.ReadImage(str(path)))
    assert frame.shape == (648, 1152)
    np.testing.assert_allclose(frame, colours @ [0.299, 0.587, 0.114], atol=0.5001)
    with pytest.raises(InputError, match="no tracking"):
        read_sweep(path)


@needs_plus
def test_a_reconstructed_volume_is_no_tracked_sequence() -> None:
    with pytest.raises(InputError, match="no tracking"):
        read_sweep(PLUS / "NwirePhantomFreehandReconstructed.mha")


@needs_plus
def test_real_sequence_cut_off(tmp_path: Path) -> None:
    content = (PLUS / FREEHAND[1]).read_bytes()
    sweep = read_sweep(saved(tmp_path, content[: len(content) // 2], "s.igs.nrrd"), read_calibration(IMAGE_TO_PROBE))
    with pytest.raises(InputError, match="cut off"):
        list(sweep.frames)
