"""What a registration was made of, and whether that is still what it was."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import slicer
from mmhvae import InputError
from MMHVAESynthesisLib.nodes import Fingerprint, file_fingerprint, fingerprint, ijk_to_ras, sweep_fingerprint
from MMHVAESynthesisLib.synthesis import change_of, input_now
from slicer.i18n import tr as _

from ..pose import Outcome, before_to_world
from .region import Region
from .registration_case import Case

_PRINT, _NODE, _PATH, _CALIBRATION = "fingerprint", "node", "path", "calibration"
_REGION, _SEGMENT = "region", "segment"


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
    return {"us": {**place, _PRINT: now.to_json()}, **found, **_of_region(case.region)}


def _of_region(region: Region | None) -> dict[str, dict[str, Any]]:
    if region is None:
        return {}
    prints = [print_.to_json() for print_ in region.fingerprints()]
    return {_REGION: {_NODE: region.node.GetID(), _SEGMENT: region.segment, _PRINT: prints}}


def _of_mr(node: Any) -> dict[str, Any]:
    return {_NODE: node.GetID(), _PRINT: mr_fingerprint(node).to_json()}


def mr_fingerprint(node: Any) -> Fingerprint:
    """Of an MR, without the registration that it lies under.

    Raises:
        InputError: it is empty, or under a transform that bends it.
    """
    return replace(fingerprint(node), place=before_to_world(node) @ ijk_to_ras(node))


def places_of(outcome: Outcome, node: Any) -> list[Fingerprint]:
    """What an MR was when it was registered, where navigation had it; empty where it took no part."""
    stored = [outcome.inputs.get(name, {}) for name in outcome.contrasts]
    return [Fingerprint.from_json(entry[_PRINT]) for entry in stored if entry.get(_NODE) == node.GetID()]


def stale_reason(outcome: Outcome) -> str:
    """Why an outcome no longer fits its images, in one sentence; "" where it does."""
    for name, stored in outcome.inputs.items():
        if name == _REGION:
            continue
        before, node = Fingerprint.from_json(stored[_PRINT]), slicer.mrmlScene.GetNodeByID(stored.get(_NODE, ""))
        now = input_now(stored.get(_PATH, ""), stored.get(_CALIBRATION, ""), node, before, mr_fingerprint)
        reason = change_of(name, before, now, _("register again"))
        if reason:
            return reason
    return _change_of_region(outcome)


def _change_of_region(outcome: Outcome) -> str:
    stored = outcome.inputs.get(_REGION)
    if stored is None:
        return ""
    node = slicer.mrmlScene.GetNodeByID(stored[_NODE])
    before = [Fingerprint.from_json(print_) for print_ in stored[_PRINT]]
    try:
        now = Region(node, stored[_SEGMENT]).fingerprints() if node is not None else None
    except InputError:
        now = None
    if now is None:
        return _("The region {name} is gone or cannot be used any more.").format(name=outcome.region)
    changes = {"content"} if len(now) != len(before) else {a.difference(b) for a, b in zip(before, now, strict=True)}
    if "content" in changes:
        return _("The region {name} has changed since; register again.").format(name=outcome.region)
    if "place" in changes:
        return _("The region {name} was moved since; register again.").format(name=outcome.region)
    return ""
