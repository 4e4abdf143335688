"""Readers of image files that share no code with ITK: nibabel, and a few lines for what we write of NRRD and MHA."""

from __future__ import annotations

import gzip
import re
import zlib
from pathlib import Path

import nibabel
import numpy as np
from numpy.typing import NDArray

_NRRD = {
    "unsigned char": "u1", "signed char": "i1", "short": "i2", "unsigned short": "u2", "int": "i4",
    "unsigned int": "u4", "long long int": "i8", "unsigned long long int": "u8", "float": "f4", "double": "f8",
}  # fmt: skip
_META = {
    "MET_UCHAR": "u1", "MET_CHAR": "i1", "MET_SHORT": "i2", "MET_USHORT": "u2", "MET_INT": "i4", "MET_UINT": "u4",
    "MET_LONG": "i8", "MET_ULONG": "u8", "MET_LONG_LONG": "i8", "MET_ULONG_LONG": "u8", "MET_FLOAT": "f4",
    "MET_DOUBLE": "f8",
}  # fmt: skip


def read_plainly(path: Path) -> tuple[NDArray[np.generic], NDArray[np.float64]]:
    """Voxels (k, j, i), and (4, 4) from their indices (i, j, k) to RAS mm."""
    if path.suffix == ".nrrd":
        return _nrrd(path.read_bytes())
    if path.suffix == ".mha":
        return _meta(path.read_bytes())
    image = nibabel.load(path)
    return np.asarray(image.dataobj).transpose(), image.affine


def _nrrd(content: bytes) -> tuple[NDArray[np.generic], NDArray[np.float64]]:
    head, _, data = content.partition(b"\n\n")
    fields = dict(line.split(": ", 1) for line in head.decode("ascii").splitlines() if ": " in line)
    assert fields["space"] == "left-posterior-superior"
    columns = re.findall(r"\(([^)]*)\)", fields["space directions"])
    order = "<" if fields.get("endian", "little") == "little" else ">"
    data = gzip.decompress(data) if fields["encoding"].startswith("gz") else data
    array = np.frombuffer(data, order + _NRRD[fields["type"]]).reshape([int(n) for n in fields["sizes"].split()][::-1])
    directions = np.array([[float(x) for x in column.split(",")] for column in columns]).T
    return array, _in_ras(directions, [float(x) for x in fields["space origin"].strip("()").split(",")])


def _meta(content: bytes) -> tuple[NDArray[np.generic], NDArray[np.float64]]:
    head, mark, data = content.partition(b"ElementDataFile = LOCAL\n")
    assert mark
    fields = dict(line.split(" = ", 1) for line in head.decode("ascii").splitlines())
    numbers = {
        name: [float(x) for x in fields[name].split()] for name in ("TransformMatrix", "Offset", "ElementSpacing")
    }
    data = zlib.decompress(data) if fields["CompressedData"] == "True" else data
    order = ">" if fields["BinaryDataByteOrderMSB"] == "True" else "<"
    shape = [int(n) for n in fields["DimSize"].split()][::-1]
    directions = np.reshape(numbers["TransformMatrix"], (3, 3)).T * numbers["ElementSpacing"]
    return np.frombuffer(data, order + _META[fields["ElementType"]]).reshape(shape), _in_ras(
        directions, numbers["Offset"]
    )


def _in_ras(directions: NDArray[np.float64], origin: list[float]) -> NDArray[np.float64]:
    matrix = np.eye(4)
    matrix[:3, :3], matrix[:3, 3] = directions, origin
    return np.diag([-1.0, -1.0, 1.0, 1.0]) @ matrix
