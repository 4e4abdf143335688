"""What an input was when a result was made of it: its voxels in a few letters, and its place."""

from __future__ import annotations

import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from weakref import WeakKeyDictionary

import numpy as np
from mmhvae import InputError
from numpy.typing import NDArray

from .browser_frames import tracked_frames
from .geometry import Matrix, ijk_to_ras, parent_to_world, same_place
from .volume_files import voxels

_ROW = 4096
#: Frames of a sweep that are looked at.
_FRAMES = 16
_known: WeakKeyDictionary[Any, tuple[tuple[int, int], str]] = WeakKeyDictionary()


@dataclass(frozen=True)
class Fingerprint:
    """What an input is.

    Attributes:
        content: letters that change with any voxel.
        size: voxels along each index axis.
        place: (4, 4) from indices to RAS mm in world coordinates.
    """

    content: str
    size: tuple[int, ...]
    place: Matrix

    def difference(self, other: Fingerprint) -> str:
        """What sets ``other`` apart: "content", "place", or nothing ("")."""
        if self.content != other.content or self.size != other.size:
            return "content"
        return "" if same_place(self.place, other.place, self.size) else "place"

    def to_json(self) -> dict[str, Any]:
        """For a node's attribute."""
        return {"content": self.content, "size": list(self.size), "place": self.place.ravel().tolist()}

    @staticmethod
    def from_json(stored: dict[str, Any]) -> Fingerprint:
        """The inverse of :meth:`to_json`."""
        return Fingerprint(stored["content"], tuple(stored["size"]), np.reshape(stored["place"], (4, 4)))


def fingerprint(node: Any) -> Fingerprint:
    """Of a volume node; its voxels are looked at again only after they changed.

    Raises:
        InputError: it is empty, or under a transform that bends it.
    """
    image = node.GetImageData()
    scalars = image.GetPointData().GetScalars() if image is not None else None
    if scalars is None:
        raise InputError(f"{node.GetName()} is empty; choose a volume that shows something.")
    state = (image.GetMTime(), scalars.GetMTime())  # such times are unique in a process
    if node not in _known or _known[node][0] != state:
        _known[node] = (state, content(voxels(node)))
    return Fingerprint(_known[node][1], tuple(image.GetDimensions()), parent_to_world(node) @ ijk_to_ras(node))


def sweep_fingerprint(browser: Any, calibration: str) -> Fingerprint:
    """Of a browser's tracked frames: their number, and pixels and poses of some of them.

    Raises:
        InputError: see :func:`.tracked_frames.tracked_frames`.
    """
    frames = tracked_frames(browser, calibration)
    check = zlib.crc32(f"{len(frames)} {calibration}".encode())
    for number in sorted({round(share * (len(frames) - 1)) for share in np.linspace(0, 1, _FRAMES)}):
        pose = frames.pose(number)
        check = zlib.crc32(b"" if pose is None else np.round(pose, 3).tobytes(), check)
        check = zlib.crc32(content(frames.pixels(number)).encode(), check)
    return Fingerprint(f"{check:08x}", (len(frames), 1, 1), np.eye(4))


def file_fingerprint(path: str, calibration: str) -> Fingerprint:
    """Of a sweep's file: its size and time of change, since reading it may take long; "" where it is gone."""
    try:
        state = Path(path).stat()
        letters = f"{state.st_size}-{state.st_mtime_ns}-{zlib.crc32(calibration.encode()):08x}"
    except OSError:
        letters = ""
    return Fingerprint(letters, (1, 1, 1), np.eye(4))


def content(array: NDArray[Any]) -> str:
    """Letters that change with any single number, and practically with any change; 60 ms for 256 MB.

    The sums of all rows and of all columns of the array's bytes, taken as a table of whole numbers.
    """
    data = np.ascontiguousarray(array).reshape(-1).view(np.uint8)
    head = data[: data.size // (8 * _ROW) * (8 * _ROW)]
    table = head.view(np.uint64).reshape(-1, _ROW)
    sums = [table.sum(axis, dtype=np.uint64).tobytes() for axis in (0, 1)]
    tail = data[head.size :].tobytes()
    check = zlib.crc32(b"".join([*sums, tail, f"{array.dtype.str}{array.shape}".encode()]))
    return f"{check:08x}"
