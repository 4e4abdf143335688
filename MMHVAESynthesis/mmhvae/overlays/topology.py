"""Digital topology of masks: Betti numbers, and growing or thinning that never changes them.

The mask is connected through faces, edges and corners (26), its background through faces only (6): the pair that keeps
a line one voxel wide in one piece, and a wall one voxel thick closed. A voxel is *simple* where adding or removing it
changes no number of pieces, tunnels or cavities (Bertrand and Malandain, Pattern Recognition Letters 15, 1994).
"""

from __future__ import annotations

import heapq
from dataclasses import dataclass
from functools import cache, lru_cache
from itertools import product
from typing import Any

import numpy as np
import SimpleITK as sitk
from numpy.typing import NDArray

Mask = NDArray[np.bool_]

#: The 27 steps of a neighbourhood; number 13 is the voxel itself.
_STEPS = tuple(product((-1, 0, 1), repeat=3))
_CENTRE = 13


@dataclass(frozen=True)
class Topology:
    """How many pieces, tunnels and enclosed cavities a mask has (its Betti numbers)."""

    pieces: int
    tunnels: int
    cavities: int

    def difference(self, other: Topology) -> int:
        """By how many pieces, tunnels and cavities two shapes differ; 0 where none was made or lost."""
        return abs(self.pieces - other.pieces) + abs(self.tunnels - other.tunnels) + abs(self.cavities - other.cavities)


def pieces(mask: Mask) -> tuple[NDArray[Any], int]:
    """The connected pieces of a (D, H, W) mask, numbered from 1, and how many there are."""
    return _components(mask, fully_connected=True)


def cavities(mask: Mask) -> tuple[NDArray[Any], int]:
    """The enclosed cavities of a (D, H, W) mask, numbered from 1, and how many there are."""
    background, count = _components(~np.pad(mask, 1), fully_connected=False)
    outside = background[0, 0, 0]
    numbers = np.where(background == outside, 0, background - (background > outside))
    return numbers[1:-1, 1:-1, 1:-1], count - 1


def topology(mask: Mask) -> Topology:
    """The Betti numbers of a (D, H, W) mask; what lies beyond the array counts as background."""
    number_of_pieces = _filtered(mask, fully_connected=True)[1]
    number_of_cavities = _filtered(~np.pad(mask, 1), fully_connected=False)[1] - 1
    tunnels = number_of_pieces + number_of_cavities - euler_characteristic(mask)
    return Topology(number_of_pieces, tunnels, number_of_cavities)


def euler_characteristic(mask: Mask) -> int:
    """Corners - edges + faces - voxels of the union of the mask's closed cubes: pieces - tunnels + cavities."""
    padded = np.pad(mask, 1)
    total = 0
    for axes in product((False, True), repeat=3):
        cells = padded
        for axis, spread in enumerate(axes):
            if spread:  # a cell belongs to the union if a cube on either side does
                low, high = [slice(None)] * 3, [slice(None)] * 3
                low[axis], high[axis] = slice(None, -1), slice(1, None)
                cells = cells[tuple(low)] | cells[tuple(high)]
        total -= (-1) ** sum(axes) * int(cells.sum())
    return total


def _components(mask: Mask, fully_connected: bool) -> tuple[NDArray[Any], int]:
    numbers, count = _filtered(mask, fully_connected)
    return sitk.GetArrayFromImage(numbers), count


def _filtered(mask: Mask, fully_connected: bool) -> tuple[sitk.Image, int]:
    filtered = sitk.ConnectedComponentImageFilter()
    filtered.SetFullyConnected(fully_connected)
    numbers = filtered.Execute(sitk.GetImageFromArray(mask.view(np.uint8)))
    return numbers, int(filtered.GetObjectCount())


@cache
def _bits(most: int, inside: int) -> tuple[int, ...]:
    """For each place of a neighbourhood, as bits, the places at most ``most`` axes away within ``inside``."""
    near = []
    for here in _STEPS:
        bits = 0
        for place, there in enumerate(_STEPS):
            apart = [abs(a - b) for a, b in zip(here, there, strict=True)]
            if place != _CENTRE and inside >> place & 1 and max(apart) == 1 and sum(apart) <= most:
                bits |= 1 << place
        near.append(bits)
    return tuple(near)


