"""What ITK lets pass in NIfTI files: data cut off, voxel spacings of 0, and voxels that are not finite.

ITK reads a file that was cut off as if the rest were there, writes to a full disk without an error, takes a
spacing of 0, NaN or infinity for 1 mm, and a voxel of NaN or infinity for 0. Its other formats hide none of this.
Offsets in the header: NIfTI-1.1 (2007) and NIfTI-2 (2011), nifti.nimh.nih.gov; Analyze 7.5 shares those of NIfTI-1.
"""

from __future__ import annotations

import gzip
import math
import os
import struct
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import numpy as np

from ..exceptions import InputError

LONGEST_HEADER = 540  # bytes; that of NIfTI-2
FLOATING = {16: "f4", 64: "f8"}  # datatype codes -> numpy's, without the byte order


@dataclass(frozen=True)
class _Header:
    """How the data is stored, and ``spacing`` in mm along the first three axes; ``order`` as in :mod:`struct`."""

    order: str
    datatype: int
    voxels: int
    bits: int
    offset: int
    spacing: tuple[float, ...]

    @property
    def is_floating(self) -> bool:
        return self.datatype in FLOATING and self.bits == 8 * np.dtype(FLOATING[self.datatype]).itemsize

    @property
    def needed(self) -> int:
        """Bytes of the file that holds the data."""
        return self.offset + self.voxels * self.bits // 8


def check_nifti(path: Path, name: str) -> None:
    """Pass any file whose name is not that of a NIfTI or Analyze file, and those that are sound.

    Raises:
        InputError: the file is damaged or cut off; or a spacing is 0, NaN or infinite; or a voxel NaN or infinite.
    """
    if not is_whole(path):
        raise InputError(f"{path} is damaged or cut off; copy or save the {name} again.")
    header = _read_header(path)
    if header is None:
        return
    if not all(math.isfinite(s) and s != 0 for s in header.spacing):
        raise InputError(f"{path} states no usable voxel spacing; correct it, in millimetres, and save it again.")
    if header.is_floating and not np.isfinite(_floats(path, header)).all():
        raise InputError(f"The {name} ({path.name}) holds NaN or infinite voxels; replace them, for instance by 0.")


def _floats(path: Path, header: _Header) -> np.ndarray:
    with _opened(_sibling(path, ".img")) as stream:
        stream.seek(header.offset)
        content = stream.read(header.needed - header.offset)
    return np.frombuffer(content, header.order + FLOATING[header.datatype])


def is_whole(path: Path) -> bool:
    """Whether the file holds every byte that its header announces; true of what is no NIfTI or Analyze file."""
    try:
        header = _read_header(path)
        if header is None:
            return True
        with _opened(_sibling(path, ".img")) as stream:
            return stream.seek(0, os.SEEK_END) >= header.needed  # unpacks a .gz to its end, and checks its checksum
    except (EOFError, zlib.error, OSError):
        return False


def _read_header(path: Path) -> _Header | None:
    if not path.name.lower().endswith((".nii", ".nii.gz", ".hdr", ".img")):
        return None
    with _opened(_sibling(path, ".hdr")) as stream:
        start = stream.read(LONGEST_HEADER)
    for order in "<>":
        if start[:4] == struct.pack(f"{order}i", 348) and len(start) >= 348:
            return _parsed(start, order, dim=(40, "8h"), kind=70, pixdim=(76, "8f"), offset=(108, "f"))
        if start[:4] == struct.pack(f"{order}i", 540) and len(start) >= 540:
            return _parsed(start, order, dim=(16, "8q"), kind=12, pixdim=(104, "8d"), offset=(168, "q"))
    return None


def _parsed(
    start: bytes, order: str, dim: tuple[int, str], kind: int, pixdim: tuple[int, str], offset: tuple[int, str]
) -> _Header:
    count, *sizes = struct.unpack_from(order + dim[1], start, dim[0])
    spacing = struct.unpack_from(order + pixdim[1], start, pixdim[0])[1:]
    (first,) = struct.unpack_from(order + offset[1], start, offset[0])
    datatype, bits = struct.unpack_from(order + "2h", start, kind)
    return _Header(
        order=order,
        datatype=datatype,
        voxels=math.prod(max(1, n) for n in sizes[:count]),
        bits=max(0, bits),
        offset=max(0, int(first)) if math.isfinite(first) else 0,
        spacing=spacing[: min(count, 3)],
    )


def _sibling(path: Path, suffix: str) -> Path:
    """The other file of a pair (.hdr, .img); a .nii file is its own."""
    return path.with_suffix(suffix) if path.suffix.lower() in (".hdr", ".img") else path


def _opened(path: Path) -> gzip.GzipFile | BinaryIO:
    with open(path, "rb") as stream:
        packed = stream.read(2) == b"\x1f\x8b"
    return gzip.open(path) if packed else open(path, "rb")
