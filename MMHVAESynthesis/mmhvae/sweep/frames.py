"""A tracked sweep in memory: frames, and where each of them lay.

Frames come one after the other, since thousands of them need not fit into memory.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]
ByteArray = NDArray[np.uint8]


class Frames(Protocol):
    """The images of a sweep, in order; each iteration starts anew.

    ``shape`` is (H, W): the rows run away from the probe and the columns along its face, marked side first
    (orientation MF in PLUS's letters).
    """

    @property
    def shape(self) -> tuple[int, int]: ...

    def __len__(self) -> int: ...

    def __iter__(self) -> Iterator[ByteArray]: ...


@dataclass(frozen=True)
class ArrayFrames:
    """Frames that are in memory already: (N, H, W) uint8."""

    array: ByteArray

    @property
    def shape(self) -> tuple[int, int]:
        return int(self.array.shape[1]), int(self.array.shape[2])

    def __len__(self) -> int:
        return len(self.array)

    def __iter__(self) -> Iterator[ByteArray]:
        return iter(self.array)


@dataclass(frozen=True)
class Sweep:
    """Tracked frames.

    Attributes:
        frames: N of them.
        image_to_reference: (N, 4, 4); takes the pixel (column, row, 0, 1), both counted from 0 at the centre of the
            first pixel, to the Reference frame in mm, RAS as Slicer takes it. Of no meaning where ``valid`` is false.
        valid: (N,); false where the tracking or the image was not usable.
        timestamps: (N,) seconds, NaN where a frame has none.
    """

    frames: Frames
    image_to_reference: FloatArray
    valid: NDArray[np.bool_]
    timestamps: FloatArray
