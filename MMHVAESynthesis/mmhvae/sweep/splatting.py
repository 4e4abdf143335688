"""Forward splatting: each pixel is shared out among the eight voxels around it, with trilinear weights.

The method is PLUS's, "paste slice into volume" with linear interpolation (Lasso A et al., PLUS: open-source toolkit for
ultrasound-guided intervention systems, IEEE Trans Biomed Eng 2014, doi:10.1109/TBME.2014.2322864), but with sums in
floating point. All of it is NumPy on one thread: on a machine that others use too, threads that wait for each other
after every small step take many times longer.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product

import numpy as np
from numpy.typing import NDArray

from ..settings import Compounding
from .frames import FloatArray

Float32Array = NDArray[np.float32]
Pixels = NDArray[np.uint8] | NDArray[np.float32]
Indices = NDArray[np.int64]
COARSEST_PIXEL = 1 / 3  # averaged pixels stay at most this share of a voxel: splatting hardly sees the difference
#: Share of the weight of a frame right through a voxel that a frame must give it to decide alone about its value.
SMALLEST_SHARE = 0.125
#: Share of that weight under which a voxel holds rounding alone, as where frames lie right on the next plane of voxels.
SMALLEST_TRACE = 1e-5


@dataclass(frozen=True)
class PixelBlocks:
    """Pixels averaged in blocks, where they are much finer than voxels.

    Attributes:
        factors: rows and columns of a block.
        region: (H, W), 1 where pixels take part.
        chosen: (P,) flat indices of the blocks that hold such pixels.
        counts: (P,), how many.
        columns, rows: (P,), mean position of those in each, in pixels of the frame.
    """

    factors: tuple[int, int]
    region: Float32Array
    chosen: Indices
    counts: Float32Array
    columns: FloatArray
    rows: FloatArray

    @classmethod
    def build(cls, region: NDArray[np.bool_], origin: tuple[int, int], factors: tuple[int, int]) -> PixelBlocks:
        """Blocks over ``region`` (H, W), whose first pixel is column ``origin[0]``, row ``origin[1]`` of the frame."""
        inside = region.astype(np.float64)
        rows, columns = np.indices(region.shape, dtype=np.float64)
        counts = _block_sums(inside, factors)  # (blocks,)
        chosen = np.flatnonzero(counts)
        counts = counts[chosen]
        positions = (columns + origin[0], rows + origin[1])
        column, row = (_block_sums(inside * position, factors)[chosen] / counts for position in positions)
        return cls(factors, inside.astype(np.float32), chosen, counts.astype(np.float32), column, row)

    def points(self, pose: FloatArray) -> FloatArray:
        """Where ``pose`` (4, 4) takes the blocks: (3, P)."""
        across, down, origin = pose[:3, 0], pose[:3, 1], pose[:3, 3]
        # Not a matrix product: libraries run it on many threads.
        return np.asarray(np.outer(across, self.columns) + np.outer(down, self.rows) + origin[:, None])

    def sums(self, pixels: Pixels) -> Float32Array:
        """Sum over each block (P,) of the pixels (H, W) that take part."""
        return np.asarray(_block_sums(pixels * self.region, self.factors)[self.chosen])


def block_factors(poses: FloatArray, spacing: float) -> tuple[int, int]:
    """Rows and columns that can be averaged before pixels outgrow a third of a voxel of ``spacing`` (mm)."""
    widths, heights = (np.linalg.norm(poses[:, :3, axis], axis=1).max() for axis in (0, 1))
    return max(1, int(COARSEST_PIXEL * spacing / heights)), max(1, int(COARSEST_PIXEL * spacing / widths))


def _block_sums(values: NDArray[np.floating], factors: tuple[int, int]) -> NDArray[np.floating]:
    """Sums of ``values`` (H, W) over blocks, flat; the last blocks may hang over the edge."""
    rows, columns = factors
    padded = np.pad(values, [(0, -values.shape[0] % rows), (0, -values.shape[1] % columns)])
    by_row = sum((padded[n::rows] for n in range(1, rows)), padded[::rows])
    return sum((by_row[:, n::columns] for n in range(1, columns)), by_row[:, ::columns]).ravel()


class Compounder:
    """Collects samples in voxels.

    Mean is taken over all pixels by weight. Max and latest are taken over frames: each frame gives a voxel the weighted
    mean of its own pixels there, unless it but grazes it.

    Args:
        size: of the grid, (i, j, k).
        compounding: what is made of several frames in one voxel.
        full_weight: weight that a voxel gets from a frame right through it.
    """

    def __init__(self, size: tuple[int, int, int], compounding: Compounding, full_weight: float) -> None:
        self._size = size
        # One voxel more on either side takes what pixels near the border share with voxels beyond it.
        self._padded = (size[0] + 2, size[1] + 2, size[2] + 2)
        voxels = self._padded[0] * self._padded[1] * self._padded[2]
        self._sums, self._weights = np.zeros(voxels, np.float32), np.zeros(voxels, np.float32)
        self._compounding = compounding
        self._smallest = SMALLEST_SHARE * min(1.0, full_weight)
        self._trace = SMALLEST_TRACE * min(1.0, full_weight)
        self._value = None if compounding == "mean" else np.full(voxels, -1, np.float32)

    def add(self, points: FloatArray, sums: Float32Array, counts: Float32Array) -> None:
        """Add a frame: ``points`` (3, P) continuous index (i, j, k), ``sums`` of and ``counts`` of pixels (P,)."""
        inside = ((points > -1) & (points < np.array(self._size)[:, None])).all(axis=0)
        if not inside.all():
            points, sums, counts = points[:, inside], sums[inside], counts[inside]
        first = np.floor(points)
        shares = (points - first).astype(np.float32)
        i, j, k = first.astype(np.int64) + 1
        base = i + self._padded[0] * (j + self._padded[1] * k)
        touched = [self._add_corner(corner, base, shares, sums, counts) for corner in product((0, 1), repeat=3)]
        if self._value is not None:
            self._settle(self._value, np.concatenate(touched))

    def _add_corner(
        self, corner: tuple[int, ...], base: Indices, shares: Float32Array, sums: Float32Array, counts: Float32Array
    ) -> Indices:
        """Give one of the eight neighbours its share; returns the voxels (P,)."""
        x, y, z = (share if upper else 1 - share for share, upper in zip(shares, corner, strict=True))
        weight = x * y * z
        voxels = base + (corner[0] + self._padded[0] * (corner[1] + self._padded[1] * corner[2]))
        np.add.at(self._sums, voxels, weight * sums)
        np.add.at(self._weights, voxels, weight * counts)
        return voxels

    def _settle(self, value: Float32Array, touched: Indices) -> None:
        """Turn what one frame gave to ``touched`` voxels (some repeated) into its word on their value."""
        weights = self._weights[touched]
        strong = weights >= self._smallest
        voxels = touched[strong]
        means = self._sums[voxels] / weights[strong]
        value[voxels] = np.maximum(value[voxels], means) if self._compounding == "max" else means
        self._sums[touched] = 0
        self._weights[touched] = 0

    def result(self) -> tuple[Float32Array, NDArray[np.bool_]]:
        """Values (k, j, i), 0 where no pixel came, and where pixels came."""
        if self._value is None:
            reached = self._weights > self._trace
            self._sums[~reached] = 0
            self._sums /= np.where(reached, self._weights, 1)
            values = self._sums
        else:
            reached, values = self._value >= 0, np.maximum(self._value, 0)
        inner = (slice(1, -1),) * 3
        shape = self._padded[::-1]
        return values.reshape(shape)[inner], reached.reshape(shape)[inner]
