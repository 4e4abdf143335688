"""Landmarks from files: MNI tag files (`.tag`) and 3D Slicer's point lists (`.mrk.json`).

Points are (N, 3) float64 arrays in LPS mm, whatever the file's own convention and unit.
"""

from __future__ import annotations

import json
import os
import re
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..exceptions import InputError, InputNotice
from ..images import flip_points

Points = NDArray[np.float64]

_LARGEST = 1 << 26
#: Encodings of a text by what it begins with; without a mark, the first that leaves no control characters.
_ENCODINGS = (
    (b"\xff\xfe\0\0", "utf-32"), (b"\0\0\xfe\xff", "utf-32"), (b"\xff\xfe", "utf-16"), (b"\xfe\xff", "utf-16"),
    (b"", "utf-8-sig"), (b"", "utf-32-le"), (b"", "utf-32-be"), (b"", "utf-16-le"), (b"", "utf-16-be"),
    (b"", "latin-1"),
)  # fmt: skip
_CONTROL = re.compile(r"[\x00-\x08\x0e-\x1f]")
#: Millimetres in a unit, by the names of UCUM and by those that people write.
_UNITS = {"mm": 1.0, "millimeter": 1.0, "cm": 10.0, "centimeter": 10.0, "m": 1000.0, "meter": 1000.0}
_UNITS |= {"um": 1e-3, "µm": 1e-3, "μm": 1e-3, "micrometer": 1e-3, "micron": 1e-3, "dm": 100.0, "nm": 1e-6}
_SYSTEMS = {"lps": "LPS", "left-posterior-superior": "LPS", "ras": "RAS", "right-anterior-superior": "RAS"}


@dataclass(frozen=True)
class PointList:
    """Points (N, 3) in LPS mm, and what each is called."""

    points: Points
    labels: tuple[str, ...]


def read_landmarks(paths: Sequence[str | Path]) -> tuple[Points, Points]:
    """Pairs of landmarks: of one `.tag` file, or of two `.mrk.json` files, the fixed points, then the moving ones.

    Points of two lists belong together by their labels where both lists have the same ones, each once, in another
    order (an :class:`InputNotice` says so); else by their order. Labels are the same in capitals and small letters.

    Returns:
        Fixed and moving points, (N, 3) each, LPS mm; of a tag file the second volume's are the fixed ones.

    Raises:
        InputError: not one or two files, or one cannot be read; or labels contradict the order, in part.
    """
    if len(paths) == 1 and Path(paths[0]).suffix.lower() != ".json":
        moving, fixed = read_tag(paths[0])
        return fixed, moving
    if len(paths) != 2:
        raise InputError("Give one .tag file, or two .mrk.json files: the fixed points, then the moving ones.")
    first, second = (read_point_list(path) for path in paths)
    return first.points, paired(first, second)


def paired(fixed: PointList, moving: PointList) -> Points:
    """The moving points in the order of the fixed ones that they belong to; see :func:`read_landmarks`.

    Raises:
        InputError: labels contradict the order, in part.
    """
    a, b = ([" ".join(label.split()).casefold() for label in found.labels] for found in (fixed, moving))
    if a == b or len(a) != len(b) or len({*a}) < len(a) or len({*b}) < len(b):
        return moving.points
    if {*a} == {*b}:
        warnings.warn(
            InputNotice("The landmarks were paired by their labels, which stand in another order."), stacklevel=3
        )
        return moving.points[[b.index(label) for label in a]]
    astray = [label for place, label in enumerate(a) if label and label in b and b.index(label) != place]
    if astray:
        name = fixed.labels[a.index(astray[0])]
        raise InputError(
            f"The landmark {name} has another place in the moving list, and not all labels match; give both lists the"
            " same labels, or the same order."
        )
    return moving.points


