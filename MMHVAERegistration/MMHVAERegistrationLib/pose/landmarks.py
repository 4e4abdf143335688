"""Pairs of landmarks, and how far apart they are before and after the registration (TRE)."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from mmhvae import InputError
from mmhvae.images import flip_points
from mmhvae.registration import PointList, paired, read_tag
from MMHVAESynthesisLib.nodes import Matrix
from numpy.typing import NDArray
from slicer.i18n import tr as _

from .result_transform import before_to_world, is_registered

Points = NDArray[np.float64]


@dataclass(frozen=True)
class Pairs:
    """Landmarks in world coordinates, RAS mm.

    Attributes:
        names: of the pairs.
        fixed: (N, 3), in the ultrasound.
        moving: (N, 3), in the MR where the navigation shows it.
    """

    names: tuple[str, ...]
    fixed: Points
    moving: Points

    def errors(self, world: Matrix) -> Points:
        """(N,) mm, with the registration ``world`` (4, 4)."""
        moved = self.moving @ world[:3, :3].T + world[:3, 3]
        distances: Points = np.linalg.norm(moved - self.fixed, axis=1)
        return distances


def pairs_from(parameters: Any, world: Matrix, one_may_wait: bool = False) -> Pairs | None:
    """The pairs that the panel is set to; None where none were chosen.

    Args:
        parameters: of the panel.
        world: (4, 4), the registration in use.
        one_may_wait: whether a last point may be without its partner, which is being placed; then it is left out.

    Raises:
        InputError: they do not match, their file cannot be read, or it cannot be told where the MR's points belong.
    """
    if parameters.tagPath:
        return _from_tag(Path(parameters.tagPath), parameters)
    fixed, moving = parameters.usLandmarks, parameters.mrLandmarks
    if fixed is None or moving is None:
        return None
    if fixed is moving:
        raise InputError(_("Choose two lists of points: one in the ultrasound, one in the MR."))
    require_along(moving, world)
    a, b = (_points(node, one_may_wait) for node in (fixed, moving))
    if one_may_wait:
        count = min(len(a), len(b))
        a, b = a[:count], b[:count]
        if not count:
            return None
    if len(a) != len(b) or not len(a):
        raise InputError(
            _("{us} has {count} points and {mr} has {other}; give pairs in the same order.").format(
                us=fixed.GetName(), count=len(a), mr=moving.GetName(), other=len(b)
            )
        )
    labels = _labels(fixed)[: len(a)]
    b = paired(PointList(a, labels), PointList(b, _labels(moving)[: len(b)]))
    names = tuple(label or str(index + 1) for index, label in enumerate(labels))
    return Pairs(names, _placed(before_to_world(fixed), a), _placed(before_to_world(moving), b))


def require_along(moving: Any, world: Matrix) -> None:
    """That points in the MR move with it: else those clicked on the registered MR would be moved a second time.

    Args:
        moving: the list, which may be empty.
        world: (4, 4), the registration in use.

    Raises:
        InputError: they do not, though the registration has moved the MR.
    """
    if moving.GetNumberOfControlPoints() and not is_registered(moving) and not np.array_equal(world, np.eye(4)):
        text = _(
            "{name} does not move along with the MR: tick it under Moves along if its points lie where the MR was "
            "before, or else delete its points and place them anew."
        )
        raise InputError(text.format(name=moving.GetName()))


def _labels(node: Any) -> tuple[str, ...]:
    return tuple(node.GetNthControlPointLabel(index) for index in range(node.GetNumberOfControlPoints()))


def _points(node: Any, one_may_wait: bool) -> Points:
    """(N, 3) control points in the node's own coordinates."""
    points = []
    for index in range(node.GetNumberOfControlPoints()):
        if node.GetNthControlPointPositionStatus(index) != node.PositionDefined:
            if one_may_wait:
                break  # it follows the mouse
            raise InputError(_("A point of {name} is not placed; place it, or delete it.").format(name=node.GetName()))
        points.append(list(node.GetNthControlPointPosition(index)))
    return np.array(points, np.float64).reshape(-1, 3)


def _placed(place: Matrix, points: Points) -> Points:
    moved: Points = points @ place[:3, :3].T + place[:3, 3]
    return moved


def _from_tag(path: Path, parameters: Any) -> Pairs:
    """The file's points are those of the images' files: they lie under the images' transforms."""
    moving, fixed = (flip_points(points) for points in read_tag(path))  # LPS to RAS
    mr = next((node for node in (parameters.t2, parameters.cet1, parameters.flair) if node is not None), None)
    us = None if parameters.sweepPath or parameters.sweepBrowser is not None else parameters.us
    names = tuple(str(number + 1) for number in range(len(fixed)))
    return Pairs(
        names,
        _placed(before_to_world(us) if us is not None else np.eye(4), fixed),
        _placed(before_to_world(mr) if mr is not None else np.eye(4), moving),
    )
