"""Label maps brought onto another grid, such as a tumour's outline onto the ultrasound's, with their topology kept.

Interpolating labels by the nearest neighbour tears thin structures, pricks holes into walls and moves volumes by
several per cent. Here every connected piece of every label is placed by itself: voxels are taken in the order of an
interpolated signed distance until the volume is that of the original (shape-based interpolation: Raya and Udupa, IEEE
Transactions on Medical Imaging 9, 1990), and where this would make or lose pieces, tunnels or cavities, a level set
that does not is thinned or grown to the volume one simple voxel at a time (see :mod:`.topology`).

Nothing here needs torch: it runs in Slicer's own process too.
"""

from __future__ import annotations

from collections.abc import Generator

import numpy as np
import SimpleITK as sitk
from numpy.typing import NDArray

from ..answers import PlacedLabel
from ..exceptions import InputError
from ..images import Matrix, apply_matrix, inverse, require_millimetres, to_matrix
from .label_pieces import pieces_of, place_steps
from .topology import is_simple, neighbours_in

Labels = NDArray[np.int32]

#: Share of its volume that a label may gain where seams between labels are closed.
MOST_ADDED = 0.01

Placed = tuple[sitk.Image, list[PlacedLabel]]


def overlay(labels: sitk.Image, transform: sitk.Transform, reference: sitk.Image) -> Placed:
    """Bring a label map onto the exact grid of ``reference``.

    Labels of one map exclude each other; structures that overlap come in several maps, one call each.

    Args:
        labels: a 3-D map of whole numbers, 0 for the background.
        transform: points of ``reference`` -> points of ``labels``, LPS mm; linear, such as a registration's result.
        reference: of which only the grid counts.

    Returns:
        A map on the grid of ``reference`` (uint8 where its labels allow, else int32), and what became of each label, in
        the order of their numbers; an empty map where there is none.

    Raises:
        InputError: ``labels`` is no 3-D map of whole numbers; the transform is not linear, or it flattens.
    """
    steps = label_steps(labels, transform, reference)
    while True:
        try:
            next(steps)
        except StopIteration as end:
            placed: Placed = end.value
            return placed


def label_steps(labels: sitk.Image, transform: sitk.Transform, reference: sitk.Image) -> Generator[float, None, Placed]:
    """:func:`overlay` piece by piece: yields the share that is done, and returns the result."""
    array = label_array(labels)
    to_source = _to_source_index(labels, transform, reference)
    result = np.zeros(reference.GetSize()[::-1], np.int32)
    values = [int(value) for value in np.unique(array) if value]
    # Small structures first: what they take is not missed by the large ones, and they would have no other place.
    all_pieces = sorted((p for value in values for p in pieces_of(array, value)), key=lambda piece: piece.count)
    kept, reached = dict.fromkeys(values, True), dict.fromkeys(values, 0)
    for number, piece in enumerate(all_pieces):
        steps = place_steps(piece, labels.GetSpacing()[::-1], to_source, reference.GetSpacing()[::-1], result)
        placed = yield from _shares(steps, number / len(all_pieces))
        if placed is not None:
            reached[piece.value] += 1
            kept[piece.value] &= placed
        yield (number + 1) / len(all_pieces)
    if len(values) > 1:
        _close_seams(result, array, to_source)
    report = [_report(value, array, result, to_source, reference, reached[value], kept[value]) for value in values]
    kind = np.uint8 if max(values, default=0) <= 255 else np.int32
    image = sitk.GetImageFromArray(result.astype(kind))
    image.CopyInformation(reference)
    return image, report


def _shares(steps: Generator[None, None, bool | None], share: float) -> Generator[float, None, bool | None]:
    """The same steps, each telling how much was done before them."""
    while True:
        try:
            next(steps)
        except StopIteration as end:
            placed: bool | None = end.value
            return placed
        yield share


