"""Volume nodes to files that the engine reads, and its files back to voxels; nothing here changes a node or the scene.

The files are MetaImage, not compressed, with every digit of the geometry; written and read in pieces (see
:mod:`.steps`), since a large volume takes longer than a screen may stand still.
"""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import vtk
from mmhvae import InputError
from numpy.typing import NDArray
from vtk.util import numpy_support

from ..engine import CHUNK
from .geometry import FLIP, Matrix, ijk_to_world
from .nifti_place import require_known_place

_ELEMENT_TYPES = {
    "u1": "MET_UCHAR",
    "i1": "MET_CHAR",
    "u2": "MET_USHORT",
    "i2": "MET_SHORT",
    "u4": "MET_UINT",
    "i4": "MET_INT",
    "u8": "MET_ULONG_LONG",
    "i8": "MET_LONG_LONG",
    "f4": "MET_FLOAT",
    "f8": "MET_DOUBLE",
}
_TYPES = {name: code for code, name in _ELEMENT_TYPES.items()}
_LONGEST_HEADER = 4096


@dataclass(frozen=True)
class FileImage:
    """Voxels (k, j, i) of a file, and (4, 4) from their indices (i, j, k) to RAS mm."""

    array: NDArray[Any]
    ijk_to_ras: Matrix


def require_volume(node: Any) -> None:
    """Refuse what is not a grey-level volume of two or more voxels an axis in a place that a file can hold.

    Raises:
        InputError: one sentence that says why.
    """
    name, image = node.GetName(), node.GetImageData()
    if image is None or image.GetPointData().GetScalars() is None or min(image.GetDimensions()) < 1:
        raise InputError(f"{name} is empty; choose a volume that shows something.")
    if image.GetNumberOfScalarComponents() != 1:
        raise InputError(f"{name} has several values a voxel (colours, vectors or times); choose a grey-level volume.")
    if min(image.GetDimensions()) < 2:
        raise InputError(f"{name} is a single slice; choose a volume of two or more slices.")
    require_known_place(node)
    ijk_to_world(node)


def voxels(node: Any) -> NDArray[Any]:
    """The voxels of a node (k, j, i), not copied."""
    image = node.GetImageData()
    array = numpy_support.vtk_to_numpy(image.GetPointData().GetScalars())
    return array.reshape(tuple(reversed(image.GetDimensions())))


def write_volume_steps(node: Any, path: Path, place: Matrix | None = None) -> Generator[float, None, None]:
    """Write a volume node, piece by piece; yields the share that is done.

    Args:
        node: the volume.
        path: of the new file.
        place: (4, 4) from indices to RAS mm; by default where the node is in world coordinates.

    Raises:
        InputError: as :func:`require_volume`, or the disk is full.
    """
    require_volume(node)
    place = ijk_to_world(node) if place is None else place
    yield from write_image_steps(voxels(node), FLIP @ place, path, node.GetName())


def write_image_steps(
    array: NDArray[Any], ijk_to_lps: Matrix, path: Path, name: str = "The image"
) -> Generator[float, None, None]:
    """Write voxels (k, j, i) that lie where (4, 4) ``ijk_to_lps`` says, piece by piece; yields the share that is done.

    Raises:
        InputError: voxels of a type that files do not hold, or the disk is full; it begins with ``name``.
    """
    code = array.dtype.newbyteorder("=").str[1:]
    if code not in _ELEMENT_TYPES:
        raise InputError(f"{name} has voxels of type {array.dtype}; convert it to a usual type (Cast).")
    data = array.reshape(-1).view(np.uint8).data
    try:
        with path.open("xb", buffering=0) as stream:
            stream.write(_header(array, code, ijk_to_lps))
            for start in range(0, len(data), CHUNK):
                _write_all(stream, data[start : start + CHUNK])
                yield min(1.0, (start + CHUNK) / len(data))
    except OSError as error:
        raise InputError(f"{name} cannot be written to {path.parent}; free some space there.") from error


def _write_all(stream: Any, data: memoryview) -> None:
    while data:  # a file without a buffer may take only a part
        data = data[stream.write(data) :]


def _header(array: NDArray[Any], code: str, ijk_to_lps: Matrix) -> bytes:
    spacing = np.linalg.norm(ijk_to_lps[:3, :3], axis=0)
    # ITK's columns are the file's rows.
    directions = (ijk_to_lps[:3, :3] / spacing).T
    lines = [
        "ObjectType = Image",
        "NDims = 3",
        "BinaryData = True",
        "BinaryDataByteOrderMSB = False",
        "CompressedData = False",
        f"TransformMatrix = {_numbers(directions.ravel())}",
        f"Offset = {_numbers(ijk_to_lps[:3, 3])}",
        "CenterOfRotation = 0 0 0",
        f"ElementSpacing = {_numbers(spacing)}",
        f"DimSize = {' '.join(str(n) for n in reversed(array.shape))}",
        f"ElementType = {_ELEMENT_TYPES[code]}",
        "ElementDataFile = LOCAL",
    ]
    return "".join(f"{line}\n" for line in lines).encode("ascii")


def _numbers(values: NDArray[np.float64]) -> str:
    return " ".join(repr(float(value)) for value in values)


def read_steps(path: Path) -> Generator[float, None, FileImage]:
    """Read an image that the engine wrote (MetaImage, not compressed), piece by piece.

    Raises:
        InputError: the file is missing or damaged.
    """
    try:
        with path.open("rb", buffering=0) as stream:
            fields, start = _read_header(stream.read(_LONGEST_HEADER))
            sizes = [int(text) for text in fields["DimSize"].split()]
            array = np.empty(sizes[::-1], np.dtype(f"<{_TYPES[fields['ElementType']]}"))
            data = array.reshape(-1).view(np.uint8).data
            stream.seek(start)
            done = 0
            while done < len(data):
                count = stream.readinto(data[done : done + CHUNK])
                if not count:
                    raise ValueError("cut off")
                done += count
                yield done / len(data)
    except (OSError, ValueError, KeyError) as error:
        raise InputError("A result of the engine cannot be read; free some space on the disk, and retry.") from error
    return FileImage(array, FLIP @ _ijk_to_lps(fields))


def _read_header(content: bytes) -> tuple[dict[str, str], int]:
    mark = content.index(b"ElementDataFile")
    start = content.index(b"\n", mark) + 1
    pairs = [line.split("=", 1) for line in content[:start].decode("ascii").splitlines()]
    fields = {name.strip(): value.strip() for name, value in pairs}
    if fields.get("CompressedData") == "True" or fields["ElementDataFile"] != "LOCAL":
        raise ValueError("not a plain image")
    return fields, start


def _ijk_to_lps(fields: dict[str, str]) -> Matrix:
    directions, offset, spacing = (
        np.array([float(text) for text in fields[name].split()])
        for name in ("TransformMatrix", "Offset", "ElementSpacing")
    )
    matrix = np.eye(4)
    matrix[:3, :3] = directions.reshape(3, 3).T * spacing
    matrix[:3, 3] = offset
    return matrix


def image_data(array: NDArray[Any]) -> Any:
    """Voxels (k, j, i) as vtkImageData, not copied, with the unit spacing and zero origin that volume nodes expect."""
    image = vtk.vtkImageData()
    image.SetDimensions(*reversed(array.shape))
    image.GetPointData().SetScalars(numpy_support.numpy_to_vtk(np.ascontiguousarray(array).reshape(-1)))
    return image
