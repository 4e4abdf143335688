"""One connected piece of a label, placed on another grid with its volume and topology."""

from __future__ import annotations

import math
from collections.abc import Generator, Iterator, Sequence
from dataclasses import dataclass
from itertools import product

import numpy as np
import SimpleITK as sitk
from numpy.typing import NDArray

from ..images import Matrix, apply_matrix, inverse, translation_matrix
from .topology import Mask, Topology, cavities, deformed, pieces, spread, topology

#: Levels of the signed distance, in diagonals of a voxel, among which one with the right topology is looked for.
LEVELS = (-0.1, 0.1, -0.2, 0.2, -0.3, 0.3, -0.45, 0.45, -0.6, -0.8, -1.0)

#: Share of a piece's voxels up to which a part that the grid broke off is left out rather than a piece of its own.
LARGEST_SPLINTER = 0.1

#: Far outside, in mm.
_FAR = -1e6

Distances = NDArray[np.float32]
Box = tuple[slice, ...]


@dataclass(frozen=True)
class Piece:
    """A connected piece of a label: its mask (d, h, w), and the array index (k, j, i) of the mask's first voxel."""

    value: int
    mask: Mask
    start: tuple[int, ...]
    count: int


def pieces_of(array: NDArray[np.int32], value: int) -> Iterator[Piece]:
    """The connected pieces of a label, each in its own box."""
    numbers, _count = pieces(array == value)
    statistics = sitk.LabelShapeStatisticsImageFilter()
    statistics.Execute(sitk.GetImageFromArray(numbers))
    for number in statistics.GetLabels():
        box = statistics.GetBoundingBox(number)
        start, size = box[2::-1], box[:2:-1]
        mask = numbers[tuple(slice(s, s + n) for s, n in zip(start, size, strict=True))] == number
        yield Piece(value, mask, start, int(mask.sum()))


def place_steps(
    piece: Piece,
    source_spacing: Sequence[float],
    to_source: Matrix,
    spacing: Sequence[float],
    result: NDArray[np.int32],
) -> Generator[None, None, bool | None]:
    """Write a piece into ``result`` where no other label is, and apart from other pieces of its own label.

    A generator, so that a screen can be kept alive between its steps; it returns the result.

    Args:
        piece: of the original.
        source_spacing, spacing: of the original's and the result's array axes, in mm.
        to_source: (4, 4) from array indices of ``result`` to those of the original.
        result: (D, H, W), changed in place.

    Returns:
        Whether its topology was kept; None where it does not reach the grid.
    """
    diagonal = math.hypot(*spacing)
    margin = np.ceil((math.hypot(*source_spacing) + 1.5 * diagonal) / np.array(spacing)).astype(int) + 1
    start, size = _region(piece, inverse(to_source), margin, result.shape)
    if (size < 1).any():
        return None
    piece = _clipped(piece, inverse(to_source), start + 1, size - 2)  # the region's border stays background
    if not piece.count:
        return None
    to_piece = translation_matrix(-np.array(piece.start, float)) @ to_source @ translation_matrix(start.astype(float))
    shape = tuple(int(n) for n in size)
    count = max(1, round(piece.count / abs(float(np.linalg.det(to_source[:3, :3])))))
    distance = _distances(piece.mask, source_spacing, to_piece, shape, 1.5 * diagonal)
    yield
    region, there = _overlap(start, size, result.shape)
    distance[region][_taken(result, there, piece.value)] = -np.inf
    for axis in range(3):  # the border stays background
        np.moveaxis(distance, axis, 0)[[0, -1]] = -np.inf
    placed, kept = yield from _placed(distance, count, topology(piece.mask), diagonal)
    result[there][placed[region]] = piece.value
    return kept


def _region(
    piece: Piece, to_grid: Matrix, margin: NDArray[np.int_], shape: tuple[int, ...]
) -> tuple[NDArray[np.int_], NDArray[np.int_]]:
    """First index and size of the part of the grid, margins included, that a piece may reach."""
    ends = [(s - 0.5, s + n - 0.5) for s, n in zip(piece.start, piece.mask.shape, strict=True)]
    corners = apply_matrix(to_grid, np.array(list(product(*ends))))
    low = np.maximum(np.floor(corners.min(axis=0)).astype(int), 0) - margin
    high = np.minimum(np.ceil(corners.max(axis=0)).astype(int), np.array(shape) - 1) + margin
    return low, np.where((high - margin < 0) | (low + margin >= shape), 0, high - low + 1)


def _clipped(piece: Piece, to_grid: Matrix, start: NDArray[np.int_], size: NDArray[np.int_]) -> Piece:
    """What of a piece lies within a region of the grid."""
    places = np.argwhere(piece.mask)
    there = np.rint(apply_matrix(to_grid, (places + piece.start).astype(float)))
    inside = ((there >= start) & (there < start + size)).all(axis=1)
    if inside.all():
        return piece
    mask = np.zeros_like(piece.mask)
    mask[tuple(places[inside].T)] = True
    return Piece(piece.value, mask, piece.start, int(inside.sum()))


