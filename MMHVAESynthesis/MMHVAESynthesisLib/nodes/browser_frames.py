"""Tracked frames of a sequence browser as a sweep's file for the engine, with every pose in world coordinates.

The sequences' own items are read; which of them the scene shows stays as it is. The image lies under a chain of
transforms, as in SlicerIGT and PLUS: those that were recorded count with their item of the same time, those that were
not with what they are now. An image that is under no transform gets its chain from the names of the recorded
transforms (ImageToProbe, ProbeToReference), Reference being the world.
"""

from __future__ import annotations

from collections.abc import Callable, Generator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import vtk
from mmhvae import InputError
from mmhvae.sweep import Edge, edges_named, find_chain, read_calibration, write_metaimage_header
from numpy.typing import NDArray
from vtk.util import numpy_support

from .geometry import Matrix, ijk_to_ras, to_array

_GOOD = {"ok", "valid", "tracked", "1", "true"}
_CALIBRATION = "calibration"

#: The matrix of a frame, by its number; None where the tracker lost it.
Link = Callable[[int], "Matrix | None"]


@dataclass(frozen=True)
class TrackedFrames:
    """The images of a browser, and the links that take their pixels to the world, the last one first."""

    images: Any  # vtkMRMLSequenceNode
    links: tuple[Link, ...]

    def __len__(self) -> int:
        return int(self.images.GetNumberOfDataNodes())

    def pose(self, number: int) -> Matrix | None:
        """(4, 4) from pixel (column, row, 0) to RAS mm in the world; None where the frame is not to be used."""
        pose = np.eye(4)
        for link in self.links:
            matrix = link(number)
            if matrix is None or not np.isfinite(matrix).all():
                return None
            pose = pose @ matrix
        return pose if _is_good(self.images.GetNthDataNode(number)) else None

    def pixels(self, number: int) -> NDArray[np.uint8]:
        """(H, W) grey values.

        Raises:
            InputError: the frame is no image of 8-bit pixels.
        """
        image = self.images.GetNthDataNode(number).GetImageData()
        scalars = image.GetPointData().GetScalars() if image is not None else None
        if scalars is None or image.GetDimensions()[2] != 1:
            raise InputError(f"Frame {number} of {self.images.GetName()} is no flat image; choose another sequence.")
        array = numpy_support.vtk_to_numpy(scalars)
        if array.dtype != np.uint8:
            raise InputError(f"{self.images.GetName()} has pixels of type {array.dtype}; record 8-bit images.")
        width, height = image.GetDimensions()[:2]
        grey = array if array.ndim == 1 else array[:, :3].mean(1).astype(np.uint8)
        return np.ascontiguousarray(grey.reshape(height, width))


def require_sweep(browser: Any, calibration: str = "") -> None:
    """Refuse a browser whose frames cannot be placed; see :func:`tracked_frames`."""
    tracked_frames(browser, calibration).pixels(0)


def tracked_frames(browser: Any, calibration: str = "") -> TrackedFrames:
    """The frames of a sequence browser, and how each gets into the world.

    Args:
        browser: vtkMRMLSequenceBrowserNode.
        calibration: ImageToProbe as :func:`mmhvae.sweep.read_calibration` takes it; if given, it takes the
            place of every transform of the image.

    Raises:
        InputError: there are no images, or no way from them to the world.
    """
    images = _image_sequence(browser)
    matrix = read_calibration(calibration) if calibration else None
    proxy = browser.GetProxyNode(images)
    above = _transforms_above(proxy) if proxy is not None else []
    links = _links_above(browser, images, above, matrix) if above else _links_by_name(browser, images, matrix)
    if matrix is None:
        links.append(lambda number: ijk_to_ras(images.GetNthDataNode(number)))
    return TrackedFrames(images, tuple(links))


def _image_sequence(browser: Any) -> Any:
    """The first sequence of images, the browser's master before all others."""
    for sequence in _sequences(browser):
        if sequence.GetNumberOfDataNodes() and sequence.GetNthDataNode(0).IsA("vtkMRMLVolumeNode"):
            return sequence
    raise InputError(f"{browser.GetName()} holds no images; choose a sequence of tracked ultrasound frames.")


def _sequences(browser: Any) -> list[Any]:
    found = vtk.vtkCollection()
    browser.GetSynchronizedSequenceNodes(found, True)
    return [found.GetItemAsObject(index) for index in range(found.GetNumberOfItems())]


def _transforms_above(node: Any) -> list[Any]:
    """The transforms that a node lies under, the nearest first."""
    transforms = []
    while (node := node.GetParentTransformNode()) is not None:
        transforms.append(node)
    return transforms


def _links_above(browser: Any, images: Any, above: list[Any], calibration: Matrix | None) -> list[Link]:
    if calibration is None:
        return [_link(browser, images, transform) for transform in reversed(above)]
    others = [transform for transform in reversed(above) if not _is_images(browser, transform)]
    if not others:
        raise InputError(
            f"{above[0].GetName()} leads from the images straight to the world; leave the calibration out, it is in it."
        )
    return [*(_link(browser, images, transform) for transform in others), lambda number: calibration]


