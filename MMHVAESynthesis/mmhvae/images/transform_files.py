"""The one door of transform files: all that a file holds comes in, or none of it, and what is written is read back.

A file's transform takes *fixed* points to *moving* points, LPS mm, as ITK resamples.
"""

from __future__ import annotations

import math
import os
import re
from pathlib import Path

import numpy as np
import SimpleITK as sitk

from ..exceptions import InputError
from ..files import whole_file
from ..write_faults import not_written
from .itk_files import read_transform_file, tell, write_transform_file
from .transforms import to_matrix

_SUFFIXES = {".tfm", ".txt", ".h5", ".hdf5", ".mat"}
_TEXT, _HDF5 = b"#Insight Transform File", b"\x89HDF\r\n"
#: Of volumes after and before: below, a linear transform has no inverse.
_FLAT = 1e-9
#: mm: so far no coordinate system of a scanner or tracker is from another.
_FARTHEST = 1e4
_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?", re.ASCII)
_AS_ONE = "save it as one linear transform, for instance from 3D Slicer"
#: Other programs' files, by their suffix or by what they begin with.
_FOREIGN = {
    ".xfm": "an MNI transform", ".lta": "a FreeSurfer transform", ".dof": "an MIRTK transform",
    ".nii": "an image", ".nii.gz": "an image", ".nrrd": "an image", ".mha": "an image", ".mhd": "an image",
    ".json": "a text of another kind",
}  # fmt: skip
_BEGINNINGS = {
    b"(Transform ": "an elastix parameter file", b"(TransformParameters": "an elastix parameter file",
    b"MNI Transform File": "an MNI transform", b"type      =": "a FreeSurfer transform",
}  # fmt: skip
#: Numbers of parameters of the classes that are written as text.
_COUNTS = {
    "TranslationTransform": 3, "VersorTransform": 3, "ScaleTransform": 3, "Euler3DTransform": 6,
    "CenteredEuler3DTransform": 9, "VersorRigid3DTransform": 6, "QuaternionRigidTransform": 7,
    "Similarity3DTransform": 7, "ScaleVersor3DTransform": 9, "ScaleSkewVersor3DTransform": 15, "AffineTransform": 12,
    "CenteredAffineTransform": 15, "MatrixOffsetTransformBase": 12,
}  # fmt: skip


def read_transform(path: str | Path) -> sitk.Transform:
    """A 3-D transform file of ITK's (`.tfm`, `.txt`, `.h5`, `.mat`), composed ones included.

    Raises:
        InputError: there is no such file, it is another program's or damaged; it is not 3-D, holds several transforms
            that no composite puts in order, or one of a class that SimpleITK does not know.
    """
    path = Path(path)
    if not os.path.isfile(path):
        raise InputError(f"There is no transform file {path}; check its name.")
    _check(path)
    try:
        transform, words = read_transform_file(path)
    except KeyError as error:
        raise InputError(f"{path} is of a class that cannot be used here; {_AS_ONE}.") from error
    except (RuntimeError, MemoryError, UnicodeError) as error:  # the last where ITK quotes a damaged name
        raise InputError(f"{path} is not a transform that ITK can read; give a .tfm or .h5 file.") from error
    if any("more than one transform" in said for said in words):
        raise _several(path)
    tell(words, path)
    if transform.GetDimension() != 3:
        raise InputError(f"{path} is a {transform.GetDimension()}-D transform; give one in three dimensions.")
    if not all(map(math.isfinite, transform.GetParameters())):
        raise InputError(f"{path} holds numbers that are not finite; give another transform.")
    matrix = to_matrix(transform) if transform.IsLinear() else np.eye(4)
    if np.abs(matrix[:3]).max() > _FARTHEST:
        raise InputError(f"{path} moves points by more than {_FARTHEST / 1000:.0f} m; give one in millimetres.")
    if abs(np.linalg.det(matrix)) < _FLAT:
        raise InputError(f"{path} flattens space to a plane, a line or a point; give another transform.")
    return transform


def _several(path: Path) -> InputError:
    return InputError(f"{path} holds several transforms, and does not say in which order they apply; {_AS_ONE}.")


