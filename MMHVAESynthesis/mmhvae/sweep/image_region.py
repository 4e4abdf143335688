"""The part of the frames that shows echoes: what the scanner draws around it is no anatomy."""

from __future__ import annotations

import math
from collections.abc import Iterable

import numpy as np
import SimpleITK as sitk
from numpy.typing import NDArray

from ..exceptions import InputError
from ..images import closed
from ..settings import Clip
from .frames import ByteArray

#: Radius of the closing as a share of the frame's longer side. It bridges dark fluid and shadows that open onto the
#: rim, and spares the arc of a curved array, whose own radius is larger.
CLOSING_SHARE = 0.15


def require_clip(clip: Clip | None, shape: tuple[int, int]) -> Clip:
    """``clip``, the whole frame where it is None, once it is known to lie within frames of ``shape`` (H, W).

    Raises:
        InputError: it does not.
    """
    height, width = shape
    if clip is None:
        return 0, 0, width, height
    x, y, w, h = clip
    if min(x, y) < 0 or min(w, h) < 2 or x + w > width or y + h > height:
        raise InputError(
            f"The clip rectangle {x} {y} {w} {h} (X Y W H) should be at least 2 x 2 pixels and lie within the frames "
            f"of {width} x {height}."
        )
    return clip


def clipped(frame: ByteArray, clip: Clip) -> ByteArray:
    """The part of ``frame`` (H, W) inside ``clip``."""
    x, y, w, h = clip
    return frame[y : y + h, x : x + w]


def brightest(frames: Iterable[ByteArray], shape: tuple[int, int]) -> ByteArray:
    """The largest value that each pixel (H, W) ever takes."""
    largest = np.zeros(shape, np.uint8)
    for frame in frames:
        np.maximum(largest, frame, out=largest)
    return largest


def echo_region(largest: ByteArray) -> NDArray[np.bool_]:
    """Pixels that ever exceed 0, closed and holes filled: dark fluid belongs to the image, however dark it stays.

    Args:
        largest: :func:`brightest` of all frames, clipped (H, W).

    Raises:
        InputError: nothing ever exceeds 0.
    """
    if not largest.any():
        raise InputError("Every usable frame is black; check the image type and the clip rectangle.")
    radius = CLOSING_SHARE * max(largest.shape)
    margin = [math.ceil(radius) + 1] * 2
    bright = sitk.ConstantPad(sitk.GetImageFromArray((largest > 0).astype(np.uint8)), margin, margin, 0)
    whole = sitk.BinaryFillhole(closed(bright, radius))
    return np.asarray(sitk.GetArrayFromImage(sitk.Crop(whole, margin, margin)) != 0)
