"""What may move along with the MRs, and what does: the user's ticks, kept in the scene as node references."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import slicer
from mmhvae import InputError
from mmhvae.images import guess_modality
from MMHVAESynthesisLib.nodes import require_known_place
from MMHVAESynthesisLib.synthesis import KIND
from slicer.i18n import tr as _

from ..pose import before_to_world, find_result, is_registered
from .hardened import hardened_reason
from .registration_case import MR_NAMES

_CLASSES = ("vtkMRMLScalarVolumeNode", "vtkMRMLSegmentationNode", "vtkMRMLModelNode", "vtkMRMLMarkupsNode")
#: Roles of the references from the parameter node: ticked by the user, unticked by the user.
MOVES, STAYS = "MMHVAE.Moves", "MMHVAE.Stays"
_SEGMENTED_ON = "referenceImageGeometryRef"


@dataclass(frozen=True)
class Candidate:
    """A node that may move along; ``why_not`` says why it cannot, "" where it can."""

    node: Any
    is_ticked: bool
    why_not: str


def candidates(parameters: Any) -> list[Candidate]:
    """Every node of the scene that may move along with the chosen MRs, outlines first."""
    found = [node for kind in _CLASSES for node in slicer.util.getNodesByClass(kind)]
    order = {"vtkMRMLSegmentationNode": 0, "vtkMRMLModelNode": 1, "vtkMRMLFiberBundleNode": 1}
    nodes = sorted((n for n in found if _may_move(n, parameters)), key=lambda n: order.get(n.GetClassName(), 2))
    return [Candidate(node, _is_ticked(node, parameters), _why_not(node)) for node in nodes]


def moving_nodes(parameters: Any) -> list[Any]:
    """The MRs and what is ticked, as far as they can move."""
    mrs = [node for node in chosen_mrs(parameters) if not _bent(node) and not hardened_reason(node)]
    return [*mrs, *(c.node for c in candidates(parameters) if c.is_ticked and not c.why_not)]


def mrs_left_behind(parameters: Any) -> str:
    """Which of the MRs in the rows cannot move along, and why, in one sentence; "" where all can."""
    return next((reason for node in chosen_mrs(parameters) if (reason := _bent(node))), "")


def problem_of_moving(parameters: Any) -> str:
    """What keeps an MR, or what is ticked, from moving along as it is, in one sentence; "" where nothing does."""
    hardened = next((reason for node in chosen_mrs(parameters) if (reason := hardened_reason(node))), "")
    if hardened:
        return hardened
    for candidate in candidates(parameters):
        if candidate.is_ticked and not candidate.why_not:
            try:
                require_known_place(candidate.node)
            except InputError as error:
                text = _("{reason}, or untick {name}.")
                return text.format(reason=str(error).rstrip("."), name=candidate.node.GetName())
    return ""


def chosen_mrs(parameters: Any) -> list[Any]:
    """The nodes in the MRs' rows, those included that are not registered: all of them show the same head."""
    nodes = [getattr(parameters, name) for name in MR_NAMES]
    return list(dict.fromkeys(node for node in nodes if node is not None))


def tick(parameters: Any, node: Any, is_on: bool) -> None:
    """Remember that the user wants ``node`` to move along, or not to."""
    owner = parameters.parameterNode
    with slicer.util.NodeModify(owner):
        for role in (MOVES, STAYS):
            kept = [other for other in _referenced(owner, role) if other is not node]
            owner.RemoveNodeReferenceIDs(role)
            for other in [*kept, *([node] if role == (MOVES if is_on else STAYS) else [])]:
                owner.AddNodeReferenceID(role, other.GetID())


def _referenced(owner: Any, role: str) -> list[Any]:
    nodes = [owner.GetNthNodeReference(role, index) for index in range(owner.GetNumberOfNodeReferences(role))]
    return [node for node in nodes if node is not None]


def _may_move(node: Any, parameters: Any) -> bool:
    """Pre-operative, as far as can be told: not the ultrasound, nor what was made of it or placed in it."""
    regions = [parameters.regionBox, parameters.regionSegments]
    fixed = [parameters.us, parameters.usLandmarks, *regions, *chosen_mrs(parameters)]
    if node.GetHideFromEditors() or any(node is other for other in fixed) or node.GetAttribute(KIND):
        return False
    return parameters.sweepBrowser is None or parameters.sweepBrowser.GetSequenceNode(node) is None


def _is_ticked(node: Any, parameters: Any) -> bool:
    for role, answer in ((MOVES, True), (STAYS, False)):
        if any(node is other for other in _referenced(parameters.parameterNode, role)):
            return answer
    # What came after the first registration may belong to the patient as he lies now: the user has to say.
    return is_registered(node) if find_result() is not None else _probably_moves(node, parameters)


def _probably_moves(node: Any, parameters: Any) -> bool:
    """Outlines, surfaces and tracts come from the pre-operative images as a rule; points and plans may not."""
    if node.IsA("vtkMRMLSegmentationNode"):
        return parameters.us is None or node.GetNodeReference(_SEGMENTED_ON) is not parameters.us
    if node.IsA("vtkMRMLVolumeNode"):
        return guess_modality(node.GetName() or "") in MR_NAMES
    return node.IsA("vtkMRMLModelNode") or node is parameters.mrLandmarks


def _why_not(node: Any) -> str:
    reason = _bent(node)
    return _("It cannot move along: {reason}").format(reason=reason) if reason else ""


def _bent(node: Any) -> str:
    """That a transform bends a node, in one sentence; "" where none does."""
    try:
        before_to_world(node)
    except InputError as error:
        return str(error)
    return ""
