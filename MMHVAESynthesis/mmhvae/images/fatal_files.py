"""Files at which ITK's libraries end the process, or write beyond their memory, rather than refuse: told beforehand.

MetaIO has room for ten dimensions. HDF5 trusts the addresses within a file, which are wrong once bytes came in between
or went missing; then the file is not as long as its superblock says ("HDF5 File Format Specification" 3.0, II.A).
"""

from __future__ import annotations

import os
import re
from pathlib import Path

_METAIMAGE = (".mha", ".mhd")
_DIMENSIONS = re.compile(rb"^\s*ndims\s*[=:](.*)$", re.IGNORECASE | re.MULTILINE)
_ROOM = re.compile(rb"\s*([1-9]|10)(\.0*)?\s*")
_LAST_FIELD = re.compile(rb"^\s*elementdatafile", re.IGNORECASE | re.MULTILINE)
_LONGEST_HEADER = 1 << 20
_HDF5 = b"\x89HDF\r\n\x1a\n"
_SUPERBLOCK = 128
#: By the superblock's version: where the size of an address stands, and where the base address begins.
_LAYOUTS = {0: (13, 24), 1: (13, 28), 2: (9, 12), 3: (9, 12)}


def require_harmless(path: Path) -> None:
    """Pass any file that ITK survives, also one that cannot be read: ITK will say so.

    Raises:
        RuntimeError: as ITK raises for what it refuses.
    """
    try:
        if not os.path.isfile(path):
            return
        with open(path, "rb") as stream:
            start = stream.read(_LONGEST_HEADER if path.name.lower().endswith(_METAIMAGE) else _SUPERBLOCK)
        if start.startswith(_HDF5):
            _check_length(start, os.path.getsize(path))
        elif path.name.lower().endswith(_METAIMAGE):
            _check_dimensions(start.replace(b"\r", b"\n"))
    except OSError:
        return


def _check_dimensions(head: bytes) -> None:
    end = _LAST_FIELD.search(head)
    counts = _DIMENSIONS.findall(head[: end.start()] if end else head)
    if not all(_ROOM.fullmatch(count) for count in counts):
        raise RuntimeError("the number of dimensions is none that MetaImage has")


def _check_length(start: bytes, length: int) -> None:
    version = start[8] if len(start) == _SUPERBLOCK else -1
    if version not in _LAYOUTS:
        raise RuntimeError("the file is shorter than HDF5's smallest, or of a version that is unknown")
    place, base = _LAYOUTS[version]
    size = start[place]
    end = base + 2 * size  # after the base address, one of what is beside it
    if size not in (2, 4, 8) or int.from_bytes(start[end : end + size], "little") != length:
        raise RuntimeError("the file is longer or shorter than it says")
