"""The calibration of a tracked probe: ImageToProbe, from pixels to mm, in any of the three ways that people keep it."""

from __future__ import annotations

from pathlib import Path
from xml.etree import ElementTree

import numpy as np

from ..exceptions import InputError
from ..images import flip_ras_lps, inverse, read_transform, to_matrix
from ..settings import ReconstructionSettings
from .chain import Edge, composed, find_chain, frames_of
from .frames import FloatArray
from .matrices import is_calibration, numbers_in

_LARGEST_FILE = 2**24
_TRANSFORM_MARKS = (b"#Insight Transform File", b"\x89HDF\r\n")
_WAYS = "give a transform file (.tfm), 16 numbers, or a PLUS configuration (.xml)"


def read_calibration(
    source: str | Path,
    *,
    image: str = ReconstructionSettings.image_frame,
    probe: str = ReconstructionSettings.probe_frame,
) -> FloatArray:
    """ImageToProbe from a file or from numbers.

    - A transform file (`.tfm`, `.txt`, `.h5`), as 3D Slicer saves the node of a linear transform: the result is the
      node's matrix as the Transforms module shows it (to parent, RAS). Such a file holds the *inverse* of that matrix
      (from parent, ITK's convention of resampling) with the first two axes turned (LPS). So
      result = F x inverse(matrix in the file) x F with F = diag(-1, -1, 1, 1).
    - 16 numbers, row by row, as text or in a text file: the result is this matrix; nothing is turned or inverted.
    - A PLUS configuration: what the ``Transform`` elements of its ``CoordinateDefinitions`` make of the way from
      ``image`` to ``probe``; mostly it is one of them.

    Args:
        source: the path of such a file, or the numbers themselves.
        image: what a PLUS configuration calls the coordinate frame of the pixels.
        probe: what it calls that of the probe's marker.

    Returns:
        (4, 4); the pixel (column, row, 0, 1) to mm in the coordinate frame of the probe's marker.

    Raises:
        InputError: the source is none of these, or its matrix is flat or not finite.
    """
    if isinstance(source, str) and not _is_file(Path(source)) and (values := numbers_in(source)):
        return check_calibration(_from_numbers(values))
    return check_calibration(_from_file(Path(source), image, probe))


def check_calibration(matrix: FloatArray) -> FloatArray:
    """``matrix`` (4, 4) itself, if pixels can be taken to mm by it.

    Raises:
        InputError: it is not 4 x 4, not finite, singular or nearly so, or its last row is not 0 0 0 1.
    """
    matrix = np.asarray(matrix, np.float64)
    if matrix.shape != (4, 4):
        raise InputError(f"The calibration has the shape {matrix.shape}; give a matrix of 4 rows and 4 columns.")
    if not np.isfinite(matrix).all():
        raise InputError("The calibration holds numbers that are not finite; calibrate the probe again.")
    if not is_calibration(matrix):
        raise InputError(
            "The calibration cannot take an image into space: its matrix is singular or does not end in 0 0 0 1;"
            " give the 4 x 4 ImageToProbe, row by row."
        )
    return matrix


def _from_numbers(values: list[float]) -> FloatArray:
    if len(values) != 16:
        raise InputError(f"The calibration has {len(values)} numbers; give the 16 of the 4 x 4 matrix, row by row.")
    return np.reshape(values, (4, 4))


def _from_file(path: Path, image: str, probe: str) -> FloatArray:
    if not _is_file(path):
        raise InputError(f"There is no calibration file {str(path)[:200]}; {_WAYS}.")
    if path.stat().st_size > _LARGEST_FILE:
        raise InputError(f"{path.name} is too large for a calibration; {_WAYS}.")
    try:
        content = path.read_bytes()
    except OSError as error:
        raise InputError(f"{path} cannot be read; check its permissions.") from error
    if content.startswith(_TRANSFORM_MARKS):
        # A node's to-parent matrix in RAS, from what Slicer stores: from-parent in LPS.
        return flip_ras_lps(_inverted(to_matrix(read_transform(path))))
    text = content.decode("utf-8-sig", errors="replace").strip()
    if text.startswith("<"):
        return _from_configuration(text, path.name, image, probe)
    values = numbers_in(text)
    if not values:
        raise InputError(f"{path.name} is not a calibration; {_WAYS}.")
    return _from_numbers(values)


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except (OSError, ValueError):  # a name longer than any, or with a zero in it
        return False


def _inverted(matrix: FloatArray) -> FloatArray:
    try:
        return inverse(matrix)
    except np.linalg.LinAlgError as error:
        raise InputError("The calibration's matrix is singular; calibrate the probe again.") from error


def _from_configuration(text: str, name: str, image: str, probe: str) -> FloatArray:
    """From the transforms of a PLUS configuration."""
    matrices: dict[str, FloatArray] = {}
    edges = []
    for element in _transform_elements(text, name):
        start, end = element.get("From", ""), element.get("To", "")
        values = numbers_in(element.get("Matrix", ""))
        if start and end and values is not None and len(values) == 16:
            edges.append(Edge(start, end, f"{start} to {end}"))
            matrices[edges[-1].name] = np.reshape(values, (4, 4))
    chain = find_chain(edges, image, probe)
    if chain is None:
        known = ", ".join(frames_of(edges)) or "no coordinate frames"
        raise InputError(f"{name} defines no way from {image} to {probe}, only {known}; calibrate the probe first.")
    for step in chain:
        check_calibration(matrices[step.name])
    return composed(chain, matrices)


def _transform_elements(text: str, name: str) -> list[ElementTree.Element]:
    if "<!DOCTYPE" in text or "<!ENTITY" in text:  # no configuration has them; they can blow up while being read
        raise InputError(f"{name} is not a PLUS configuration; {_WAYS}.")
    try:
        root = ElementTree.fromstring(text)
    except (ElementTree.ParseError, ValueError) as error:
        raise InputError(f"{name} is damaged: it is not valid XML; {_WAYS}.") from error
    return [element for part in root.iter("CoordinateDefinitions") for element in part.iter("Transform")]