def _is_images(browser: Any, transform: Any) -> bool:
    """Whether a transform's name says that it leads from the image."""
    sequence = browser.GetSequenceNode(transform)
    names = [transform.GetName(), _source(sequence) if sequence is not None else ""]
    return any(edge.start.casefold() == "image" for name in names for edge in edges_named(name))


def _link(browser: Any, images: Any, transform: Any) -> Link:
    """How a transform of the scene takes part: with its recorded items, or as it is now."""
    sequence = browser.GetSequenceNode(transform)
    if sequence is not None:
        return _recorded(images, sequence)
    for other in _nodes(browser.GetScene(), "vtkMRMLSequenceBrowserNode"):
        if other.GetSequenceNode(transform) is not None:
            raise InputError(
                f"{transform.GetName()} was recorded in {other.GetName()}, not with these images; put both into one"
                " sequence browser."
            )
    matrix = _matrix(transform)
    return lambda number: matrix


def _nodes(scene: Any, kind: str) -> list[Any]:
    found = scene.GetNodesByClass(kind)
    found.UnRegister(None)
    return [found.GetItemAsObject(index) for index in range(found.GetNumberOfItems())]


def _matrix(transform: Any) -> Matrix:
    if not transform.IsLinear():
        raise InputError(f"{transform.GetName()} bends space; tracked frames need transforms that only move and turn.")
    matrix = vtk.vtkMatrix4x4()
    transform.GetMatrixTransformToParent(matrix)
    return to_array(matrix)


def _recorded(images: Any, sequence: Any) -> Link:
    def at(number: int) -> Matrix | None:
        # Only the item of the very frame counts: an older one would put the frame where the probe was before.
        item = sequence.GetDataNodeAtValue(images.GetNthIndexValue(number), True)
        return _matrix(item) if item is not None and _is_good(item) else None

    return at


def _is_good(item: Any) -> bool:
    """Whether every status that came with an item speaks for it; the tracker has many words for the contrary."""
    names = [name for name in item.GetAttributeNames() if name.lower().endswith("status")]
    return all(str(item.GetAttribute(name)).strip().lower() in _GOOD for name in names)


def _source(sequence: Any) -> str:
    """What was recorded, in PLUS's words: ProbeToReference."""
    return str(sequence.GetAttribute("Sequences.Source") or sequence.GetName())


def _links_by_name(browser: Any, images: Any, calibration: Matrix | None) -> list[Link]:
    recorded = {
        name: sequence
        for sequence in _sequences(browser)
        if sequence.GetNumberOfDataNodes() and sequence.GetNthDataNode(0).IsA("vtkMRMLTransformNode")
        for name in {_source(sequence), _source(sequence).split("-")[0]}
    }
    edges = [edge for name in recorded for edge in edges_named(name)]
    if calibration is not None:
        edges = [edge for edge in edges if "image" not in (edge.start.casefold(), edge.end.casefold())]
        edges.append(Edge("Image", "Probe", _CALIBRATION))
    chain = find_chain(edges, "Image", "Reference")
    if chain is None:
        raise InputError(
            f"The images of {browser.GetName()} are not placed in space; put {images.GetName()} under its transforms"
            " (module Transforms), or give the calibration of the probe."
        )
    links: list[Link] = []
    for step in chain:
        if step.name == _CALIBRATION:
            links.insert(0, lambda number: calibration)
        else:
            link = _recorded(images, recorded[step.name])
            links.insert(0, _inverse(link) if step.is_inverse else link)
    return links


def _inverse(link: Link) -> Link:
    def at(number: int) -> Matrix | None:
        matrix = link(number)
        return None if matrix is None or not np.linalg.det(matrix) else np.asarray(np.linalg.inv(matrix), np.float64)

    return at


def write_sweep_steps(browser: Any, calibration: str, path: Path) -> Generator[float, None, None]:
    """Write the frames of a browser as a sequence file, one after the other; yields the share that is done.

    Raises:
        InputError: as :func:`tracked_frames`, the frames differ in size, or the disk is full.
    """
    frames = tracked_frames(browser, calibration)
    first = frames.pixels(0)
    fields = []
    for number in range(len(frames)):
        fields += _fields(frames, number)
        yield 0.0
    try:
        with path.open("xb") as stream:
            write_metaimage_header(stream, (len(frames), *first.shape), fields, False)
            for number in range(len(frames)):
                pixels = frames.pixels(number)
                if pixels.shape != first.shape:
                    raise InputError(f"The images of {browser.GetName()} differ in size; choose another sequence.")
                stream.write(pixels.tobytes())
                yield (number + 1) / len(frames)
    except OSError as error:
        raise InputError(f"{browser.GetName()} cannot be written to {path.parent}; free some space there.") from error


def _fields(frames: TrackedFrames, number: int) -> list[tuple[str, str]]:
    pose, start = frames.pose(number), f"Seq_Frame{number:04d}_"
    matrix = np.eye(4) if pose is None else pose
    fields = [
        (f"{start}ImageToReferenceTransform", " ".join(repr(float(value)) for value in matrix.flat)),
        (f"{start}ImageToReferenceTransformStatus", "INVALID" if pose is None else "OK"),
    ]
    with suppress(ValueError):  # counted by names
        fields.append((f"{start}Timestamp", repr(float(frames.images.GetNthIndexValue(number)))))
    return [*fields, (f"{start}ImageStatus", "OK")]