def _distances(
    mask: Mask, spacing: Sequence[float], to_mask: Matrix, shape: tuple[int, ...], reach: float
) -> Distances:
    """Signed distance in mm to the mask's surface, positive inside, at the voxels of a grid of this ``shape``.

    Args:
        mask: (d, h, w).
        spacing: of the mask's array axes, in mm.
        to_mask: (4, 4) from the grid's array indices to the mask's.
        shape: of the grid.
        reach: mm around the mask within which distances are wanted; less than ``_FAR`` beyond.
    """
    pads = [math.ceil(reach / step) + 2 for step in spacing]
    inside = sitk.GetImageFromArray(np.pad(mask, [(p, p) for p in pads]).astype(np.uint8))
    inside.SetSpacing(list(spacing)[::-1])
    distance = _distance_to(sitk.Equal(inside, 0)) - _distance_to(inside)
    distance.SetSpacing((1.0, 1.0, 1.0))
    matrix = translation_matrix(np.array(pads, float)) @ to_mask
    moved = sitk.AffineTransform(matrix[:3, :3][::-1, ::-1].ravel().tolist(), matrix[:3, 3][::-1].tolist())
    grid = sitk.Image(shape[::-1], sitk.sitkUInt8)
    resampled = sitk.Resample(distance, grid, moved, sitk.sitkLinear, _FAR, sitk.sitkFloat32)
    return np.array(sitk.GetArrayViewFromImage(resampled))


def _distance_to(mask: sitk.Image) -> sitk.Image:
    """mm from every voxel to the nearest one of ``mask``, from centre to centre; 0 in it."""
    signed = sitk.SignedMaurerDistanceMap(mask, squaredDistance=False, useImageSpacing=True)
    return sitk.Maximum(signed, 0.0)


def _overlap(start: NDArray[np.int_], size: NDArray[np.int_], shape: tuple[int, ...]) -> tuple[Box, Box]:
    """The part of a region that is on the grid, as seen from the region and from the grid."""
    low, high = np.maximum(start, 0), np.minimum(start + size, shape)
    region = tuple(slice(int(a), int(b)) for a, b in zip(low - start, high - start, strict=True))
    return region, tuple(slice(int(a), int(b)) for a, b in zip(low, high, strict=True))


def _taken(result: NDArray[np.int32], there: Box, value: int) -> Mask:
    """Where other labels are, and where other pieces of this label would be touched."""
    around = tuple(slice(max(s.start - 1, 0), s.stop + 1) for s in there)
    near = spread(result[around] == value)
    inner = tuple(slice(s.start - a.start, s.stop - a.start) for s, a in zip(there, around, strict=True))
    taken: Mask = near[inner] | (result[there] != 0)
    return taken


def _placed(
    distance: Distances, count: int, wanted: Topology, diagonal: float
) -> Generator[None, None, tuple[Mask, bool]]:
    """``count`` voxels of the greatest distances with the wanted topology, or as near to it as can be."""
    best = _mended(_highest(distance, count, 1.5 * diagonal), distance, wanted)
    difference = topology(best).difference(wanted)
    for level in LEVELS:
        yield
        if not difference:
            break
        mask = distance > level * diagonal
        if mask.any():
            mask = _mended(mask, distance, wanted)
            mask_difference = topology(mask).difference(wanted)
            if mask_difference < difference:
                best, difference = mask, mask_difference
    placed = deformed(best, distance, count)
    return placed, topology(placed) == wanted


def _mended(mask: Mask, distance: Distances, wanted: Topology) -> Mask:
    """Without splinters that broke off, and without new cavities; the volume is made up for elsewhere.

    A cavity in which another label lies stays.
    """
    numbers, count = pieces(mask)
    if count > wanted.pieces:
        sizes = np.bincount(numbers.ravel(), minlength=count + 1)[1:]
        surplus = np.argsort(sizes)[: count - wanted.pieces]
        splinters = surplus[sizes[surplus] <= LARGEST_SPLINTER * sizes.sum()]
        mask = mask & ~np.isin(numbers, 1 + splinters)
    holes, count = cavities(mask)
    if count > wanted.cavities:
        sizes = np.bincount(holes.ravel(), minlength=count + 1)[1:]
        sizes[np.setdiff1d(holes[distance == -np.inf], [0]) - 1] = mask.size
        surplus = np.argsort(sizes)[: count - wanted.cavities]
        mask = mask | np.isin(holes, 1 + surplus[sizes[surplus] < mask.size])
    return mask


def _highest(distance: Distances, count: int, band: float) -> Mask:
    """The ``count`` voxels of the greatest distances; only those within ``band`` mm of the surface need sorting."""
    mask: Mask = distance > band
    missing = count - int(mask.sum())
    near = np.flatnonzero((distance >= -band) & ~mask)
    if not 0 <= missing <= len(near):
        near, missing = np.flatnonzero(distance > -np.inf), count
        mask[:] = False
    if missing:
        chosen = np.argpartition(distance.ravel()[near], -min(missing, len(near)))[-missing:]
        mask.ravel()[near[chosen]] = True
    return mask
