"""The NRRD header (`.nrrd`, `.nhdr`) of a sequence: read and write.

Fields: "Definition of NRRD File Format" (teem.sourceforge.net/nrrd/format.html); those of a sequence as IGSIO writes
them, as NRRD's ``key:=value``.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import BinaryIO

import numpy as np

from ..exceptions import InputError
from .header import Fields, Header, PixelData, data_beside, header_lines, not_a_sequence, whole_numbers
from .metaimage import default_kinds

MAGIC = b"NRRD"

_TYPES = {
    "u1": ("uchar", "unsigned char", "uint8", "uint8_t"),
    "i1": ("signed char", "int8", "int8_t"),
    "u2": ("ushort", "unsigned short", "unsigned short int", "uint16", "uint16_t"),
    "i2": ("short", "short int", "signed short", "signed short int", "int16", "int16_t"),
    "u4": ("uint", "unsigned int", "uint32", "uint32_t"),
    "i4": ("int", "signed int", "int32", "int32_t"),
    "f4": ("float",),
    "f8": ("double",),
}
_ENCODINGS = {"raw": False, "gz": True, "gzip": True}


def read_nrrd(path: Path) -> Header:
    """The header of an NRRD file, attached to its data or not.

    Raises:
        InputError: it is none, is cut off, or stores its pixels in a way that is not read here.
    """
    with path.open("rb") as stream:
        fields, is_closed = _read_fields(stream, path)
        end = stream.tell()
    known = fields.of_file
    if not is_closed and _data_file(known) is None:
        raise InputError(f"The header of {path.name} is cut off; copy the file again.")
    sizes = whole_numbers(known.get("sizes", ""), "sizes", path)
    return Header(
        known, fields.of_frames, sizes, _kinds(known, sizes), _dtype(known, path), _pixel_data(known, end, path)
    )


def _read_fields(stream: BinaryIO, path: Path) -> tuple[Fields, bool]:
    """The fields, and whether the empty line that ends an attached header came."""
    fields = Fields()
    for number, line in enumerate(header_lines(stream, path)):
        if number == 0 and not re.fullmatch(r"NRRD\d{4}", line):
            raise not_a_sequence(path)
        if number > 0 and not line:
            return fields, True
        name, colon, value = line.partition(":")
        if colon and not line.startswith("#"):
            fields.add(name.strip(), value.removeprefix("=").strip())
    return fields, False


def _kinds(known: dict[str, str], sizes: tuple[int, ...]) -> tuple[str, ...]:
    kinds = tuple(known.get("kinds", "").lower().split())
    if len(kinds) == len(sizes) and not {"???", "none"} & set(kinds):
        return kinds
    return default_kinds(sizes)


def _dtype(known: dict[str, str], path: Path) -> np.dtype[np.generic]:
    name = known.get("type", "")
    code = next((code for code, names in _TYPES.items() if name.lower() in names), None)
    if code is None:
        raise InputError(f"{path.name} has pixels of type {name or 'unknown'}; export the sequence with 8-bit pixels.")
    return np.dtype(code).newbyteorder(">" if known.get("endian", "little").lower() == "big" else "<")


def _data_file(known: dict[str, str]) -> str | None:
    return known.get("datafile")


def _pixel_data(known: dict[str, str], end: int, path: Path) -> PixelData:
    encoding = known.get("encoding", "").lower()
    if encoding not in _ENCODINGS:
        raise InputError(f"{path.name} stores its pixels as {encoding or 'unknown'}; export it as raw or gzip.")
    name = _data_file(known)
    if name is not None and (name.upper().split(" ")[0] == "LIST" or "%" in name):
        raise InputError(f"{path.name} spreads its frames over several files; export the sequence as one .nrrd file.")
    data, offset = (path, end) if name is None else (data_beside(path, name), 0)
    skipped = whole_numbers(known.get("byteskip", "0"), "byte skip", path)[0]
    lines = whole_numbers(known.get("lineskip", "0"), "line skip", path)[0]
    if lines or skipped < 0 or (skipped and _ENCODINGS[encoding]):
        raise InputError(f"{path.name} skips a part of its data; export the sequence as one .nrrd file.")
    return PixelData(data, offset + skipped, _ENCODINGS[encoding])


def write_nrrd_header(
    stream: BinaryIO, shape: tuple[int, int, int], frame_fields: list[tuple[str, str]], is_compressed: bool
) -> None:
    """Write a header for (N, H, W) uint8 frames in orientation MF."""
    count, height, width = shape
    lines = ["NRRD0004", "type: uint8", "dimension: 3", f"sizes: {width} {height} {count}", "kinds: domain domain list"]
    lines += ["space dimension: 2", "space directions: (1,0) (0,1) none", "space origin: (0,0)", "endian: little"]
    lines += [f"encoding: {'gz' if is_compressed else 'raw'}"]
    lines += ["ultrasound image orientation:=MFA", "ultrasound image type:=BRIGHTNESS"]
    lines += [f"{name}:={value}" for name, value in frame_fields]
    stream.write("".join(f"{line}\n" for line in [*lines, ""]).encode())
