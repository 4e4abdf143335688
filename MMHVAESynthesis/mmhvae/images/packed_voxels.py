"""The checksum of packed voxels in NRRD and MetaImage files, which ITK does not compare.

NRRD packs with gzip (RFC 1952, a CRC-32), MetaImage with zlib (RFC 1950, an Adler-32).
"""

from __future__ import annotations

import zlib
from pathlib import Path
from typing import BinaryIO

from ..exceptions import InputError
from .text_headers import header_fields

_CHUNK = 1 << 20
_EITHER = 32 + zlib.MAX_WBITS


def check_packed_nrrd(path: Path, name: str) -> None:
    """Pass what is not packed, or spread over several files, and what is whole.

    Raises:
        InputError: the voxels are damaged or cut off.
    """
    fields = header_fields(path, ":", "")
    beside = fields.get("data file", fields.get("datafile", ""))
    if fields.get("encoding", "").lower() in ("gz", "gzip") and not _is_spread(beside):
        _check(path, beside, b"", name)


def check_packed_metaimage(path: Path, name: str) -> None:
    """Likewise."""
    fields = header_fields(path, "=", "elementdatafile")
    beside = fields.get("elementdatafile", "LOCAL")
    if fields.get("compresseddata", "").lower() in ("true", "1", "t") and not _is_spread(beside):
        _check(path, "" if beside.upper() == "LOCAL" else beside, b"elementdatafile", name)


def _is_spread(beside: str) -> bool:
    return beside.upper().startswith("LIST") or "%" in beside


def _check(path: Path, beside: str, last: bytes, name: str) -> None:
    """Unpack the data file ``beside``, or what follows the header's last line, which is empty or begins so."""
    try:
        with open(path.parent / beside if beside else path, "rb") as stream:
            while not beside and (line := stream.readline(_CHUNK)):
                if line.lower().startswith(last) if last else not line.strip():
                    break
            _unpack(stream)
    except (EOFError, zlib.error, OSError) as error:
        raise InputError(f"{path} is damaged or cut off; copy or save the {name} again.") from error


def _unpack(stream: BinaryIO) -> None:
    inflater = zlib.decompressobj(_EITHER)
    while not inflater.eof:
        packed = inflater.unconsumed_tail or stream.read(_CHUNK)
        if not packed and not inflater.decompress(b"", _CHUNK):
            raise EOFError("the checksum is missing")
        inflater.decompress(packed, _CHUNK)
