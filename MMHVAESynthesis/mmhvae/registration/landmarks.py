"""Target registration error: how far landmarks stay apart under a transform, and the files that hold landmarks.

Points are (N, 3) float64 arrays in LPS mm, whatever the file's own convention.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import SimpleITK as sitk
from numpy.typing import NDArray

from ..exceptions import InputError
from ..images import flip_points, nearest_rotation, to_euler

Points = NDArray[np.float64]


def _read_text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise InputError(f"The landmark file {path} cannot be read; check its name.") from error
    except UnicodeDecodeError as error:
        raise InputError(f"{path} is not a text file; give landmarks as .tag or .mrk.json.") from error


def _tag_row(line: str, path: Path) -> list[float]:
    """The six numbers that a line of a tag file starts with; a label in quotes may follow."""
    try:
        row = [float(number) for number in line.split('"')[0].split()[:6]]
    except ValueError as error:
        raise InputError(f"A line of {path} holds something other than numbers: {line.strip()!r}; mend it.") from error
    if len(row) != 6 or not np.isfinite(row).all():
        raise InputError(f"A line of {path} does not hold two points of three numbers: {line.strip()!r}; mend it.")
    return row


def read_tag(path: str | Path) -> tuple[Points, Points]:
    """The point pairs of an MNI tag file over two volumes, as RESECT publishes them (`x y z  x y z ""`, RAS mm).

    Returns:
        The first and the second volume's points, in LPS mm; in RESECT's files MRI first, then ultrasound.

    Raises:
        InputError: the file cannot be read, is no tag file over two volumes, or holds no points.
    """
    path = Path(path)
    text = _read_text(path)
    header, found, body = text.partition("Points")
    if not header.lstrip().startswith("MNI Tag Point File") or not found or not body.lstrip().startswith("="):
        raise InputError(f"{path} is not an MNI tag file; give a .tag file with point pairs.")
    if "volumes=2;" not in "".join(header.lower().split()):
        raise InputError(f"{path} does not hold point pairs over two volumes; give a .tag file that does.")
    lines = body.lstrip()[1:].split(";")[0].splitlines()
    rows = [_tag_row(line, path) for line in lines if line.strip() and not line.lstrip().startswith("%")]
    if not rows:
        raise InputError(f"{path} holds no points; give a file with landmarks.")
    pairs = np.array(rows)
    return flip_points(pairs[:, :3]), flip_points(pairs[:, 3:])


def _position(point: Any, path: Path) -> list[float]:
    """A control point's three coordinates, in the file's coordinate system."""
    position = point.get("position") if isinstance(point, dict) else None
    try:
        numbers = [float(p) for p in position or [] if isinstance(p, (int, float))]
    except (TypeError, OverflowError):  # no list, or an integer beyond all floats
        numbers = []
    if len(numbers) != 3 or not np.isfinite(numbers).all():
        raise InputError(f"A point of {path} has no position; place or delete it in 3D Slicer, then save again.")
    if point.get("positionStatus", "defined") != "defined":
        raise InputError(f"A point of {path} is not placed; place or delete it in 3D Slicer, then save again.")
    return numbers


def read_markups(path: str | Path) -> Points:
    """The control points of a point list saved by 3D Slicer (`.mrk.json`), in LPS mm and the file's order.

    The file may be in LPS (Slicer's default) or in RAS; its first point list is read.

    Raises:
        InputError: the file cannot be read, holds no point list, or one of its points has no position.
    """
    path = Path(path)
    try:
        content = json.loads(_read_text(path))
        markups = next(m for m in content["markups"] if m.get("type", "Fiducial") == "Fiducial")
        points = list(markups["controlPoints"])
    except (json.JSONDecodeError, StopIteration, LookupError, TypeError, AttributeError, RecursionError) as error:
        raise InputError(f"{path} is not a point list of 3D Slicer; save the landmarks as .mrk.json.") from error
    if not points:
        raise InputError(f"{path} holds no points; give a file with landmarks.")
    positions = np.array([_position(point, path) for point in points])
    system = str(markups.get("coordinateSystem", "LPS")).upper()
    if system not in ("LPS", "RAS"):
        raise InputError(f"{path} is in the coordinate system {system}; save it in LPS or RAS.")
    return positions if system == "LPS" else flip_points(positions)


def _check_pairs(fixed_points: Points, moving_points: Points) -> None:
    shapes = fixed_points.shape, moving_points.shape
    if shapes[0] != shapes[1] or len(shapes[0]) != 2 or shapes[0][1] != 3 or shapes[0][0] == 0:
        raise InputError(
            f"There are {len(fixed_points)} fixed and {len(moving_points)} moving landmarks; "
            "give pairs in the same order."
        )


def target_registration_error(transform: sitk.Transform, fixed_points: Points, moving_points: Points) -> Points:
    """(N,) mm: the distance of each fixed landmark's image from its moving counterpart.

    Args:
        transform: fixed points -> moving points, LPS mm; any transform of ITK, rigid or not.
        fixed_points: (N, 3) LPS mm.
        moving_points: (N, 3) LPS mm, in the same order.

    Raises:
        InputError: the landmarks do not come in pairs.
    """
    _check_pairs(fixed_points, moving_points)
    mapped = np.array([transform.TransformPoint(point) for point in fixed_points.tolist()])
    distances: Points = np.linalg.norm(mapped - moving_points, axis=1)
    return distances


def best_rigid_fit(fixed_points: Points, moving_points: Points) -> sitk.Euler3DTransform:
    """The rigid transform, fixed points -> moving points, with the least squared error (Kabsch, 1976).

    What remains after it is the landmarks' own error and the tissue's deformation: no rigid registration does better.

    Raises:
        InputError: the landmarks do not come in pairs, are fewer than three, or lie on a line.
    """
    _check_pairs(fixed_points, moving_points)
    fixed_mean, moving_mean = fixed_points.mean(axis=0), moving_points.mean(axis=0)
    fixed, moving = fixed_points - fixed_mean, moving_points - moving_mean
    spread = np.linalg.svd(fixed, compute_uv=False)
    if len(fixed) < 3 or spread[1] <= 1e-6 * spread[0] or spread[0] == 0:
        raise InputError("A rigid fit needs three or more landmarks that are not on one line; add landmarks.")
    matrix = np.eye(4)
    matrix[:3, :3] = nearest_rotation(moving.T @ fixed)
    matrix[:3, 3] = moving_mean - matrix[:3, :3] @ fixed_mean
    return to_euler(matrix, fixed_mean)
