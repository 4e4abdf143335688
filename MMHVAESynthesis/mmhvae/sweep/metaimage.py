"""The MetaImage header (`.mha`, `.mhd`) of a sequence: read and write.

Fields: MetaIO's documentation (itk.org/Wiki/ITK/MetaIO); those of a sequence: PLUS's user manual, "Sequence file".
"""

from __future__ import annotations

from pathlib import Path
from typing import BinaryIO

import numpy as np

from ..exceptions import InputError
from .header import Fields, Header, PixelData, data_beside, header_lines, is_true, not_a_sequence, whole_numbers

_TYPES = {
    "met_uchar": "u1",
    "met_char": "i1",
    "met_ushort": "u2",
    "met_short": "i2",
    "met_uint": "u4",
    "met_int": "i4",
    "met_float": "f4",
    "met_double": "f8",
}
_FIRST_FIELDS = {"objecttype", "ndims", "dimsize", "comment", "objectsubtype"}
_WIDTH_OF_SIZE = 20  # characters kept free for a number that is known only when all is written


def read_metaimage(path: Path) -> Header:
    """The header of a MetaImage file.

    Raises:
        InputError: it is none, is cut off, or stores its pixels in a way that is not read here.
    """
    with path.open("rb") as stream:
        fields = _read_fields(stream, path)
        end = stream.tell()
    known = fields.of_file
    channels = whole_numbers(known.get("elementnumberofchannels", "1"), "ElementNumberOfChannels", path)[0]
    sizes = whole_numbers(known.get("dimsize", ""), "DimSize", path)
    kinds = tuple(known.get("kinds", "").lower().split())
    if len(kinds) != len(sizes):
        kinds = default_kinds(sizes)
    if channels != 1:
        sizes, kinds = (channels, *sizes), ("vector", *kinds)
    return Header(known, fields.of_frames, sizes, kinds, _dtype(known, path), _pixel_data(known, end, path))


def _read_fields(stream: BinaryIO, path: Path) -> Fields:
    fields = Fields()
    for line in header_lines(stream, path):
        name, equals, value = (part.strip() for part in line.partition("="))
        if not fields.of_file and line and not (equals and name.lower() in _FIRST_FIELDS):
            raise not_a_sequence(path)
        if equals:
            fields.add(name, value)
        if name.lower() == "elementdatafile":
            if equals:
                return fields
            break
    raise InputError(f"The header of {path.name} is cut off before its ElementDataFile; copy the file again.")


def default_kinds(sizes: tuple[int, ...]) -> tuple[str, ...]:
    """What the axes are where no header says: width, height, and the last of three or more the frames."""
    spatial = ("domain",) * min(len(sizes), max(2, len(sizes) - 1))
    return (*spatial, "list")[: len(sizes)]


def _dtype(known: dict[str, str], path: Path) -> np.dtype[np.generic]:
    name = known.get("elementtype", "")
    if name.lower() not in _TYPES:
        raise InputError(f"{path.name} has pixels of type {name or 'unknown'}; export the sequence with 8-bit pixels.")
    order = known.get("binarydatabyteordermsb", known.get("elementbyteordermsb", "False"))
    return np.dtype(_TYPES[name.lower()]).newbyteorder(">" if is_true(order) else "<")


def _pixel_data(known: dict[str, str], end: int, path: Path) -> PixelData:
    if not is_true(known.get("binarydata", "True")):
        raise InputError(f"{path.name} stores its pixels as text; export the sequence in binary form.")
    name = known["elementdatafile"]
    is_local = name.upper() == "LOCAL"
    if name.upper().split(" ")[0] == "LIST" or "%" in name:
        raise InputError(f"{path.name} spreads its frames over several files; export the sequence as one .mha file.")
    data = path if is_local else data_beside(path, name)
    offset = end if is_local else _skipped(known, path)
    is_compressed = is_true(known.get("compresseddata", "False"))
    announced = known.get("compresseddatasize")
    if (
        is_compressed
        and announced
        and whole_numbers(announced, "CompressedDataSize", path)[0] > size_from(data, offset)
    ):
        raise InputError(f"{data.name} is cut off: it is shorter than its header announces; copy it again.")
    return PixelData(data, offset, is_compressed)


def size_from(path: Path, offset: int) -> int:
    return path.stat().st_size - offset


def _skipped(known: dict[str, str], path: Path) -> int:
    skipped = whole_numbers(known.get("headersize", "0"), "HeaderSize", path)[0]
    if skipped < 0:
        raise InputError(f"{path.name} counts its pixels from the file's end; export the sequence as one .mha file.")
    return skipped


def write_metaimage_header(
    stream: BinaryIO, shape: tuple[int, int, int], frame_fields: list[tuple[str, str]], is_compressed: bool
) -> int:
    """Write a header for (N, H, W) uint8 frames in orientation MF.

    Returns:
        where in the stream the size of the compressed data is to be put once it is known.
    """
    count, height, width = shape
    before = ["ObjectType = Image", "NDims = 3", "AnatomicalOrientation = RAI", "BinaryData = True"]
    before += ["BinaryDataByteOrderMSB = False", "CenterOfRotation = 0 0 0", f"CompressedData = {is_compressed}"]
    after = [f"DimSize = {width} {height} {count}", "Kinds = domain domain list", "ElementSpacing = 1 1 1"]
    after += ["ElementType = MET_UCHAR", "Offset = 0 0 0", "TransformMatrix = 1 0 0 0 1 0 0 0 1"]
    after += ["UltrasoundImageOrientation = MFA", "UltrasoundImageType = BRIGHTNESS"]
    after += [f"{name} = {value}" for name, value in frame_fields]
    stream.write("".join(f"{line}\n" for line in before).encode())
    if is_compressed:
        stream.write(b"CompressedDataSize = ")
    place = stream.tell()
    if is_compressed:
        stream.write(b" " * _WIDTH_OF_SIZE + b"\n")
    stream.write("".join(f"{line}\n" for line in [*after, "ElementDataFile = LOCAL"]).encode())
    return place


def write_compressed_size(stream: BinaryIO, place: int, size: int) -> None:
    """Put the size in its place, as PLUS does once it has written the pixels."""
    stream.seek(place)
    stream.write(str(size).ljust(_WIDTH_OF_SIZE).encode())
