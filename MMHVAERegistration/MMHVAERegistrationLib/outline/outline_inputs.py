"""What a computed outline was made of, and whether that is still what it was; kept in the outline's attributes."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import slicer
from mmhvae import InputError
from MMHVAESynthesisLib.nodes import Fingerprint, fingerprint, require_volume, segment_fingerprints
from MMHVAESynthesisLib.synthesis import STALE, Model, change_of, change_of_model, mark_by
from MMHVAESynthesisLib.views import COMPUTED
from slicer.i18n import tr as _

from ..case import mr_fingerprint, require_no_other_row
from ..pose import before_to_world

_ROLE = "MMHVAE.OutlineOf"
#: The outline is drawn on the first that is there, as a person would.
_ORDER = ("cet1", "t2", "flair")
US = "us"
#: A segment's name, and its colour from 0 to 255.
Look = tuple[str, tuple[int, int, int]]


@dataclass(frozen=True)
class OutlineMade:
    """What an outline was made of.

    Attributes:
        inputs: by contrast what each MR was, where navigation has it.
        segments, looks: what was computed, its names and colours included, so that a change by hand is seen; in any
            order.
        bundle, weights_sha256: of the segmenter: the name that it is installed by, and which it was.
    """

    inputs: Mapping[str, Fingerprint]
    segments: tuple[Fingerprint, ...]
    looks: tuple[Look, ...]
    bundle: str
    weights_sha256: str

    def to_json(self) -> str:
        """For a node's attribute."""
        return json.dumps(
            {
                "inputs": {name: found.to_json() for name, found in self.inputs.items()},
                "segments": [found.to_json() for found in self.segments],
                "looks": self.looks,
                "bundle": self.bundle,
                "weights_sha256": self.weights_sha256,
            }
        )

    @staticmethod
    def from_json(text: str) -> OutlineMade:
        """The inverse of :meth:`to_json`; an outline of before looks were kept has none, and so counts as changed."""
        stored = json.loads(text)
        return OutlineMade(
            {name: Fingerprint.from_json(found) for name, found in stored["inputs"].items()},
            tuple(Fingerprint.from_json(found) for found in stored["segments"]),
            tuple((name, (red, green, blue)) for name, (red, green, blue) in stored.get("looks", [])),
            stored["bundle"],
            stored["weights_sha256"],
        )


def chosen_contrasts(parameters: Any) -> dict[str, Any]:
    """Contrast -> volume node of every MR that is chosen in a row, ticked or not; the one to draw on first."""
    nodes = {name: getattr(parameters, name) for name in _ORDER}
    return {name: node for name, node in nodes.items() if node is not None}


def problem_of_outline(mrs: Mapping[str, Any], ultrasound: Any) -> str:
    """Why no tumour can be outlined in these MRs, in one sentence; "" where it can.

    Args:
        mrs: contrast -> volume node.
        ultrasound: that is chosen, or None: it is no MR, whatever row it is in.
    """
    if not mrs:
        return _("Choose a pre-operative MR first, in the row of what it is.")
    try:
        seen = [ultrasound]
        for name, node in mrs.items():
            require_no_other_row(name, node, seen)
            seen.append(node)
            before_to_world(node)
            require_volume(node)
    except InputError as error:
        return str(error)
    return ""


def computed_outlines() -> list[Any]:
    """Every outline in the scene that was computed, in MR or in ultrasound."""
    return [node for node in slicer.util.getNodesByClass("vtkMRMLSegmentationNode") if node.GetAttribute(COMPUTED)]


def outlines() -> list[Any]:
    """Those that were computed in MR."""
    return [node for node in computed_outlines() if US not in sources_of(node)]


def ultrasound_outlines() -> list[Any]:
    """Those that were computed in ultrasound."""
    return [node for node in computed_outlines() if US in sources_of(node)]


def remember(outline: Any, made: OutlineMade, images: Mapping[str, Any]) -> None:
    """Keep with an outline what it was made of just now."""
    outline.SetAttribute(COMPUTED, made.to_json())
    for name in (*_ORDER, US):
        node = images.get(name)
        outline.SetNodeReferenceID(_ROLE + name, node.GetID() if node is not None else None)
    outline.RemoveAttribute(STALE)


def sources_of(outline: Any) -> dict[str, Any]:
    """Contrast -> the image that an outline was made of, None where it is gone."""
    made = OutlineMade.from_json(outline.GetAttribute(COMPUTED))
    return {name: outline.GetNodeReference(_ROLE + name) for name in made.inputs}


def looks_of(outline: Any) -> tuple[Look, ...]:
    """Of every segment, empty ones included; sorted."""
    segmentation = outline.GetSegmentation()
    segments = [segmentation.GetNthSegment(index) for index in range(segmentation.GetNumberOfSegments())]
    return tuple(sorted((segment.GetName(), _in_bytes(segment.GetColor())) for segment in segments))


def _in_bytes(colour: Sequence[float]) -> tuple[int, int, int]:
    """As files keep it: what was saved and loaded is the same."""
    red, green, blue = (round(255 * part) for part in colour)
    return red, green, blue


def is_as_computed(outline: Any) -> bool:
    """Whether nobody has changed it since, nor renamed or recoloured a segment of it."""
    made = OutlineMade.from_json(outline.GetAttribute(COMPUTED))
    before, now = made.segments, segment_fingerprints(outline)
    if made.looks != looks_of(outline) or len(now) != len(before):
        return False
    return not any(a.difference(b) for a, b in zip(before, now, strict=True))


def mark_outlines(nodes: list[Any], segmenter: Model) -> None:
    """Mark those outlines that are stale, and take the mark off the others; see :func:`stale_outline_reason`."""
    mark_by(nodes, lambda outline: stale_outline_reason(outline, segmenter))


def stale_outline_reason(outline: Any, segmenter: Model) -> str:
    """Why an outline no longer matches what it was made of, in one sentence; "" where it does.

    Args:
        outline: that was computed.
        segmenter: that is chosen now; its name is "" where none is, which makes nothing stale.
    """
    made, sources = OutlineMade.from_json(outline.GetAttribute(COMPUTED)), sources_of(outline)
    for name, before in made.inputs.items():
        reason = change_of(name, before, _now(name, sources[name]), _("outline the tumour again"))
        if reason:
            return reason
    if not segmenter[0]:
        return ""
    return change_of_model((made.bundle, made.weights_sha256), segmenter, _("outline the tumour again"))


def _now(name: str, node: Any) -> Fingerprint | None:
    try:
        if node is None:
            return None
        return fingerprint(node) if name == US else mr_fingerprint(node)
    except InputError:
        return None
