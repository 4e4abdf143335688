"""What the header of a sequence file says, whichever of the two formats it is in, and reading its lines within limits.

PLUS and IGSIO keep two kinds of field in a MetaImage or NRRD header: those of the file, and those of a frame, named
``Seq_FrameNNNN_Name``, NNNN counting from 0.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path, PureWindowsPath
from typing import Any, BinaryIO

import numpy as np

from ..exceptions import InputError

#: 20,000 frames with ten transforms each take about 60 MB.
LONGEST_HEADER = 256 * 2**20
LONGEST_LINE = 2**20

_FRAME_FIELD = re.compile(r"seq_frame(\d{1,9})_(.+)", re.IGNORECASE)
_CONTROL = re.compile(r"[\x00-\x08\x0e-\x1f]")


@dataclass(frozen=True)
class PixelData:
    """Where the pixels lie: from byte ``offset`` of ``path`` to its end, as they are or deflated (zlib or gzip)."""

    path: Path
    offset: int
    is_compressed: bool


@dataclass(frozen=True)
class Header:
    """A parsed header.

    Attributes:
        fields: those of the file, by :func:`plain` name.
        frame_fields: those of each frame, by its number and by name as spelled in the file.
        sizes: the length of every axis, the one that runs fastest in the file first.
        kinds: what each of these axes is, lower case, in NRRD's words: ``domain``, ``list``, ``vector``...
        dtype: of a stored number, with its byte order.
        data: where these numbers are.
    """

    fields: dict[str, str]
    frame_fields: dict[int, dict[str, str]]
    sizes: tuple[int, ...]
    kinds: tuple[str, ...]
    dtype: np.dtype[Any]
    data: PixelData


@dataclass
class Fields:
    """The fields of a header while it is read."""

    of_file: dict[str, str] = field(default_factory=dict)
    of_frames: dict[int, dict[str, str]] = field(default_factory=dict)

    def add(self, name: str, value: str) -> None:
        match = _FRAME_FIELD.fullmatch(name)
        if match is None:
            self.of_file[plain(name)] = value
        else:
            self.of_frames.setdefault(int(match[1]), {})[match[2]] = value


def plain(name: str) -> str:
    """A field's name without spaces and capitals: ``UltrasoundImageOrientation``, ``ultrasound image orientation``."""
    return name.replace(" ", "").lower()


def header_lines(stream: BinaryIO, path: Path) -> Iterator[str]:
    """The lines of a header, stripped; ``stream`` stands behind the line that came last.

    Raises:
        InputError: a line or the header is longer than any real one, or holds what no text holds.
    """
    total = 0
    while line := stream.readline(LONGEST_LINE):
        total += len(line)
        if len(line) == LONGEST_LINE or total > LONGEST_HEADER:
            raise InputError(f"The header of {path.name} does not end; give a sequence file that PLUS or Slicer wrote.")
        text = line.decode("latin-1").strip()
        if _CONTROL.search(text):
            raise not_a_sequence(path)
        yield text


def not_a_sequence(path: Path) -> InputError:
    return InputError(
        f"{path.name} is not a sequence file; give an .mha, .mhd or .nrrd file that PLUS or Slicer wrote."
    )


def whole_numbers(text: str, name: str, path: Path) -> tuple[int, ...]:
    """The numbers of a header field.

    Raises:
        InputError: something in ``text`` is not a whole number of at most 12 digits.
    """
    words = text.split()
    if not words or not all(re.fullmatch(r"[+-]?\d{1,12}", word) for word in words):
        raise InputError(f"The field {name} of {path.name} holds no whole numbers; export the sequence again.")
    return tuple(int(word) for word in words)


def is_true(text: str) -> bool:
    return text.lower() in {"true", "1", "yes", "on", "t"}


def data_beside(path: Path, name: str) -> Path:
    """The file of pixels that the header at ``path`` names, in its folder or below.

    Raises:
        InputError: there is none, or the name leads out of the folder.
    """
    as_windows = PureWindowsPath(name)
    if as_windows.drive or as_windows.root or ".." in as_windows.parts:
        raise InputError(f"{path.name} keeps its pixels outside its own folder; put both in one folder and correct it.")
    found = path.parent / Path(*as_windows.parts)
    if not name or not found.is_file():
        raise InputError(f"{path.name} keeps its pixels in {name}, which is missing; copy it into the same folder.")
    return found