def _at_most(axes: int) -> int:
    """The places of a neighbourhood that differ from its centre in 1 to ``axes`` coordinates, as bits."""
    return sum(1 << place for place, step in enumerate(_STEPS) if 0 < sum(map(abs, step)) <= axes)


_ALL, _WITHOUT_CORNERS, _FACES = _at_most(3), _at_most(2), _at_most(1)


def _number_of_parts(bits: int, near: tuple[int, ...], touching: int) -> int:
    """How many connected parts of ``bits`` hold a place of ``touching``."""
    count = 0
    while bits & touching:
        front = bits & touching & -(bits & touching)
        bits &= ~front
        while front:
            lowest = front & -front
            front ^= lowest
            reached = near[lowest.bit_length() - 1] & bits
            bits &= ~reached
            front |= reached
        count += 1
    return count


@lru_cache(maxsize=1 << 18)
def is_simple(neighbours: int) -> bool:
    """Whether a voxel with these neighbours in the mask, bit n for step n of the neighbourhood, is simple."""
    if _number_of_parts(neighbours & _ALL, _bits(3, _ALL), _ALL) != 1:
        return False
    background = ~neighbours & _WITHOUT_CORNERS
    return _number_of_parts(background, _bits(1, _WITHOUT_CORNERS), _FACES) == 1


def neighbours_in(neighbourhood: Mask) -> int:
    """The bits that :func:`is_simple` asks for, of a (3, 3, 3) mask."""
    return sum(1 << place for place in np.flatnonzero(neighbourhood).tolist()) & _ALL


def deformed(mask: Mask, order: NDArray[np.floating[Any]], count: int, allowed: Mask | None = None) -> Mask:
    """``mask`` grown or thinned to ``count`` voxels without a change of its topology.

    Args:
        mask: (D, H, W); False at the array's border.
        order: (D, H, W), higher for what belongs inside rather. Thinning takes the lowest voxel of the surface first,
            growing the highest one outside it; infinity is never taken, minus infinity never added. Thinning spares
            voxels that end a line, which would shorten it.
        count: how many voxels are wanted; fewer changes are made where topology leaves no more.
        allowed: (D, H, W), where it may grow; everywhere but at the border by default.
    """
    left = abs(count - int(mask.sum()))
    if not left:
        return mask
    grows = count > int(mask.sum())
    free = np.zeros(mask.shape, bool)
    free[1:-1, 1:-1, 1:-1] = True
    free &= (order > -np.inf) & (True if allowed is None else allowed) if grows else order < np.inf
    state = bytearray(mask.astype(np.uint8).tobytes())
    shifts = [(a * mask.shape[1] + b) * mask.shape[2] + c for a, b, c in _STEPS]
    keys = (-order if grows else order).astype(np.float64).ravel().data  # of Python's numbers: fast to compare
    movable = free.ravel()
    surface = np.flatnonzero((spread(mask) & ~mask if grows else mask & spread(~mask)).ravel() & movable)
    queue = [(keys[place], place) for place in surface.tolist()]
    heapq.heapify(queue)
    while queue and left:
        _key, place = heapq.heappop(queue)
        if state[place] == grows:
            continue
        neighbours = _neighbours(state, place, shifts)
        if is_simple(neighbours) and (grows or neighbours & (neighbours - 1)):
            state[place] ^= 1
            left -= 1
            for shift in shifts:
                there = place + shift
                if state[there] == (not grows) and movable[there]:
                    heapq.heappush(queue, (keys[there], there))
    return np.frombuffer(state, np.uint8).reshape(mask.shape).astype(bool)


def _neighbours(state: bytearray, place: int, shifts: list[int]) -> int:
    bits = 0
    for number, shift in enumerate(shifts):
        if state[place + shift]:
            bits |= 1 << number
    return bits & _ALL


def spread(mask: Mask) -> Mask:
    """The mask and every voxel that touches it."""
    result = mask
    for axis in range(3):
        padded = np.pad(result, [(1, 1) if a == axis else (0, 0) for a in range(3)])
        low, mid, high = (
            tuple(slice(start, start + result.shape[axis]) if a == axis else slice(None) for a in range(3))
            for start in (0, 1, 2)
        )
        result = padded[low] | padded[mid] | padded[high]
    return result
