"""An MR that somebody has hardened under the result: the registration is in its own grid now.

Put under the result once more it would be moved a second time, and registered anew it would part from its outlines.
"""

from __future__ import annotations

from typing import Any

from MMHVAESynthesisLib.nodes import Fingerprint, Matrix, ijk_to_ras, parent_to_world, same_place
from slicer.i18n import tr as _

from ..pose import History, find_result, is_registered
from .outcome_inputs import places_of

#: Millimetres; hardening loses less, and no registration that matters is as small.
TOLERANCE = 0.01


def hardened_reason(node: Any) -> str:
    """That an MR carries a registration in its grid, and what to do, in one sentence; "" where it does not."""
    result = find_result()
    if result is None or is_registered(node) or not _carries(node, History(result)):
        return ""
    text = _("{name} was hardened with the registration in it: undo that, or load the MR anew and choose it here.")
    return text.format(name=node.GetName())


def _carries(node: Any, poses: History) -> bool:
    """Whether it lies, by itself, where one of the poses had put it."""
    steps = poses.steps
    befores = [place for step in steps if step.outcome is not None for place in places_of(step.outcome, node)]
    if not befores or node.GetImageData() is None or _is_bent(node):
        return False
    now, worlds = parent_to_world(node) @ ijk_to_ras(node), [poses.world, *(step.world for step in steps)]
    return any(_is_moved(before, world, now) for before in befores for world in worlds)


def _is_bent(node: Any) -> bool:
    above = node.GetParentTransformNode()
    return above is not None and not above.IsTransformToWorldLinear()


def _is_moved(before: Fingerprint, world: Matrix, now: Matrix) -> bool:
    moved = world @ before.place
    is_still = same_place(before.place, moved, before.size, TOLERANCE)
    return not is_still and same_place(now, moved, before.size, TOLERANCE)