def label_array(labels: sitk.Image) -> Labels:
    """The voxels (k, j, i) of a label map.

    Raises:
        InputError: it is no 3-D map of whole numbers from 0 to 2^31 - 1, or in another unit than millimetres.
    """
    if labels.GetDimension() != 3 or labels.GetNumberOfComponentsPerPixel() != 1:
        raise InputError("The segmentation is no single 3-D label map; save it as .seg.nrrd or a 3-D label map.")
    require_millimetres(labels, "segmentation")
    array = sitk.GetArrayViewFromImage(labels)
    if array.dtype in (np.uint8, np.uint16):
        return array.astype(np.int32)
    if np.iscomplexobj(array) or not np.isfinite(array).all():
        raise InputError("The segmentation holds numbers that are no labels; save it as a map of whole numbers.")
    if array.min() < 0 or array.max() >= 2**31 or (array != np.floor(array)).any():
        raise InputError("The segmentation holds negative or broken numbers; save it as a map of whole numbers.")
    return array.astype(np.int32)


def index_to_lps(image: sitk.Image) -> Matrix:
    """(4, 4) from an array index (k, j, i) to LPS mm."""
    matrix = np.eye(4)
    matrix[:3, :3] = (np.reshape(image.GetDirection(), (3, 3)) * np.array(image.GetSpacing()))[:, ::-1]
    matrix[:3, 3] = image.GetOrigin()
    return matrix


def _to_source_index(labels: sitk.Image, transform: sitk.Transform, reference: sitk.Image) -> Matrix:
    """(4, 4) from array indices of ``reference`` to those of ``labels``."""
    if reference.GetDimension() != 3:
        raise InputError("The image that gives the grid is no volume; choose a 3-D image.")
    require_millimetres(reference, "image that gives the grid")
    matrix = to_matrix(transform)
    if abs(np.linalg.det(matrix[:3, :3])) < 1e-6:
        raise InputError("The transform flattens space; give a rigid one (rotation and translation only).")
    return inverse(index_to_lps(labels)) @ matrix @ index_to_lps(reference)


def _close_seams(result: Labels, array: Labels, to_source: Matrix) -> None:
    """Give voxels that were left over between labels to one that touches them, unless every topology forbids it.

    Of those that fit, to the label that this enlarges least, and to none that it would enlarge too much.
    """
    places = np.argwhere(_between_labels(result))
    inside = np.all((places > 0) & (places < np.array(result.shape) - 1), axis=1)
    there = np.rint(apply_matrix(to_source, places.astype(float))).astype(int)
    inside &= ((there >= 0) & (there < array.shape)).all(axis=1)
    inside[inside] &= array[tuple(there[inside].T)] > 0  # real background stays
    before = np.bincount(result.ravel())
    added = np.zeros(len(before))
    for place in places[inside]:
        around = result[tuple(slice(p - 1, p + 2) for p in place)]
        touching = np.unique(around[around > 0]).tolist()
        fitting = [
            value
            for value in touching
            if added[value] + 1 <= MOST_ADDED * before[value] and is_simple(neighbours_in(around == value))
        ]
        if fitting:
            value = min(fitting, key=lambda value: (added[value] + 1) / before[value])
            result[tuple(place)] = value
            added[value] += 1


def _between_labels(result: Labels) -> NDArray[np.bool_]:
    """Background voxels that touch two labels or more."""
    image = sitk.GetImageFromArray(result)
    largest = sitk.GetArrayFromImage(sitk.GrayscaleDilate(image, [1, 1, 1], sitk.sitkBox))
    most = int(result.max()) + 1
    smallest_image = sitk.GetImageFromArray(np.where(result == 0, most, result))
    smallest = sitk.GetArrayFromImage(sitk.GrayscaleErode(smallest_image, [1, 1, 1], sitk.sitkBox))
    between: NDArray[np.bool_] = (result == 0) & (largest > smallest)
    return between


def _report(
    value: int, array: Labels, result: Labels, to_source: Matrix, reference: sitk.Image, pieces: int, kept: bool
) -> PlacedLabel:
    voxel = float(np.prod(reference.GetSpacing()))
    source_voxel = voxel / abs(float(np.linalg.det(to_source[:3, :3])))
    places = np.argwhere(array == value).astype(float)
    there = np.rint(apply_matrix(inverse(to_source), places))
    inside = ((there >= 0) & (there < result.shape)).all(axis=1)
    return PlacedLabel(
        value, len(places) * source_voxel, int((result == value).sum()) * voxel, 1 - float(inside.mean()), pieces, kept
    )
