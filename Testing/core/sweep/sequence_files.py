"""Sequence files as bytes: MetaImage and NRRD with any header, and what they hold."""

from __future__ import annotations

import zlib
from pathlib import Path

import numpy as np
from mmhvae.images.transforms import exp_se3
from mmhvae.sweep.sequence_file import read_frames

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


Changes = dict[str, str | None] | None
Lines = list[str] | None


def mha(data: bytes = PIXELS.tobytes(), changes: Changes = None, lines: Lines = None) -> bytes:
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


def nrrd(data: bytes = PIXELS.tobytes(), changes: Changes = None, lines: Lines = None) -> bytes:
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
