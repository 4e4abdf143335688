"""Whether results still match what they were made of, and the mark on those that do not."""

from __future__ import annotations

from typing import Any

from mmhvae import InputError
from mmhvae.images import MODALITIES
from slicer.i18n import tr as _

from ..nodes import Fingerprint, file_fingerprint, fingerprint, sweep_fingerprint
from .installed_bundles import weights_checksum
from .results import PATH, STALE, Provenance, made_of


def stale_reason(node: Any, bundle: str = "") -> str:
    """Why a result node no longer matches, in one sentence; "" where it does.

    Args:
        node: that an Apply made.
        bundle: name of the bundle in use; by default that of the result, which may have been replaced.
    """
    made, sources = made_of(node)
    for name, before in made.inputs.items():
        reason = _input_reason(MODALITIES[name].name, before, _now(name, node, made, sources))
        if reason:
            return reason
    return _bundle_reason(made, bundle or made.bundle)


def _now(name: str, node: Any, made: Provenance, sources: dict[str, Any]) -> Fingerprint | None:
    """What an input is now; None where it is gone or cannot be used any more."""
    path = node.GetAttribute(PATH)
    if name == "us" and path:
        now = file_fingerprint(path, made.calibration)
        return now if now.content else made.inputs["us"]  # a file that was moved away has not changed
    if name not in sources:
        return None
    try:
        if sources[name].IsA("vtkMRMLSequenceBrowserNode"):
            return sweep_fingerprint(sources[name], made.calibration)
        return fingerprint(sources[name])
    except InputError:
        return None


def _input_reason(name: str, before: Fingerprint, now: Fingerprint | None) -> str:
    if now is None:
        return _("The {name} that it was made of is gone or cannot be used any more.").format(name=name)
    difference = before.difference(now)
    if difference == "content":
        return _("The {name} has changed since; press Apply again.").format(name=name)
    if difference == "place":
        return _("The {name} was moved since; press Apply again.").format(name=name)
    return ""


def _bundle_reason(made: Provenance, bundle: str) -> str:
    checksum = weights_checksum(bundle)
    same = checksum == made.weights_sha256 if checksum else bundle == made.bundle
    return "" if same else _("It was made with another model ({name}); press Apply again.").format(name=made.bundle)


def mark(nodes: list[Any], bundle: str = "") -> str:
    """Mark those of ``nodes`` that are stale, take the mark off the others, and give the first reason."""
    first = ""
    for node in nodes:
        reason = stale_reason(node, bundle)
        if reason != (node.GetAttribute(STALE) or ""):
            if reason:
                node.SetAttribute(STALE, reason)
            else:
                node.RemoveAttribute(STALE)
        first = first or reason
    return first
