"""Pictures from arrays: grey images, outlines (solid or dashed), a scale bar, and PNG. No plotting library."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator
from typing import Any

import numpy as np
import vtk
from numpy.typing import NDArray
from vtk.util import numpy_support

Grey = NDArray[np.float32]
Colours = NDArray[np.uint8]

#: Pixels of a dash, and of the gap after it.
DASH, GAP = 9.0, 7.0
#: Seen beyond the images.
DARK = (16, 20, 24)


def grey_picture(image: Grey, low: float, high: float) -> Colours:
    """(H, W, 3) of an image (H, W), ``low`` black and ``high`` white; dark where it is NaN."""
    share = np.clip((image - low) / max(high - low, 1e-9), 0, 1)
    picture = np.repeat((255 * np.nan_to_num(share)).astype(np.uint8)[..., None], 3, axis=-1)
    picture[np.isnan(image)] = DARK
    return picture


def outlines(mask: Grey) -> Iterator[NDArray[np.float64]]:
    """The lines at 0.5 of a mask (H, W), each (N, 2) as columns and rows; closed where they do not leave the image."""
    image = vtk.vtkImageData()
    image.SetDimensions(mask.shape[1], mask.shape[0], 1)
    values = np.ascontiguousarray(mask, np.float32).ravel()
    image.GetPointData().SetScalars(numpy_support.numpy_to_vtk(values, deep=True))
    squares = vtk.vtkMarchingSquares()
    squares.SetInputData(image)
    squares.SetValue(0, 0.5)
    strips = vtk.vtkStripper()
    strips.SetMaximumLength(1_000_000)
    strips.SetInputConnection(squares.GetOutputPort())
    strips.Update()
    lines = strips.GetOutput()
    for index in range(lines.GetNumberOfCells()):
        ids = lines.GetCell(index).GetPointIds()
        places = [lines.GetPoint(ids.GetId(n))[:2] for n in range(ids.GetNumberOfIds())]
        yield np.array(places, np.float64)


def draw_line(
    picture: Colours, line: NDArray[np.float64], colour: tuple[int, int, int], width: float, dashed: bool = False
) -> None:
    """Draw a line (N, 2) into a picture, on a dark halo that sets it off from bright tissue."""
    places = _along(line, dashed)
    for reach, paint in ((width / 2 + 1, DARK), (width / 2, colour)):
        _stamp(picture, places, reach, paint)


def _along(line: NDArray[np.float64], dashed: bool) -> NDArray[np.float64]:
    """Places on a line, a quarter of a pixel apart; of a dashed one, those of the dashes."""
    steps = np.linalg.norm(np.diff(line, axis=0), axis=1)
    walked = np.concatenate([[0.0], np.cumsum(steps)])
    at = np.arange(0.0, walked[-1] + 0.25, 0.25)
    if dashed:
        at = at[at % (DASH + GAP) < DASH]
    return np.stack([np.interp(at, walked, line[:, axis]) for axis in (0, 1)], axis=-1)


def _stamp(picture: Colours, places: NDArray[np.float64], reach: float, colour: tuple[int, int, int]) -> None:
    most = int(np.ceil(reach))
    for row in range(-most, most + 1):
        for column in range(-most, most + 1):
            if np.hypot(row, column) <= reach:
                spots = np.rint(places + np.array([column, row])).astype(int)
                inside = ((spots >= 0) & (spots < [picture.shape[1], picture.shape[0]])).all(axis=1)
                picture[spots[inside, 1], spots[inside, 0]] = colour


def draw_scale(picture: Colours, length: float) -> None:
    """A white bar of ``length`` pixels in the lower left corner."""
    row, column = picture.shape[0] - 14, 14
    ends = np.array([[column, row], [column + length, row]], np.float64)
    draw_line(picture, ends, (255, 255, 255), 4)


def png(picture: Colours) -> bytes:
    """A picture (H, W, 3) as a PNG file (ISO/IEC 15948): 8 bits a colour, no filter."""
    height, width, _channels = picture.shape
    rows = np.concatenate([np.zeros((height, 1), np.uint8), picture.reshape(height, -1)], axis=1)
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    chunks = [(b"IHDR", header), (b"IDAT", zlib.compress(rows.tobytes(), 6)), (b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(_chunk(kind, data) for kind, data in chunks)


def _chunk(kind: bytes, data: bytes) -> bytes:
    checksum: Any = zlib.crc32(kind + data)
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", checksum)