def _check(path: Path) -> None:
    """Refuse what ITK would read wrongly, or in part."""
    try:
        with open(path, "rb") as stream:
            start = stream.read(64)
        text = path.read_bytes().decode("latin-1") if start.startswith(_TEXT) else ""
    except OSError as error:
        raise InputError(f"{path} cannot be read; check its permissions.") from error
    foreign = [kind for suffix, kind in _FOREIGN.items() if path.name.lower().endswith(suffix)]
    foreign += [kind for mark, kind in _BEGINNINGS.items() if start.startswith(mark)]
    if foreign:
        raise InputError(f"{path} is {foreign[0]}, not a transform of ITK's; {_AS_ONE} (.tfm or .h5).")
    if not start.startswith((_TEXT, _HDF5)) and path.suffix.lower() != ".mat":
        raise InputError(f"{path} is not a transform that ITK can read; give a .tfm or .h5 file.")
    if path.suffix not in _SUFFIXES:
        raise InputError(f"{path} has no suffix of a transform file; name it .tfm, .txt, .h5 or .mat.")
    if text:
        _check_text(text, path)


def _check_text(text: str, path: Path) -> None:
    fields = [line.partition(":") for line in text.splitlines() if line.strip() and not line.startswith("#")]
    names = [value.strip() for key, _, value in fields if key.strip() == "Transform"]
    numbers = [
        (key.strip(), value.split()) for key, _, value in fields if key.strip() in ("Parameters", "FixedParameters")
    ]
    is_composite = bool(names) and names[0].startswith("CompositeTransform")
    if len(names) > 1 and not is_composite:
        raise _several(path)
    parts = names[1:] if is_composite else names
    if (
        len(numbers) < 2 * len(parts)
        or not parts
        or not all(_is_number(word) for _, words in numbers for word in words)
    ):
        raise InputError(
            f"{path} is not a transform that ITK can read: a part of its numbers is missing or none; save it again."
        )
    flat = [name for name in parts if name.endswith("_2_2")]
    if flat:
        raise InputError(f"{path} is a 2-D transform ({flat[0]}); give one in three dimensions.")
    given = [len(words) for key, words in numbers if key == "Parameters"][-len(parts) :]
    for name, count in zip(parts, given, strict=False):
        kind = re.sub(r"_(double|float)_3_3$", "", name)
        if kind != name and count != _COUNTS.get(kind, count):
            raise InputError(
                f"{path} is not a transform that ITK can read: a {kind} has {_COUNTS[kind]} numbers, not {count}."
            )


def _is_number(word: str) -> bool:
    """Whether ITK takes a word for a finite number; at any other it stops, and can write beyond its memory."""
    return bool(_NUMBER.fullmatch(word)) and math.isfinite(float(word))


def require_transform_suffix(path: Path) -> None:
    """Raise :class:`InputError` unless ``path`` ends like a format that :func:`write_transform` writes."""
    if path.suffix not in _SUFFIXES:
        raise InputError(f"{path.name} has no suffix of a transform file; name it .tfm or .h5.")


def write_transform(transform: sitk.Transform, path: str | Path) -> None:
    """Writes a transform file; its suffix (`.tfm`, `.txt`, `.h5`, `.mat`) chooses the format.

    Raises:
        InputError: another suffix, or the file cannot be written. Nothing half-written stays behind.
    """
    path = Path(path)
    require_transform_suffix(path)
    with whole_file(path) as temporary:
        try:
            write_transform_file(transform, temporary)
            found, words = read_transform_file(temporary)
        except (RuntimeError, KeyError) as error:
            raise not_written(path, error) from error
        if words or not _is_same(transform, found):
            raise not_written(path, RuntimeError(), ": what arrived differs from the result")


def _is_same(written: sitk.Transform, read: sitk.Transform) -> bool:
    """ITK writes text to a full disk without an error."""
    for kind in ("GetParameters", "GetFixedParameters"):
        a, b = getattr(written, kind)(), getattr(read, kind)()
        if len(a) != len(b) or not np.allclose(a, b, rtol=1e-6, atol=1e-9, equal_nan=True):
            return False
    return True
