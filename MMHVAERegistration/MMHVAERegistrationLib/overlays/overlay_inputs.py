"""What an overlay was made of, and whether that is still what it was: the segmentation, the ultrasound, their places.

It is kept in the overlay's attributes and node references, so that it survives the scene's being saved and loaded.
"""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import slicer
from mmhvae import InputError
from mmhvae.images import MODALITIES
from MMHVAESynthesisLib.nodes import (
    Fingerprint,
    Matrix,
    fingerprint,
    ijk_to_ras,
    ijk_to_world,
    parent_to_world,
    same_place,
    segment_fingerprints,
)
from MMHVAESynthesisLib.synthesis import STALE, mark_by
from slicer.i18n import tr as _

_MADE, _SEGMENTATION, _ULTRASOUND = (f"MMHVAE.Overlay{name}" for name in ("Made", "Segmentation", "Ultrasound"))


def overlay_inputs(segmentation: Any, ultrasound: Any) -> str:
    """What the two are now, as JSON.

    Raises:
        InputError: one of them is under a transform that bends it, or the ultrasound is empty.
    """
    return json.dumps(
        {
            "segments": [print_.to_json() for print_ in segment_fingerprints(segmentation)],
            "us": _on_its_own(ultrasound).to_json(),
            "between": _between(segmentation, ultrasound).ravel().tolist(),
        }
    )


def remember(overlay: Any, made: str, segmentation: Any, ultrasound: Any) -> None:
    """Keep with an overlay what it was made of just now."""
    overlay.SetAttribute(_MADE, made)
    overlay.SetNodeReferenceID(_SEGMENTATION, segmentation.GetID())
    overlay.SetNodeReferenceID(_ULTRASOUND, ultrasound.GetID())
    overlay.RemoveAttribute(STALE)


def overlays() -> list[Any]:
    """Every overlay in the scene."""
    return [node for node in slicer.util.getNodesByClass("vtkMRMLLabelMapVolumeNode") if node.GetAttribute(_MADE)]


def overlays_of(segmentation: Any, ultrasound: Any) -> list[Any]:
    """Those of a segmentation on an ultrasound, in the order of its layers."""
    return [node for node in overlays() if sources_of(node) == [segmentation, ultrasound]]


def sources_of(overlay: Any) -> list[Any]:
    """The segmentation and the ultrasound; None for one that is gone."""
    return [overlay.GetNodeReference(role) for role in (_SEGMENTATION, _ULTRASOUND)]


def mark_overlays() -> None:
    """Mark the overlays that are stale, and take the mark off the others."""
    mark_by(overlays(), stale_overlay_reason)


def stale_overlay_reason(overlay: Any) -> str:
    """Why an overlay no longer matches, in one sentence; "" where it does."""
    segmentation, ultrasound = sources_of(overlay)
    if segmentation is None:
        return _("The segmentation that it was made of is gone.")
    if ultrasound is None:
        return _("The ultrasound that it was made for is gone.")
    made = json.loads(overlay.GetAttribute(_MADE))
    before, between = Fingerprint.from_json(made["us"]), np.reshape(made["between"], (4, 4))
    try:
        us, segments = _on_its_own(ultrasound), segment_fingerprints(segmentation)
        now = _between(segmentation, ultrasound)
    except InputError as error:
        return str(error)
    what, name, shown = before.difference(us), segmentation.GetName(), MODALITIES["us"].name
    if what == "content":
        return _("The {name} has changed since; bring it onto the grid again.").format(name=shown)
    if what == "place" or not same_place(ijk_to_world(overlay), ijk_to_world(ultrasound), us.size):
        return _("The {name} was moved since; bring it onto the grid again.").format(name=shown)
    if not _same(segments, [Fingerprint.from_json(stored) for stored in made["segments"]]):
        return _("{name} has changed since; bring it onto the grid again.").format(name=name)
    if not same_place(between @ before.place, now @ us.place, us.size):
        text = _("{name} was moved since (by registration, undo or a transform); bring it onto the grid again.")
        return text.format(name=name)
    return ""


def _on_its_own(ultrasound: Any) -> Fingerprint:
    """Of the ultrasound's grid, without its parent transforms: the overlay lies under them, too."""
    found = fingerprint(ultrasound)
    return Fingerprint(found.content, found.size, ijk_to_ras(ultrasound))


def _between(segmentation: Any, ultrasound: Any) -> Matrix:
    """(4, 4) from the ultrasound's own coordinates to the segmentation's, RAS mm."""
    matrix: Matrix = np.linalg.inv(parent_to_world(segmentation)) @ parent_to_world(ultrasound)
    return matrix


def _same(now: list[Fingerprint], before: list[Fingerprint]) -> bool:
    return len(now) == len(before) and not any(a.difference(b) for a, b in zip(before, now, strict=True))
