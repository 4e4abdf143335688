"""The frames of a sequence file as 8-bit grey images, read one after the other.

Colours become luminance (ITU-R BT.601 weights). Numbers wider than a byte are kept where all of the sequence fit into
one, and else scaled, 0 to 0 and the sequence's greatest to 255.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from ..exceptions import InputError
from .frames import ByteArray
from .header import Header, PixelData
from .layout import Layout
from .orientation import to_marked_far

_CHUNK = 2**18
_GROUP_BYTES = 2**27  # of frames gathered at a time where a file stores them interleaved
_BEST_DEFLATION = 1032  # zlib.net: no stream is shorter by more
_EITHER_FORMAT = 32 + zlib.MAX_WBITS  # zlib's or gzip's wrapping, told by the first bytes


@dataclass(frozen=True)
class StoredFrames:
    """Frames in a file, each read when its turn comes; see :class:`mmhvae.sweep.Frames`.

    ``scale`` is the factor to grey values of 0 to 255. Iterating raises InputError where the data turns out to be cut
    off or damaged.
    """

    data: PixelData
    layout: Layout
    dtype: np.dtype[Any]
    orientation: str
    scale: float = 1.0

    @property
    def shape(self) -> tuple[int, int]:
        rows, columns, _ = (self.layout.stored_shape[axis] for axis in self.layout.order)
        return (rows, columns) if self.orientation[0] in "MU" else (columns, rows)

    def __len__(self) -> int:
        return self.layout.frames

    def __iter__(self) -> Iterator[ByteArray]:
        for stored in self.stored_frames():
            grey = luminance(self.layout.arranged(stored))
            if self.dtype.itemsize > 1:
                grey = np.rint(grey * self.scale)
            yield np.ascontiguousarray(to_marked_far(grey, self.orientation).astype(np.uint8))

    def stored_frames(self) -> Iterator[NDArray[Any]]:
        """The numbers of each frame, in the order of the file: (outer, inner) of the layout."""
        if self.layout.outer > 1 and self.layout.frames > 1:
            yield from self._gathered()
            return
        size = self.layout.frame_size * self.dtype.itemsize
        for block in _blocks(self.data, [size] * self.layout.frames):
            yield np.frombuffer(block, self.dtype)

    def _gathered(self) -> Iterator[NDArray[Any]]:
        """Frames whose pixels lie apart: as many at a time as fit, the file read through for each such group."""
        layout = self.layout
        row = layout.frames * layout.inner
        rows = max(1, _CHUNK // row)
        sizes = [min(rows, layout.outer - first) * row * self.dtype.itemsize for first in range(0, layout.outer, rows)]
        together = max(1, _GROUP_BYTES // (layout.frame_size * self.dtype.itemsize))
        for first in range(0, layout.frames, together):
            parts = [
                np.frombuffer(block, self.dtype)
                .reshape(-1, layout.frames, layout.inner)[:, first : first + together]
                .copy()
                for block in _blocks(self.data, sizes)
            ]  # each (outer, frames of the group, inner)
            yield from np.ascontiguousarray(np.concatenate(parts).swapaxes(0, 1))


def open_frames(header: Header, layout: Layout, orientation: str) -> StoredFrames:
    """The frames that ``header`` describes.

    Raises:
        InputError: there is less data than announced; or the numbers are not those of an ultrasound image. 8-bit
            compressed data is examined only as it is read.
    """
    _check_amount(header, layout)
    frames = StoredFrames(header.data, layout, header.dtype, orientation)
    if header.dtype == np.uint8:
        return frames
    return replace(frames, scale=_scale_to_bytes(frames))


def _check_amount(header: Header, layout: Layout) -> None:
    """Refuse what cannot hold as much as announced, before anything of that size is asked for."""
    announced = layout.frames * layout.frame_size * header.dtype.itemsize
    stored = header.data.path.stat().st_size - header.data.offset
    if announced > stored * (_BEST_DEFLATION if header.data.is_compressed else 1):
        raise _cut_off(header.data)


def _scale_to_bytes(frames: StoredFrames) -> float:
    name = frames.data.path.name
    greatest = 0.0
    for stored in frames.stored_frames():
        if not np.isfinite(stored).all():
            raise InputError(f"{name} has pixels that are NaN or infinite; export the sequence with 8-bit pixels.")
        if stored.min() < 0:
            raise InputError(f"{name} has negative pixels, as raw echo data has; export B-mode with 8-bit pixels.")
        colours = frames.layout.arranged(stored)[..., :3]  # opacity does not count
        greatest = max(greatest, float(colours.max()))
    fits = greatest <= 255 and not np.issubdtype(frames.dtype, np.floating)
    return 1.0 if fits or greatest == 0 else 255 / greatest


def luminance(pixels: NDArray[Any]) -> NDArray[Any]:
    """(H, W) from (H, W, channels): 1, or red, green and blue, or these and an opacity, which is not looked at."""
    if pixels.shape[2] == 1:
        return pixels[..., 0]
    if pixels.dtype.itemsize > 1:
        return pixels[..., :3] @ np.array([0.299, 0.587, 0.114])
    red, green, blue = (pixels[..., channel].astype(np.uint32) for channel in range(3))
    return (299 * red + 587 * green + 114 * blue + 500) // 1000  # in whole numbers, so that greys stay what they are


def _blocks(data: PixelData, sizes: Iterable[int]) -> Iterator[bytes]:
    """Consecutive blocks of these sizes in bytes.

    Raises:
        InputError: the data is cut off or damaged, or more is compressed in it than asked for.
    """
    try:
        with data.path.open("rb") as stream:
            stream.seek(data.offset)
            yield from _inflated(stream, sizes, data) if data.is_compressed else _plain(stream, sizes, data)
    except (OSError, zlib.error) as error:
        raise InputError(f"The pixels in {data.path.name} are damaged; copy or export the file again.") from error


def _plain(stream: BinaryIO, sizes: Iterable[int], data: PixelData) -> Iterator[bytes]:
    for size in sizes:
        block = stream.read(size)
        if len(block) < size:
            raise _cut_off(data)
        yield block


def _inflated(stream: BinaryIO, sizes: Iterable[int], data: PixelData) -> Iterator[bytes]:
    inflating = _Inflating(stream, data)
    waiting: bytes | None = None
    for size in sizes:
        if waiting is not None:
            yield waiting
        waiting = inflating.read(size)
    inflating.check_end()  # before the last block goes out: who got all of them can rely on them
    if waiting is not None:
        yield waiting


class _Inflating:
    """Inflates a zlib or gzip stream, never more of it at a time than asked for."""

    def __init__(self, stream: BinaryIO, data: PixelData) -> None:
        self.stream = stream
        self.data = data
        self.inflater = zlib.decompressobj(_EITHER_FORMAT)

    def read(self, size: int) -> bytes:
        block = bytearray()
        while len(block) < size:
            self._start_next_member()
            block += self._more(size - len(block))
        return bytes(block)

    def check_end(self) -> None:
        """Read up to the checksum, which zlib compares."""
        while not self.inflater.eof:
            if self._more(1):
                raise InputError(
                    f"{self.data.path.name} holds more pixels than its header announces; export the sequence again."
                )

    def _more(self, most: int) -> bytes:
        stored = self.inflater.unconsumed_tail or self.stream.read(_CHUNK)
        produced = self.inflater.decompress(stored, most)
        if not stored and not produced and not self.inflater.eof:
            raise _cut_off(self.data)
        return produced

    def _start_next_member(self) -> None:
        """A gzip file may be several, one after the other."""
        if self.inflater.eof:
            rest = self.inflater.unused_data or self.stream.read(_CHUNK)
            if not rest:
                raise _cut_off(self.data)
            self.stream.seek(-len(rest), 1)
            self.inflater = zlib.decompressobj(_EITHER_FORMAT)


def _cut_off(data: PixelData) -> InputError:
    return InputError(f"{data.path.name} is cut off: it holds fewer pixels than its header announces; copy it again.")
