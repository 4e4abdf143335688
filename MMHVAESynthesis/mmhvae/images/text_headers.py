"""What NRRD and MetaImage headers leave out: ITK takes it for 1 mm, the origin, or an upright patient, without a word.

Fields: "Definition of NRRD File Format" (teem.sourceforge.net/nrrd/format.html); MetaIO's documentation
(itk.org/Wiki/ITK/MetaIO).
"""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np

from ..exceptions import InputError

#: Bytes read of a header: what is looked for stands before the fields that programs add.
_LONGEST = 1 << 20
_SIDES = ({"right", "left"}, {"anterior", "posterior"}, {"superior", "inferior"})
_SHORT_SPACES = {"ras", "las", "lps"}
_TIMES = {"t", "time", "frame", "frames"}
_UNITS = {"", "mm", "millimeter", "millimetre", "millimeters", "millimetres", "none", "???"}


def check_nrrd(path: Path, name: str) -> None:
    """Pass an NRRD file that says where its voxels lie, in mm.

    Raises:
        InputError: it does not, and what to do.
    """
    fields = _fields_of_volume(path, ":", "")
    again = f"save the {name} again with its geometry, for instance from 3D Slicer"
    space, directions = fields.get("space", "").lower(), fields.get("space directions", "")
    axes = [word for word in re.findall(r"none|\([^)]*\)", directions.lower()) if word != "none"]
    if not space and not axes and "spacings" not in fields:
        raise InputError(f"{path} states no voxel spacing, no orientation and no position; {again}.")
    if not _is_anatomical(space):
        what = f"its space {space!r} is none of a patient" if space else "it names no space"
        raise InputError(f"{path} does not say where left is: {what}; {again}.")
    if len(axes) != 3 or not all(_finite(axis, 3) for axis in axes):
        raise InputError(f"{path} states no spacing and orientation of its three axes; {again}.")
    if not _finite(fields.get("space origin", ""), 3):
        raise InputError(f"{path} states no position (space origin); {again}.")
    labels = {label.strip().lower() for label in re.findall(r'"([^"]*)"', fields.get("labels", ""))}
    if "time" in fields.get("kinds", "").lower().split() or not labels.isdisjoint(_TIMES):
        raise InputError(f"{path} has an axis that is time; save one moment of it, as a 3-D volume.")
    units = [unit.lower() for unit in re.findall(r'"([^"]*)"', fields.get("space units", ""))]
    _require_millimetres(units, path)


def check_metaimage(path: Path, name: str) -> None:
    """The same for a MetaImage file."""
    fields = _fields_of_volume(path, "=", "elementdatafile")
    again = f"save the {name} again with its geometry, for instance from 3D Slicer"
    dimensions = int(fields["ndims"]) if fields.get("ndims", "").isdecimal() else 3
    spacing = next((fields[key] for key in ("elementspacing", "elementsize") if key in fields), "")
    direction = next((fields[key] for key in ("transformmatrix", "orientation", "rotation") if key in fields), "")
    position = next((fields[key] for key in ("offset", "position", "origin") if key in fields), "")
    if not _finite(spacing, dimensions) or min(_numbers(spacing)) <= 0:
        raise InputError(f"{path} states no voxel spacing above 0 (ElementSpacing); {again}.")
    if not _finite(direction, dimensions**2):
        raise InputError(f"{path} does not say where left is: it has no TransformMatrix; {again}.")
    if not _finite(position, dimensions):
        raise InputError(f"{path} states no position (Offset); {again}.")
    _require_millimetres([fields.get("distanceunits", "").lower()], path)
    slope = fields.get("elementtointensityfunctionslope", "1"), fields.get("elementtointensityfunctionoffset", "0")
    if _numbers(" ".join(slope)) not in ([1.0, 0.0], []):
        raise InputError(f"{path} states a scale of its grey values, which is not applied; save the {name} without it.")


def header_fields(path: Path, mark: str, last: str) -> dict[str, str]:
    """The fields of a header by their names in lower case, up to an empty line or the field ``last``."""
    with open(path, "rb") as stream:
        lines = stream.read(_LONGEST).split(b"\n")
    fields: dict[str, str] = {}
    for line in lines:
        text = line.decode("latin-1").rstrip("\r")
        key, found, value = text.partition(mark)
        if found and not text.startswith("#"):
            fields.setdefault(" ".join(key.lower().split()), value.removeprefix("=").strip())
        if (not text.strip() and not last) or (found and key.strip().lower() == last):
            break
    return fields


def _fields_of_volume(path: Path, mark: str, last: str) -> dict[str, str]:
    fields = header_fields(path, mark, last)
    if any(name.startswith("seq_frame") for name in fields):
        raise InputError(f"{path} is a sequence of frames: its third axis is time; give it as a sweep.")
    return fields


def _is_anatomical(space: str) -> bool:
    words = space.removeprefix("3d-").split("-")
    return space in _SHORT_SPACES or (
        len(words) == 3 and all(word in sides for word, sides in zip(words, _SIDES, strict=True))
    )


def _numbers(text: str) -> list[float]:
    try:
        return [float(word) for word in re.split(r"[\s,()]+", text.strip()) if word]
    except ValueError:
        return []


def _finite(text: str, count: int) -> bool:
    numbers = _numbers(text)
    return len(numbers) == count and bool(np.isfinite(numbers).all())


def _require_millimetres(units: list[str], path: Path) -> None:
    foreign = [unit for unit in units if unit not in _UNITS]
    if foreign:
        raise InputError(f"{path} is in {foreign[0]}, not in millimetres; convert it, and save it again.")
