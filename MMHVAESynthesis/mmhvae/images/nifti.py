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
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import numpy as np

from ..exceptions import InputError

SHORTEST_HEADER, LONGEST_HEADER = 348, 540  # bytes; of NIfTI-1 and NIfTI-2
FLOATING = {16: "f4", 64: "f8"}  # datatype codes -> numpy's, without the byte order


@dataclass(frozen=True)
class NiftiHeader:
    """How the data is stored (``order`` as in :mod:`struct`), and what is said about where the voxels lie.

    Attributes:
        sizes: along the axes that there are.
        spacing: along the first three axes, in the file's unit.
        handedness: -1 where the third axis of the qform is turned round, else 1.
        codes: of the qform and the sform; 0 for one that is not set.
        quaternion: b, c, d of the qform's rotation.
        offset_mm: of the qform.
        sform: three rows of an affine matrix from indices to RAS.
        unit: code of the unit of length; 2 is the millimetre, 0 none.
        is_analyze: Analyze 7.5, which has neither form.
    """

    order: str
    datatype: int
    voxels: int
    bits: int
    offset: int
    sizes: tuple[int, ...]
    spacing: tuple[float, ...]
    handedness: float
    codes: tuple[int, int]
    quaternion: tuple[float, ...]
    offset_mm: tuple[float, ...]
    sform: tuple[float, ...]
    unit: int
    is_analyze: bool

    @property
    def is_floating(self) -> bool:
        return self.datatype in FLOATING and self.bits == 8 * np.dtype(FLOATING[self.datatype]).itemsize

    @property
    def needed(self) -> int:
        """Bytes of the file that holds the data."""
        return self.offset + self.voxels * self.bits // 8


def check_nifti(path: Path, name: str) -> None:
    """Pass any file whose name is not that of a NIfTI or Analyze file, and those whose data is sound.

    Raises:
        InputError: the file is damaged or cut off; or a spacing is 0, NaN or infinite; or a voxel NaN or infinite.
    """
    if not is_whole(path):
        raise InputError(f"{path} is damaged or cut off; copy or save the {name} again.")
    header = read_header(path)
    if header is None:
        return
    if not all(math.isfinite(s) and s != 0 for s in header.spacing):
        raise InputError(f"{path} states no usable voxel spacing; correct it, in millimetres, and save it again.")
    if header.is_floating and not np.isfinite(_floats(path, header)).all():
        raise InputError(f"The {name} ({path.name}) holds NaN or infinite voxels; replace them, for instance by 0.")


def _floats(path: Path, header: NiftiHeader) -> np.ndarray:
    with _opened(_sibling(path, ".img")) as stream:
        stream.seek(header.offset)
        content = stream.read(header.needed - header.offset)
    return np.frombuffer(content, header.order + FLOATING[header.datatype])


def is_whole(path: Path) -> bool:
    """Whether the file holds every byte that its header announces; true of one of another format."""
    try:
        header = read_header(path)
        if header is None:
            return True
        with _opened(_sibling(path, ".img")) as stream:
            return stream.seek(0, os.SEEK_END) >= header.needed  # unpacks a .gz to its end, and checks its checksum
    except (EOFError, zlib.error, OSError):
        return False


def is_nifti_name(path: Path) -> bool:
    """Whether ITK takes a file of this name for NIfTI or Analyze."""
    return path.name.lower().endswith((".nii", ".nii.gz", ".hdr", ".img", ".img.gz"))


def read_header(path: Path) -> NiftiHeader | None:
    """The header; None where name or content are those of another format.

    Raises:
        EOFError: the file ends before a header does.
        OSError, zlib.error: it cannot be read.
    """
    if not is_nifti_name(path):
        return None
    with _opened(_sibling(path, ".hdr")) as stream:
        start = stream.read(LONGEST_HEADER)
    for order in "<>":
        if start[:4] == struct.pack(f"{order}i", 348) and len(start) >= 348:
            return _parsed(start, order, _NIFTI_1)
        if start[:4] == struct.pack(f"{order}i", 540) and len(start) >= 540:
            return _parsed(start, order, _NIFTI_2)
    if len(start) < SHORTEST_HEADER:
        raise EOFError("cut off")
    return None


#: Where the fields lie, and their types.
_NIFTI_1 = {
    "dim": (40, "8h"), "kind": (70, "2h"), "pixdim": (76, "8f"), "offset": (108, "f"), "unit": (123, "B"),
    "codes": (252, "2h"), "quaternion": (256, "3f"), "offset_mm": (268, "3f"), "sform": (280, "12f"),
}  # fmt: skip
_NIFTI_2 = {
    "dim": (16, "8q"), "kind": (12, "2h"), "pixdim": (104, "8d"), "offset": (168, "q"), "unit": (500, "i"),
    "codes": (344, "2i"), "quaternion": (352, "3d"), "offset_mm": (376, "3d"), "sform": (400, "12d"),
}  # fmt: skip


def _parsed(start: bytes, order: str, layout: Mapping[str, tuple[int, str]]) -> NiftiHeader:
    fields = {name: struct.unpack_from(order + kind, start, place) for name, (place, kind) in layout.items()}
    count, *sizes = fields["dim"]
    first, (datatype, bits) = fields["offset"][0], fields["kind"]
    return NiftiHeader(
        order=order,
        datatype=datatype,
        voxels=math.prod(max(1, n) for n in sizes[:count]),
        bits=max(0, bits),
        offset=max(0, int(first)) if math.isfinite(first) else 0,
        sizes=tuple(sizes[: max(0, count)]),
        spacing=fields["pixdim"][1 : 1 + max(0, min(count, 3))],
        handedness=-1.0 if fields["pixdim"][0] < 0 else 1.0,
        codes=fields["codes"],
        quaternion=fields["quaternion"],
        offset_mm=fields["offset_mm"],
        sform=fields["sform"],
        unit=fields["unit"][0] & 7,
        is_analyze=layout is _NIFTI_1 and start[344:347] not in (b"n+1", b"ni1"),
    )


def _sibling(path: Path, suffix: str) -> Path:
    """The other file of a pair (.hdr, .img), packed or not; a .nii file is its own."""
    stem = path.name.lower().removesuffix(".gz")
    if not stem.endswith((".hdr", ".img")):
        return path
    base = path.with_name(path.name[: len(stem) - 4])
    found = [base.with_name(base.name + end) for end in (suffix, suffix.upper(), f"{suffix}.gz")]
    return next((file for file in found if file.exists()), found[0])


def _opened(path: Path) -> gzip.GzipFile | BinaryIO:
    with open(path, "rb") as stream:
        packed = stream.read(2) == b"\x1f\x8b"
    return gzip.open(path) if packed else open(path, "rb")
