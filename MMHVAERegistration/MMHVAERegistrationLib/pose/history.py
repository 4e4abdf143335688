"""Every pose that the result had, in the scene, so that each can be had again to the last bit.

A transform's file holds the inverse of the matrix, which loses digits, so the history keeps the matrices themselves, in
an attribute of the result node, as decimal texts that read back exactly. The first step is the navigation's pose.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
import slicer
from MMHVAESynthesisLib.nodes import Matrix, to_vtk

from .outcome import Outcome
from .result_transform import follow_result, is_bent, local_matrix, local_to, parts, world_matrix

NAVIGATION, BY_HAND, CENTRES, LANDMARKS = "navigation", "hand", "centres", "landmarks"
PREVIEW, REGISTERED = "preview", "registered"
#: Steps that are kept beside the first.
MOST_STEPS = 100
#: Entries of a matrix that differ less than this were rounded, not moved: a file's digits.
ROUNDING = 1e-6
#: Largest difference, mm, between what a part held and what it should have held; more is what another part held.
OTHER_PART = 1e-3
_HISTORY = "MMHVAE.History"


@dataclass(frozen=True)
class Step:
    """One pose.

    Attributes:
        what: how it came about.
        world: (4, 4), the registration in world coordinates.
        local: (4, 4) each, what the parts held, the result's first.
        outcome: of the registration that made it, or None.
        parents: IDs of the transforms that the parts lay under, "" for none. None in scenes of earlier versions, where
            only the order tells the parts, which changes when one is deleted.
    """

    what: str
    world: Matrix
    local: tuple[Matrix, ...]
    outcome: Outcome | None = None
    parents: tuple[str, ...] | None = None

    def to_json(self) -> dict[str, Any]:
        """For a node's attribute."""
        return {
            "what": self.what,
            "world": self.world.ravel().tolist(),
            "local": [matrix.ravel().tolist() for matrix in self.local],
            "outcome": self.outcome.to_json() if self.outcome is not None else None,
            "parents": list(self.parents) if self.parents is not None else None,
        }

    @staticmethod
    def from_json(stored: dict[str, Any]) -> Step:
        """The inverse of :meth:`to_json`."""
        outcome, parents = stored["outcome"], stored.get("parents")
        return Step(
            stored["what"],
            np.reshape(stored["world"], (4, 4)),
            tuple(np.reshape(matrix, (4, 4)) for matrix in stored["local"]),
            Outcome.from_json(outcome) if outcome is not None else None,
            tuple(parents) if parents is not None else None,
        )


class History:
    """The poses of a result node; a new one begins with the pose that the node has.

    Args:
        result: the result node.
    """

    def __init__(self, result: Any) -> None:
        self.result = result
        if not result.GetAttribute(_HISTORY):
            self._store([self._here(NAVIGATION).to_json()], 0)

    @property
    def steps(self) -> list[Step]:
        """All of them, the oldest first."""
        return [Step.from_json(stored) for stored in self._stored()["steps"]]

    @property
    def position(self) -> int:
        """Which of them is now."""
        return int(self._stored()["position"])

    @property
    def current(self) -> Step:
        """The step that is now."""
        return Step.from_json(self._stored()["steps"][self.position])

    @property
    def world(self) -> Matrix:
        """(4, 4), the registration as it is now, in world coordinates, RAS mm; changes nothing."""
        step = self.current
        is_known = self._distance(step) < ROUNDING or is_bent(self.result)
        return step.world if is_known else world_matrix(self.result)

    @property
    def can_undo(self) -> bool:
        """Whether there is an earlier step, or a change that is none yet."""
        return self.position > 0 or self._was_moved()

    @property
    def can_redo(self) -> bool:
        """Whether there is a later step."""
        return self.position < len(self._stored()["steps"]) - 1 and not self._was_moved()

    def go_to(self, what: str, world: Matrix, outcome: Outcome | None = None) -> None:
        """Take a new pose; steps that were undone are forgotten."""
        self.settle()
        with slicer.util.NodeModify(self.result):
            for part in parts(self.result):
                part.SetMatrixTransformToParent(to_vtk(local_to(part, world)))
            self._append(self._step(what, world, outcome))

    def undo(self) -> None:
        """Back to the step before."""
        self.settle()
        self._go(self.position - 1)

    def redo(self) -> None:
        """Forward to the step after."""
        self.settle()
        self._go(self.position + 1)

    def settle(self) -> None:
        """Make what somebody else did to the node a step of its own; a file's rounding is taken back instead."""
        if not self._was_moved() or is_bent(self.result):
            return
        step = self.current
        if self._distance(step) < ROUNDING:
            self._show(step)
        else:
            follow_result(self.result)
            self._append(self._here(BY_HAND))

    def show_before(self) -> None:
        """Put everything as the first step has it, for a look, which is no step; :meth:`show_now` takes it back."""
        self.settle()
        self._show(self.steps[0])

    def show_now(self) -> None:
        """Put everything as the present step has it, to the last bit."""
        self._show(self.current)

    def _go(self, position: int) -> None:
        steps = self._stored()["steps"]
        if 0 <= position < len(steps):
            with slicer.util.NodeModify(self.result):
                self._show(Step.from_json(steps[position]))
                self._store(steps, position)

    def _show(self, step: Step) -> None:
        for index, part in enumerate(parts(self.result)):
            part.SetMatrixTransformToParent(to_vtk(_held(step, index, part)))

    def _was_moved(self) -> bool:
        return self._distance(self.current) > 0

    def _distance(self, step: Step) -> float:
        return float(np.abs(local_matrix(self.result) - _held(step, 0, self.result)).max())

    def _here(self, what: str) -> Step:
        return self._step(what, world_matrix(self.result))

    def _step(self, what: str, world: Matrix, outcome: Outcome | None = None) -> Step:
        nodes = parts(self.result)
        parents = tuple(part.GetTransformNodeID() or "" for part in nodes)
        return Step(what, world, tuple(map(local_matrix, nodes)), outcome, parents)

    def _append(self, step: Step) -> None:
        steps = [*self._stored()["steps"][: self.position + 1], step.to_json()]
        steps = steps[:1] + steps[1:][-MOST_STEPS:]
        self._store(steps, len(steps) - 1)

    def _stored(self) -> dict[str, Any]:
        return _parsed(self.result.GetAttribute(_HISTORY))

    def _store(self, steps: list[dict[str, Any]], position: int) -> None:
        self.result.SetAttribute(_HISTORY, json.dumps({"steps": steps, "position": position}))


def _held(step: Step, index: int, part: Any) -> Matrix:
    """What a part held at a step, to the last bit; one that came later, or was elsewhere, what it would have held."""
    by_order = step.local[index] if index < len(step.local) else None
    if step.parents is not None:  # parts under one parent hold the same
        known = dict(zip(step.parents, step.local, strict=True)).get(part.GetTransformNodeID() or "")
    else:
        known = by_order
    if is_bent(part):
        return by_order if by_order is not None else local_matrix(part)
    wanted = local_to(part, step.world)
    is_another = step.parents is None and index > 0 and known is not None and not _are_near(known, wanted)
    return wanted if known is None or is_another else known


def _are_near(a: Matrix, b: Matrix) -> bool:
    return bool(np.abs(a - b).max() < OTHER_PART)


@lru_cache(maxsize=2)
def _parsed(text: str) -> dict[str, Any]:
    """The history of an attribute, which nobody may change; asked for at every look at the panel."""
    stored: dict[str, Any] = json.loads(text)
    return stored
