"""One frame of a stream on the model's grid, and back: two matrix products each way, worked out once a stream.

The steps are those of :mod:`mmhvae.synthesis.frame_synthesis`: only the region that shows echoes counts, and no
edge is mixed with what the scanner draws around it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import SimpleITK as sitk
import torch
from numpy.typing import NDArray
from torch import Tensor

from ..images import SMALLEST_WEIGHT, resampled, working_grid
from ..sweep import echo_region

Mask = NDArray[np.bool_]
#: (mm a column, mm a row)
PixelSize = tuple[float, float]


@dataclass(frozen=True)
class FrameGrid:
    """Where a frame (H, W) lies on the model's grid (h, w).

    Planes of the network are (w, h): their rows run along the frame's columns, see :func:`mmhvae.images.to_slices`.

    Attributes:
        region: (H, W), where the frames show echoes.
        mask: (w, h), where the model's grid shows echoes.
        grid: the model's; only its geometry counts.
    """

    region: Tensor
    mask: Tensor
    grid: sitk.Image
    _rows: Tensor  # (h, H)
    _columns: Tensor  # (w, W)
    _rows_back: Tensor  # (H, h)
    _columns_back: Tensor  # (W, w)
    _share: Tensor  # (w, h), of the region in each of the model's pixels
    _share_back: Tensor  # (H, W), of the mask in each of the frame's pixels

    def plane(self, frame: Tensor) -> Tensor:
        """A frame (H, W) float32, 0 outside the region, on the model's grid: (w, h), 0 outside the mask."""
        return (self._columns @ frame.T @ self._rows.T) / self._share * self.mask

    def frame(self, plane: Tensor) -> Tensor:
        """A plane (w, h) on the frame's pixels: (H, W), 0 outside the region."""
        return (self._rows_back @ (plane * self.mask).T @ self._columns_back.T) / self._share_back * self.region


def frame_grid(bright: Mask, pixel_size: PixelSize, spacing: float) -> FrameGrid:
    """The grid of frames whose ``bright`` pixels (H, W) are above 0, on the model's ``spacing`` (mm).

    Raises:
        InputError: nothing is bright.
    """
    region = echo_region(bright.astype(np.uint8))
    field = sitk.GetImageFromArray(region[None].astype(np.uint8))
    field.SetSpacing([*pixel_size, spacing])
    grid = working_grid(field, spacing, 2)
    columns, rows = (_matrix(field, grid, axis) for axis in (0, 1))
    columns_back, rows_back = (_matrix(grid, field, axis) for axis in (0, 1))
    inside = torch.from_numpy(region)
    share = columns @ inside.float().T @ rows.T
    mask = share > SMALLEST_WEIGHT
    share_back = rows_back @ mask.float().T @ columns_back.T
    return FrameGrid(
        inside, mask, grid, rows, columns, rows_back, columns_back,
        share.clamp(min=SMALLEST_WEIGHT), share_back.clamp(min=SMALLEST_WEIGHT),
    )  # fmt: skip


def _matrix(old: sitk.Image, new: sitk.Image, axis: int) -> Tensor:
    """What :func:`mmhvae.images.resampled` does along one axis, as a matrix (new, old).

    Found by having it done to every unit vector.
    """
    count, size = old.GetSize()[axis], new.GetSize()[axis]
    units = sitk.GetImageFromArray(np.eye(count, dtype=np.float32)[None])  # a unit vector a row
    units.SetSpacing((old.GetSpacing()[axis], 1, 1))
    target = sitk.Image((size, count, 1), sitk.sitkUInt8)
    target.SetSpacing((new.GetSpacing()[axis], 1, 1))
    target.SetOrigin((new.GetOrigin()[axis] - old.GetOrigin()[axis], 0, 0))
    return torch.from_numpy(sitk.GetArrayFromImage(resampled(units, target))[0].T.copy())
