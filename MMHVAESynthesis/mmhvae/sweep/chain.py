"""The way from one coordinate frame to another through transforms that are known by their names.

PLUS names a transform by the frames it leads from and to, ``ProbeToTracker``; a point p of Probe is
ProbeToTracker x p in Tracker. Any chain of these and of their inverses may connect two frames; the shortest is taken,
and among equally short ones that of the transforms which come first.
"""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from .frames import FloatArray

_TO = re.compile(r"(?<=.)To(?=[A-Z0-9])")


@dataclass(frozen=True)
class Edge:
    """A transform ``name`` that takes points of the frame ``start`` to the frame ``end``."""

    start: str
    end: str
    name: str


@dataclass(frozen=True)
class Step:
    """A link of a chain: a transform, or its inverse."""

    name: str
    is_inverse: bool


def edges_named(name: str) -> list[Edge]:
    """What ``name`` says of its transform: no edge if it is no transform's name, several if it can be split in several
    places (``ProbeToToolToTracker``), which does no harm, as one of the frames then occurs nowhere else."""
    return [Edge(name[: match.start()], name[match.end() :], name) for match in _TO.finditer(name)]


def find_chain(edges: Iterable[Edge], start: str, end: str) -> list[Step] | None:
    """The shortest chain from ``start`` to ``end``, in the order in which a point goes through it; None if there is
    none. Capitals in the names of frames do not matter."""
    neighbours: dict[str, list[tuple[str, Step]]] = {}
    for edge in edges:
        neighbours.setdefault(edge.start.casefold(), []).append((edge.end.casefold(), Step(edge.name, False)))
        neighbours.setdefault(edge.end.casefold(), []).append((edge.start.casefold(), Step(edge.name, True)))
    chains: dict[str, list[Step]] = {start.casefold(): []}
    waiting = deque(chains)
    while waiting:
        here = waiting.popleft()
        for there, step in neighbours.get(here, []):
            if there not in chains:
                chains[there] = [*chains[here], step]
                waiting.append(there)
    return chains.get(end.casefold())


def composed(chain: Sequence[Step], matrices: Mapping[str, FloatArray]) -> FloatArray:
    """The product along ``chain`` of matrices (4, 4) or (N, 4, 4), which must have inverses where one is asked for."""
    product: FloatArray = np.eye(4)
    for step in chain:
        matrix = matrices[step.name]
        if step.is_inverse:
            matrix = np.asarray(np.linalg.inv(matrix), np.float64)
        # The identity is left out so that a single transform comes through to the last bit.
        product = matrix if step is chain[0] else matrix @ product
    return product


def frames_of(edges: Iterable[Edge]) -> list[str]:
    """The names of all coordinate frames, each once, in order of appearance."""
    return list(dict.fromkeys(name for edge in edges for name in (edge.start, edge.end)))
