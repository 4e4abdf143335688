"""A NIfTI file that another program has loaded already, and the question to a person where its voxels lie."""

from __future__ import annotations

import zlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ..exceptions import InputError
from .itk_files import read_information
from .nifti import read_header
from .nifti_forms import NIFTI_FORMS, contradiction, form_matrix
from .transforms import Matrix


@dataclass(frozen=True)
class NiftiQuestion:
    """What a file leaves open, and the answers that it allows.

    Attributes:
        fact: what is wrong, without its end.
        advice: what to do, where no answer would help.
        read: (4, 4), where ITK puts the file, and programs that read by it: indices to LPS mm.
        places: likewise by each form that can be chosen; empty where none can.
        hindrances: a sentence by each form that cannot.
    """

    fact: str
    advice: str
    read: Matrix
    places: dict[str, Matrix]
    hindrances: dict[str, str]


def nifti_question(path: Path) -> NiftiQuestion | None:
    """The question that a file leaves open; reads its header alone.

    Returns:
        None where the file is another format's, gone or unreadable, of another dimension than 3, or without
        contradiction.
    """
    try:
        header = read_header(path)
        if header is None or len([n for n in header.sizes if n > 1]) != 3:
            return None
        reader = read_information(path)
    except (EOFError, zlib.error, OSError, RuntimeError):
        return None
    read = _first_three(reader.GetDirection(), reader.GetSpacing(), reader.GetOrigin())
    name = Path(path.name)
    found = contradiction(read, tuple(reader.GetSize()[:3]), header, name)
    if found is None:
        return None
    places, hindrances = {}, {}
    for form in NIFTI_FORMS if found.can_choose else ():
        try:
            places[form] = form_matrix(header, form, name)
        except InputError as error:
            hindrances[form] = str(error)
    return NiftiQuestion(found.fact, found.advice, read, places, hindrances)


def _first_three(direction: tuple[float, ...], spacing: tuple[float, ...], origin: tuple[float, ...]) -> Matrix:
    """(4, 4) of the first three axes; files of one time have a fourth."""
    count, matrix = len(spacing), np.eye(4)
    matrix[:3, :3] = np.reshape(direction, (count, count))[:3, :3] * np.array(spacing[:3])
    matrix[:3, 3] = origin[:3]
    return matrix
