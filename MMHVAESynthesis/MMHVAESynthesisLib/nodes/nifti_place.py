"""Where a volume or segmentation lies whose NIfTI file says two things, or nothing: Slicer is silent there, we ask.

The answer moves the node's voxels in the scene, where everybody sees it, and is kept with the node. The other answer
takes it back; saving the node writes one place and ends the question.
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
from .segmentation_grid import lies_on, move_to_grid

#: The node's attribute that keeps the answer.
FORM = "MMHVAE.NiftiForm"
_TURNED, _SEGMENTATION = ", turned", "vtkMRMLSegmentationNode"
#: How far rounding may move a voxel between a NIfTI file and the scene, mm.
_ROUNDING = 0.01
_known: dict[Path, tuple[tuple[int, int], NiftiQuestion | None]] = {}


def question_of(node: Any) -> NiftiQuestion | None:
    """What the file of a volume or segmentation leaves open; None where that is nothing, or the file is gone."""
    storage = node.GetStorageNode() if node.IsA("vtkMRMLStorableNode") else None
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
    """Put a volume or segmentation where one form of its file says.

    A transform that was hardened on a volume stays in force.

    Raises:
        InputError: its file leaves nothing open, the form cannot be used, or a segmentation has left its file's grid.
    """
    question = question_of(node)
    if question is None:
        raise InputError(_("The file of {name} leaves no choice.").format(name=node.GetName()))
    if form not in question.places or _has_left(node, question):
        raise InputError(hindrance_of(node, question, form) or _sentence(node, question))
    before, old = chosen_form(node, question), _old(node, question)
    if node.IsA(_SEGMENTATION):
        move_to_grid(node, FLIP @ old, FLIP @ question.places[form])
        node.SetAttribute(FORM, form)
        return
    turned = _TURNED in node.GetAttribute(FORM) if before else _is_turned(node, question)
    now, place = ijk_to_ras(node), _placed(node, question.places[form], turned)
    if np.isfinite(old).all() and np.isfinite(now).all():
        # What was hardened on the volume stays outermost.
        place = now @ np.linalg.inv(_placed(node, old, turned)) @ place
    with slicer.util.NodeModify(node):
        node.SetIJKToRASMatrix(to_vtk(place))
        node.SetAttribute(FORM, form + (f"{_TURNED} third axis" if turned else ""))


def hindrance_of(node: Any, question: NiftiQuestion, form: str) -> str:
    """Why a form cannot be chosen for a node, in one sentence; "" where it can."""
    if form in question.hindrances:
        return question.hindrances[form]
    text = _("{name} has left the grid of its file; load the file again, and answer then.")
    return text.format(name=node.GetName()) if _has_left(node, question) else ""


def _has_left(node: Any, question: NiftiQuestion) -> bool:
    """Whether a segmentation was hardened, resampled or made of surfaces: nobody knows what was done to it first."""
    return bool(node.IsA(_SEGMENTATION)) and not lies_on(node, FLIP @ _old(node, question))


def _old(node: Any, question: NiftiQuestion) -> Matrix:
    return question.places.get(chosen_form(node, question), question.read)


def require_known_place(node: Any) -> None:
    """Refuse a volume or segmentation whose file leaves its place open, until somebody has answered.

    Raises:
        InputError: what contradicts, and what to do.
    """
    question = question_of(node)
    if question is not None and not chosen_form(node, question):
        raise InputError(_sentence(node, question))


def _sentence(node: Any, question: NiftiQuestion) -> str:
    if not question.places:
        return f"{question.fact}; {question.advice}."
    if _has_left(node, question):
        text = _("{fact}, and {name} has left the grid of its file; load it again, and answer then.")
        return text.format(fact=question.fact, name=node.GetName())
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
    if node.IsA(_SEGMENTATION):
        return not turned and lies_on(node, FLIP @ place)
    if node.GetImageData() is None:
        return False
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