def _read_text(path: Path) -> str:
    if not os.path.isfile(path):
        raise InputError(f"There is no landmark file {path}; check its name.")
    try:
        if path.stat().st_size > _LARGEST:
            raise InputError(f"{path} is too large for a list of landmarks; give a .tag or .mrk.json file.")
        content = path.read_bytes()
    except (OSError, ValueError) as error:
        raise InputError(f"The landmark file {path} cannot be read; check its name.") from error
    for mark, encoding in _ENCODINGS:
        if content.startswith(mark):
            try:
                text = content.decode(encoding)
            except UnicodeDecodeError:
                continue
            if not _CONTROL.search(text) and (not text or any(map(str.isascii, text))):
                return text
    raise InputError(f"{path} is not a text file; give landmarks as .tag or .mrk.json.")


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
    lines = [line for line in _read_text(path).splitlines() if not line.lstrip().startswith("%")]
    text = re.sub(r'"[^"\n]*"', '""', "\n".join(lines))  # labels may hold anything
    found = re.search(r"^\s*Points\s*=", text, re.MULTILINE)
    if not text.lstrip().startswith("MNI Tag Point File") or found is None:
        raise InputError(f"{path} is not an MNI tag file; give a .tag file with point pairs.")
    header, body = text[: found.start()], text[found.end() :]
    if "volumes=2;" not in "".join(header.lower().split()):
        raise InputError(f"{path} does not hold point pairs over two volumes; give a .tag file that does.")
    points, end, _ = body.partition(";")
    rows = [_tag_row(line, path) for line in points.splitlines() if line.strip()]
    if not rows:
        raise InputError(f"{path} holds no points; give a file with landmarks.")
    if not end:
        warnings.warn(InputNotice(f"{path.name} does not end with ';': points may be missing."), stacklevel=2)
    pairs = np.array(rows)
    return flip_points(pairs[:, :3]), flip_points(pairs[:, 3:])


def _position(point: Any, path: Path) -> list[float]:
    """A control point's three coordinates, in the file's coordinate system."""
    position = point.get("position") if isinstance(point, dict) else None
    try:
        numbers = [float(p) for p in position or [] if type(p) in (int, float)]
    except (TypeError, OverflowError):  # no list, or an integer beyond all floats
        numbers = []
    if len(numbers) != 3 or not np.isfinite(numbers).all():
        raise InputError(f"A point of {path} has no position; place or delete it in 3D Slicer, then save again.")
    if point.get("positionStatus", "defined") != "defined":
        raise InputError(f"A point of {path} is not placed; place or delete it in 3D Slicer, then save again.")
    return numbers


def read_markups(path: str | Path) -> Points:
    """The control points of :func:`read_point_list`."""
    return read_point_list(path).points


def read_point_list(path: str | Path) -> PointList:
    """The control points of a point list saved by 3D Slicer (`.mrk.json`), in the file's order.

    The file may be in LPS (Slicer's default) or in RAS, in mm or a unit that it states.

    Raises:
        InputError: the file cannot be read, holds no point list or several, or one of its points has no position.
    """
    path = Path(path)
    if path.suffix.lower() == ".fcsv":
        raise InputError(
            f"{path} is a point list of older versions of 3D Slicer; open it there and save it as .mrk.json."
        )
    try:
        lists = [m for m in json.loads(_read_text(path))["markups"] if m.get("type", "Fiducial") == "Fiducial"]
        markups = lists[0]
        points = list(markups["controlPoints"])
    except (ValueError, LookupError, TypeError, AttributeError, RecursionError) as error:
        if isinstance(error, InputError):
            raise
        raise InputError(f"{path} is not a point list of 3D Slicer; save the landmarks as .mrk.json.") from error
    if len(lists) > 1:
        raise InputError(f"{path} holds {len(lists)} point lists; save each in a file of its own.")
    if not points:
        raise InputError(f"{path} holds no points; give a file with landmarks.")
    positions = np.array([_position(point, path) for point in points]) * _millimetres(markups, path)
    stated = str(markups.get("coordinateSystem", "LPS"))
    if stated.lower() not in _SYSTEMS:
        raise InputError(f"{path} is in the coordinate system {stated}; save it in LPS or RAS.")
    labels = tuple(str(point.get("label", "")) for point in points)
    return PointList(positions if _SYSTEMS[stated.lower()] == "LPS" else flip_points(positions), labels)


def _millimetres(markups: Any, path: Path) -> float:
    """Millimetres in the unit of a point list; Slicer states it as a word, or as a coded entry whose word is first."""
    stated = markups.get("coordinateUnits", "mm")
    word = str(stated[0] if isinstance(stated, list) and stated else stated).strip()
    if word not in _UNITS:
        raise InputError(f"{path} is in the unit {word[:40]!r}, which is not known; save it in mm.")
    return _UNITS[word]
