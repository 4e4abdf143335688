"""Which nodes of the scene are probably which of the model's images, by their names and DICOM descriptions."""

from __future__ import annotations

from typing import Any

import slicer
from mmhvae import InputError
from mmhvae.images import guess_modality

from ..nodes import require_sweep
from .results import KIND

_DESCRIPTIONS = ("0008,103e", "0018,1030")  # series description, protocol name


def guessed_inputs() -> dict[str, Any]:
    """A node for every modality that exactly one node of the scene stands for: of two, the user has to choose.

    Tracked frames in a sequence browser go before an ultrasound volume. Where there is ultrasound, it comes alone: the
    MR beside it is pre-operative as a rule, lies where the brain was before, and would be believed.
    """
    found = candidates()
    names = ("us",) if "us" in found else tuple(found)
    return {name: found[name][0] for name in names if len(found[name]) == 1}


def candidates() -> dict[str, list[Any]]:
    """Every node of the scene that a modality's name or description fits; tracked frames before ultrasound volumes."""
    found: dict[str, list[Any]] = {}
    for node in slicer.util.getNodesByClass("vtkMRMLScalarVolumeNode"):
        guess = _guess(node)
        if guess is not None:
            found.setdefault(guess, []).append(node)
    browsers = [node for node in slicer.util.getNodesByClass("vtkMRMLSequenceBrowserNode") if _is_sweep(node)]
    if browsers:
        found["us"] = browsers
    return found


def _guess(node: Any) -> str | None:
    if not node.IsA("vtkMRMLScalarVolumeNode") or node.IsA("vtkMRMLLabelMapVolumeNode") or node.GetAttribute(KIND):
        return None
    image = node.GetImageData()
    if image is None or min(image.GetDimensions()) < 2:  # a single slice, as it streams in
        return None
    guesses = (guess_modality(text) for text in (node.GetName() or "", *_dicom_descriptions(node)))
    return next((guess for guess in guesses if guess is not None), None)


def _dicom_descriptions(node: Any) -> list[str]:
    uids = (node.GetAttribute("DICOM.instanceUIDs") or "").split()
    database = getattr(slicer, "dicomDatabase", None)
    if not uids or database is None or not database.isOpen:
        return []
    file = database.fileForInstance(uids[0])
    return [database.fileValue(file, tag) for tag in _DESCRIPTIONS] if file else []


def _is_sweep(browser: Any) -> bool:
    try:
        require_sweep(browser)
    except InputError:
        return False
    return True
