"""A frame of a stream as it was in the moment it was taken: its pixels, and where they lay in the world."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from mmhvae import InputError
from mmhvae.sweep import luminance
from numpy.typing import NDArray
from slicer.i18n import tr as _
from vtk.util import numpy_support

from ..nodes import Matrix, ijk_to_world
from ..synthesis import is_synthetic


@dataclass(frozen=True)
class LiveFrame:
    """Pixels (H, W), a copy; ``place`` is (4, 4) from (column, row, 0) to RAS mm in the world; ``taken`` in seconds."""

    pixels: NDArray[Any]
    place: Matrix
    taken: float

    @property
    def pixel_size(self) -> tuple[float, float]:
        """(mm a column, mm a row), with all that the transforms scale: calibrations hold the spacing."""
        width, height = np.linalg.norm(self.place[:3, :2], axis=0)
        return float(width), float(height)


def require_stream(node: Any) -> None:
    """Refuse a node that gives no frames.

    Raises:
        InputError: one sentence that says why.
    """
    image, name = node.GetImageData(), node.GetName()
    if is_synthetic(node):
        raise InputError(_("{name} is synthetic itself; choose the ultrasound stream.").format(name=name))
    if image is None or image.GetPointData().GetScalars() is None:
        return  # its first frame has not come yet
    if image.GetDimensions()[2] != 1:
        raise InputError(_("{name} is a 3-D volume; choose a 2-D image that streams.").format(name=name))
    if image.GetNumberOfScalarComponents() not in (1, 3, 4):
        raise InputError(_("{name} has neither grey values nor colours; choose another image.").format(name=name))


def take_frame(node: Any, taken: float) -> LiveFrame | None:
    """What ``node`` shows now, and where; None where it shows nothing yet.

    Raises:
        InputError: it is no 2-D image, or its transform bends, shears or flattens it.
    """
    require_stream(node)
    image = node.GetImageData()
    if image is None or image.GetPointData().GetScalars() is None or min(image.GetDimensions()) < 1:
        return None
    width, height = image.GetDimensions()[:2]
    array = numpy_support.vtk_to_numpy(image.GetPointData().GetScalars()).reshape(height, width, -1)
    if array.shape[2] == 1:
        pixels = array[..., 0].copy()  # the stream writes into its own
    else:
        pixels = luminance(array)
        pixels = pixels.astype(np.uint8) if array.dtype == np.uint8 else pixels
    return LiveFrame(pixels, ijk_to_world(node), taken)
