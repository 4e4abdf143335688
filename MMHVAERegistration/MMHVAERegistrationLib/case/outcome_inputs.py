"""What a registration was made of, and whether that is still what it was."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import slicer
from mmhvae import InputError
from mmhvae.images import MODALITIES
from MMHVAESynthesisLib.nodes import Fingerprint, file_fingerprint, fingerprint, ijk_to_ras, sweep_fingerprint
from slicer.i18n import tr as _

from ..pose import Outcome, before_to_world
from .registration_case import Case

_PRINT, _NODE, _PATH, _CALIBRATION = "fingerprint", "node", "path", "calibration"


def inputs_of(case: Case) -> dict[str, dict[str, Any]]:
    """By modality what the ultrasound and the MRs are, and where they are found again; MRs where navigation has them.

    Raises:
        InputError: one of them cannot be read.
    """
    request, found = case.ultrasound, {name: _of_mr(node) for name, node in case.mrs.items()}
    if request.sweep_path:
        place: dict[str, Any] = {_PATH: request.sweep_path, _CALIBRATION: request.calibration}
        now = file_fingerprint(request.sweep_path, request.calibration)
    elif request.browser is not None:
        place = {_NODE: request.browser.GetID(), _CALIBRATION: request.calibration}
        now = sweep_fingerprint(request.browser, request.calibration)
    else:
        place, now = {_NODE: request.volumes["us"].GetID()}, fingerprint(request.volumes["us"])
    return {"us": {**place, _PRINT: now.to_json()}, **found}


def _of_mr(node: Any) -> dict[str, Any]:
    return {_NODE: node.GetID(), _PRINT: _before(node).to_json()}


def _before(node: Any) -> Fingerprint:
    """Of an MR, without the registration that it lies under."""
    return replace(fingerprint(node), place=before_to_world(node) @ ijk_to_ras(node))


def stale_reason(outcome: Outcome) -> str:
    """Why an outcome no longer fits its images, in one sentence; "" where it does."""
    for name, stored in outcome.inputs.items():
        now, before = _now(stored), Fingerprint.from_json(stored[_PRINT])
        shown = MODALITIES[name].name
        if now is None:
            return _("The {name} that was registered is gone or cannot be used any more.").format(name=shown)
        difference = before.difference(now)
        if difference == "content":
            return _("The {name} has changed since it was registered; register again.").format(name=shown)
        if difference == "place":
            return _("The {name} was moved since it was registered; register again.").format(name=shown)
    return ""


def _now(stored: Mapping[str, Any]) -> Fingerprint | None:
    """What an image is now; None where it is gone. A file that was moved away has not changed."""
    if _PATH in stored:
        now = file_fingerprint(stored[_PATH], stored[_CALIBRATION])
        return now if now.content else Fingerprint.from_json(stored[_PRINT])
    node = slicer.mrmlScene.GetNodeByID(stored[_NODE])
    try:
        if node is None:
            return None
        if _CALIBRATION in stored:
            return sweep_fingerprint(node, stored[_CALIBRATION])
        return _before(node)
    except InputError:
        return None
