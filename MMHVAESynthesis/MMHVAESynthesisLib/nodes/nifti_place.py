"""Where a volume lies whose NIfTI file says two things, or nothing: Slicer loads it without a word, we ask.

The answer moves the volume in the scene, where everybody sees it, and is kept with the node. The other answer takes it
back; saving the volume writes one place and ends the question.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import slicer
from mmhvae import InputError
from mmhvae.images import NiftiQuestion, nifti_question
from slicer.i18n import tr as _

from .geometry import FLIP, Matrix, ijk_to_ras, same_place, to_vtk

#: The node's attribute that keeps the answer.
FORM = "MMHVAE.NiftiForm"
_TURNED = ", turned"
#: How far rounding may move a voxel between a NIfTI file and the scene, mm.
_ROUNDING = 0.01
_known: dict[Path, tuple[tuple[int, int], NiftiQuestion | None]] = {}


def question_of(node: Any) -> NiftiQuestion | None:
    """What the file of a volume node leaves open; None where that is nothing, or the file is gone."""
    storage = node.GetStorageNode()
    name = storage.GetFullNameFromFileName() if storage is not None else ""
    if not name:
        return None
    path = Path(name)
    try:
        found = path.stat()
    except (OSError, ValueError):
        return None
    state = (found.st_mtime_ns, found.st_size)
    if path not in _known or _known[path][0] != state:
        _known[path] = (state, nifti_question(path))
    return _known[path][1]


def chosen_form(node: Any, question: NiftiQuestion) -> str:
    """The answer that was given for a node; "" where none was, or its file has been loaded anew since."""
    form, _, turned = str(node.GetAttribute(FORM) or "").partition(_TURNED)
    if form not in question.places:
        return ""
    stays = _is_at(node, question.places[form], bool(turned)) or not _is_as_loaded(node, question)
    return form if stays else ""


def choose_form(node: Any, form: str) -> None:
    """Put a volume where one form of its file says; a transform that was hardened on it stays in force.

    Raises:
        InputError: its file leaves nothing open, or the form cannot be used.
    """
    question = question_of(node)
    if question is None or form not in question.places:
        told = question.hindrances.get(form, _sentence(node, question)) if question is not None else ""
        raise InputError(told or _("The file of {name} leaves no choice.").format(name=node.GetName()))
    before = chosen_form(node, question)
    old = question.places[before] if before else question.read
    turned = _TURNED in node.GetAttribute(FORM) if before else _is_turned(node, question)
    now, place = ijk_to_ras(node), _placed(node, question.places[form], turned)
    if np.isfinite(old).all() and np.isfinite(now).all():
        # What was hardened on the volume stays outermost.
        place = now @ np.linalg.inv(_placed(node, old, turned)) @ place
    with slicer.util.NodeModify(node):
        node.SetIJKToRASMatrix(to_vtk(place))
        node.SetAttribute(FORM, form + (f"{_TURNED} third axis" if turned else ""))


def require_known_place(node: Any) -> None:
    """Refuse a volume whose file leaves its place open, until somebody has answered.

    Raises:
        InputError: what contradicts, and what to do.
    """
    question = question_of(node)
    if question is not None and not chosen_form(node, question):
        raise InputError(_sentence(node, question))


def _sentence(node: Any, question: NiftiQuestion) -> str:
    if not question.places:
        return f"{question.fact}; {question.advice}."
    text = _("{fact}; choose below, in the row of {name}, which one is right.")
    return text.format(fact=question.fact, name=node.GetName())


def _placed(node: Any, place: Matrix, turned: bool) -> Matrix:
    """(4, 4) from the node's indices to RAS mm, by a matrix of its file."""
    flip = np.eye(4)
    if turned:
        flip[2, 2], flip[2, 3] = -1.0, node.GetImageData().GetDimensions()[2] - 1
    matrix: Matrix = FLIP @ place @ flip
    return matrix


def _is_at(node: Any, place: Matrix, turned: bool) -> bool:
    """Whether the node lies where a matrix of its file says."""
    size = node.GetImageData().GetDimensions()
    return same_place(ijk_to_ras(node), _placed(node, place, turned), size, _ROUNDING)


def _is_as_loaded(node: Any, question: NiftiQuestion) -> bool:
    return any(_is_at(node, question.read, turned) for turned in (False, True))


def _is_turned(node: Any, question: NiftiQuestion) -> bool:
    """Whether Slicer has turned the third axis round, as it does where a file is not right-handed."""
    for turned in (False, True):
        if _is_at(node, question.read, turned):
            return turned
    axes = question.read[:3, :3]
    return not (np.isfinite(axes).all() and np.linalg.det(axes) > 0)
