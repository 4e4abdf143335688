"""How the axes of a sequence file make up frames: which one counts them, and where rows, columns and colours are."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from typing import Any

from numpy.typing import NDArray

from ..exceptions import InputError
from .header import Header

MOST_PIXELS_ALONG = 2**15
MOST_FRAMES = 10**6

_SPACE = {"domain", "space"}
_FRAMES = {"list", "time"}
_CHANNELS = re.compile(r"(\d-)?(vector|color|colour)|(rgb|rgba|hsv|xyz)-color|scalar|stub")


@dataclass(frozen=True)
class Layout:
    """The stored array is (outer, frames, inner); a frame is (outer, inner), which is of ``stored_shape``.

    ``order`` brings the axes of ``stored_shape`` to (rows, columns, channels).
    """

    frames: int
    outer: int
    inner: int
    stored_shape: tuple[int, ...]
    order: tuple[int, ...]

    @property
    def frame_size(self) -> int:
        """Numbers in a frame."""
        return self.outer * self.inner

    def arranged(self, frame: NDArray[Any]) -> NDArray[Any]:
        """The numbers of one frame, as stored, as (rows, columns, channels)."""
        return frame.reshape(self.stored_shape).transpose(self.order)


def find_layout(header: Header, name: str) -> Layout:
    """How the axes of ``header`` make up frames.

    Raises:
        InputError: the file holds no frames, or three-dimensional ones, or is larger than any real one.
    """
    axes = [(role, size) for role, size in zip(_roles(header, name), header.sizes, strict=True) if role != "single"]
    for role in ("channels", "columns", "rows", "frames"):  # an axis that the file leaves out is of length 1
        if role not in dict(axes):
            axes = [(role, 1), *axes] if role == "channels" else [*axes, (role, 1)]
    _check_sizes(dict(axes), header, name)
    roles, sizes = [role for role, _ in axes], [size for _, size in axes]
    place = roles.index("frames")
    stored = [role for role in reversed(roles) if role != "frames"]  # slowest first, as numpy has them
    shape = [size for role, size in reversed(axes) if role != "frames"]
    order = tuple(stored.index(role) for role in ("rows", "columns", "channels"))
    return Layout(sizes[place], math.prod(sizes[place + 1 :]), math.prod(sizes[:place]), tuple(shape), order)


def _roles(header: Header, name: str) -> list[str]:
    """What each axis is, each but "single" occurring once: that is a further axis, of length 1."""
    roles: list[str] = []
    for kind, size in zip(header.kinds, header.sizes, strict=True):
        roles.append(_role(kind, size, roles, header, name))
    return roles


def _role(kind: str, size: int, before: list[str], header: Header, name: str) -> str:
    if kind in _FRAMES and "frames" not in before:
        return "frames"
    if _CHANNELS.fullmatch(kind) and "channels" not in before:
        return "channels"
    if kind in _SPACE:
        free = next((role for role in ("columns", "rows") if role not in before), None)
        if free is not None:
            return free
        if size == 1:
            return "single"
        if _counts_frames(header, size):
            return "frames"
        raise InputError(f"{name} holds volumes, not frames; give a sequence of two-dimensional frames.")
    raise InputError(f"{name} has axes of kinds {' '.join(header.kinds)}, which make no frames; export it again.")


def _counts_frames(header: Header, size: int) -> bool:
    """Whether an axis that is called spatial is as long as there are frames with fields of their own."""
    is_alone = not _FRAMES & set(header.kinds)
    return is_alone and bool(header.frame_fields) and max(header.frame_fields) + 1 == size


def _check_sizes(sizes: dict[str, int], header: Header, name: str) -> None:
    if sizes["columns"] < 1 or sizes["rows"] < 1:
        raise InputError(f"{name} holds no images, at most tracking; give a sequence with ultrasound frames.")
    if sizes["frames"] < 1:
        raise InputError(f"{name} holds no frames; give a sequence with at least one.")
    if max(sizes["columns"], sizes["rows"]) > MOST_PIXELS_ALONG or sizes["frames"] > MOST_FRAMES:
        size = f"{sizes['columns']} x {sizes['rows']} pixels and {sizes['frames']} frames"
        raise InputError(f"The header of {name} announces {size}, which cannot be; export the sequence again.")
    if sizes["channels"] not in (1, 3, 4):
        raise InputError(f"{name} has {sizes['channels']} numbers a pixel; export it in grey values or RGB.")
    if header.frame_fields and max(header.frame_fields) >= sizes["frames"]:
        described = max(header.frame_fields) + 1
        raise InputError(f"{name} describes {described} frames but holds {sizes['frames']}; export the sequence again.")
