"""Whether results still match what they were made of, and the mark on those that do not."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from mmhvae import InputError
from mmhvae.images import MODALITIES
from slicer.i18n import tr as _

from ..nodes import Fingerprint, file_fingerprint, fingerprint, sweep_fingerprint
from .installed_bundles import weights_checksum
from .results import PATH, STALE, made_of

#: Name, and checksum of the weights.
Model = tuple[str, str]


def stale_reason(node: Any, bundle: str = "") -> str:
    """Why a result node no longer matches, in one sentence; "" where it does.

    Args:
        node: that an Apply made.
        bundle: name of the bundle in use; by default that of the result, which may have been replaced.
    """
    made, sources = made_of(node)
    for name, before in made.inputs.items():
        path = (node.GetAttribute(PATH) or "") if name == "us" else ""
        now = input_now(path, made.calibration, sources.get(name), before)
        reason = change_of(name, before, now, _("press Apply again"))
        if reason:
            return reason
    bundle = bundle or made.bundle
    was, is_now = (made.bundle, made.weights_sha256), (bundle, weights_checksum(bundle))
    return change_of_model(was, is_now, _("press Apply again"))


def input_now(
    path: str,
    calibration: str,
    node: Any,
    before: Fingerprint,
    of_volume: Callable[[Any], Fingerprint] = fingerprint,
) -> Fingerprint | None:
    """What an input is now; None where it is gone or cannot be used any more.

    Args:
        path: of the file that it was, or "". One that was moved away has not changed.
        calibration: of tracked frames.
        node: that it was, or None.
        before: what it was.
        of_volume: tells what a volume node is.
    """
    if path:
        now = file_fingerprint(path, calibration)
        return now if now.content else before
    try:
        if node is None:
            return None
        return sweep_fingerprint(node, calibration) if node.IsA("vtkMRMLSequenceBrowserNode") else of_volume(node)
    except InputError:
        return None


def change_of(modality: str, before: Fingerprint, now: Fingerprint | None, again: str) -> str:
    """What has become of an input, and what to do ("press Apply again"), in one sentence; "" where nothing has."""
    texts = {
        "content": _("The {name} has changed since; {again}."),
        "place": _("The {name} was moved since; {again}."),
        "gone": _("The {name} that was used is gone or cannot be used any more."),
        "": "",
    }
    difference = before.difference(now) if now is not None else "gone"
    return texts[difference].format(name=MODALITIES[modality].name, again=again)


def change_of_model(before: Model, now: Model, again: str) -> str:
    """Whether another model is in use, and what to do, in one sentence; "" where it is the same.

    Args:
        before, now: each a name and the checksum of its weights; "" where that is not known, as of one that is gone.
        again: "press Apply again".
    """
    same = before[1] == now[1] if now[1] else before[0] == now[0]
    return "" if same else _("It was made with another model ({name}); {again}.").format(name=before[0], again=again)


def mark(nodes: list[Any], bundle: str = "") -> str:
    """Mark those of ``nodes``, results of a synthesis, that are stale; the first reason."""
    return mark_by(nodes, lambda node: stale_reason(node, bundle))


def mark_by(nodes: list[Any], reason_of: Callable[[Any], str]) -> str:
    """Mark the nodes that there is a reason for, take the mark off the others, and give the first reason."""
    first = ""
    for node in nodes:
        reason = reason_of(node)
        if reason != (node.GetAttribute(STALE) or ""):
            if reason:
                node.SetAttribute(STALE, reason)
            else:
                node.RemoveAttribute(STALE)
        first = first or reason
    return first
