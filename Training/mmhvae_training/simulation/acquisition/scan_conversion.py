"""Scan conversion: from beams and depths to the pixels of a frame, as the scanner's screen shows them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch

from ..geometry import Array
from .array import Beams, TransducerArray, beam_coordinates, frame_points


@dataclass(frozen=True)
class Raster:
    """The pixels of a frame: rows run away from the probe, columns along x.

    ``corner``: frame coordinates (x, z) of the first pixel's centre, mm.
    """

    shape: tuple[int, int]
    pixel: float  # mm
    corner: tuple[float, float]

    def image_to_frame(self) -> npt.NDArray[np.float64]:
        """(4, 4): the pixel (column, row, 0, 1) to frame coordinates; right-handed."""
        matrix = np.zeros((4, 4))
        matrix[:3, 0], matrix[:3, 1], matrix[:3, 2] = (self.pixel, 0, 0), (0, 0, self.pixel), (0, -self.pixel, 0)
        matrix[:, 3] = (self.corner[0], 0, self.corner[1], 1)
        return matrix


def raster(array: TransducerArray, sampling: Beams, pixel: float) -> Raster:
    """The smallest raster of ``pixel`` mm that shows the whole sector with a margin of two pixels."""
    points = frame_points(array, sampling)[..., [0, 2]].reshape(-1, 2)
    low, high = points.min(0) - 2 * pixel, points.max(0) + 2 * pixel
    columns, rows = (int(n) for n in np.ceil((high - low) / pixel) + 1)
    return Raster((rows, columns), pixel, (float(low[0]), float(low[1])))


def scan_convert(grey: Array, array: TransducerArray, sampling: Beams, onto: Raster) -> npt.NDArray[np.uint8]:
    """Pixels (N, H, W) of grey levels (N, L, R): linear between beams, 0 outside the sector."""
    rows, columns = onto.shape
    x = np.float32(onto.corner[0]) + np.float32(onto.pixel) * np.arange(columns, dtype=np.float32)
    z = np.float32(onto.corner[1]) + np.float32(onto.pixel) * np.arange(rows, dtype=np.float32)
    angle, depth = beam_coordinates(array, *np.meshgrid(x, z))
    index = [(v - a[0]) / (a[-1] - a[0]) * 2 - 1 for v, a in ((depth, sampling.depth), (angle, sampling.angle))]
    places = torch.from_numpy(np.stack(index, -1).astype(np.float32))[None]  # (1, H, W, 2)
    inside = (np.abs(index[0]) <= 1) & (np.abs(index[1]) <= 1)
    pixels = torch.nn.functional.grid_sample(
        torch.from_numpy(np.ascontiguousarray(grey))[None], places, padding_mode="border", align_corners=True
    )[0].numpy()
    # An echo shown is never quite black: 0 means that nothing was seen.
    return np.asarray(np.clip(np.round(pixels), 1, 255) * inside, np.uint8)
