"""Result nodes: found again, made or updated, beside their input and under its parent transform.

What a node is, and what it was made of, is in its attributes and node references, so that it survives the scene's
being saved and loaded.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any

import slicer
from mmhvae.images import MODALITIES
from mmhvae.settings import SynthesisSettings
from slicer.i18n import tr as _

from ..nodes import (
    FileImage,
    Fingerprint,
    Matrix,
    file_fingerprint,
    fingerprint,
    follow,
    image_data,
    sweep_fingerprint,
    to_vtk,
)
from .appearance import set_up_image, set_up_uncertainty
from .request import Request

KIND, MODALITY, PATH, MADE, STALE = (f"MMHVAE.{name}" for name in ("Kind", "Modality", "Path", "Made", "Stale"))
#: Role of the reference to the node that results are named after.
ANCHOR = "MMHVAE.Anchor"
_INPUT = "MMHVAE.Input."


@dataclass(frozen=True)
class Provenance:
    """What results were made of, and how; ``inputs`` by modality."""

    bundle: str
    weights_sha256: str
    device: str
    settings: SynthesisSettings
    calibration: str
    inputs: Mapping[str, Fingerprint]

    def to_json(self) -> str:
        """For a node's attribute."""
        inputs = {name: print_.to_json() for name, print_ in self.inputs.items()}
        return json.dumps(vars(self) | {"settings": self.settings.to_json(), "inputs": inputs})

    @staticmethod
    def from_json(text: str) -> Provenance:
        """The inverse of :meth:`to_json`."""
        stored = json.loads(text)
        stored["settings"] = SynthesisSettings.from_json(stored["settings"])
        stored["inputs"] = {name: Fingerprint.from_json(value) for name, value in stored["inputs"].items()}
        return Provenance(**stored)


@dataclass(frozen=True)
class Results:
    """Nodes by modality, the reconstructed ultrasound of a sweep, and how the work went."""

    images: dict[str, Any] = field(default_factory=dict)
    uncertainty: dict[str, Any] = field(default_factory=dict)
    ultrasound: Any = None
    notice: str = ""
    seconds: float = 0.0
    device: str = ""

    @property
    def nodes(self) -> list[Any]:
        """All of them."""
        return [*self.images.values(), *self.uncertainty.values(), *([self.ultrasound] if self.ultrasound else [])]


@dataclass(frozen=True)
class ReadResults:
    """A whole answer of the engine, in memory; ``place`` is (4, 4) from indices to the parent's RAS mm."""

    images: Mapping[str, FileImage]
    uncertainty: Mapping[str, FileImage]
    ultrasound: FileImage | None
    place: Matrix
    notice: str
    seconds: float
    device: str


def is_synthetic(node: Any) -> bool:
    """Whether a node shows something that was never measured."""
    return node is not None and node.GetAttribute(KIND) in ("image", "uncertainty", "levels")


def input_fingerprints(request: Request) -> dict[str, Fingerprint]:
    """What every input is now.

    Raises:
        InputError: one cannot be read.
    """
    found = {name: fingerprint(node) for name, node in request.volumes.items()}
    if request.browser is not None:
        found["us"] = sweep_fingerprint(request.browser, request.calibration)
    elif request.sweep_path:
        found["us"] = file_fingerprint(request.sweep_path, request.calibration)
    return found


def find_results(request: Request, inputs: Collection[str] = ()) -> Results:
    """The newest result nodes in the scene of the same anchor, of which there may be none.

    Args:
        request: tells the anchor.
        inputs: modalities; only what was made of exactly these counts. By default whatever there is.
    """
    results = Results()
    for node in result_nodes():
        if _is_of(node, request) and (not inputs or set(made_of(node)[0].inputs) == set(inputs)):
            kind, modality = node.GetAttribute(KIND), node.GetAttribute(MODALITY)
            if kind == "ultrasound":
                results = Results(results.images, results.uncertainty, node)
            elif kind in ("image", "uncertainty"):
                (results.images if kind == "image" else results.uncertainty)[modality] = node
    return results


def result_nodes() -> list[Any]:
    """Every node of the scene that an Apply made."""
    return [node for node in slicer.util.getNodesByClass("vtkMRMLScalarVolumeNode") if node.GetAttribute(MADE)]


def _is_of(node: Any, request: Request) -> bool:
    if request.sweep_path:
        return node.GetAttribute(PATH) == request.sweep_path
    return request.anchor is not None and node.GetNodeReference(ANCHOR) is request.anchor


def store(request: Request, read: ReadResults, made: Provenance) -> Results:
    """Put a whole answer into the scene, into the nodes of an earlier one where there are such.

    Nothing is left in the scene where this fails half-way.
    """
    before, new = (Results() if request.keeps_earlier else find_results(request)), []

    def node_for(old: Any, kind: str, modality: str, image: FileImage) -> Any:
        node = old
        if node is None:
            name = slicer.mrmlScene.GenerateUniqueName(_name(kind, modality, request))
            node = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLScalarVolumeNode", name)
            new.append(node)
        _fill(node, kind, modality, image, read.place if image is not read.ultrasound else image.ijk_to_ras)
        _remember(node, kind, modality, request, made)
        return node

    try:
        images = {name: node_for(before.images.get(name), "image", name, i) for name, i in read.images.items()}
        uncertainty = {
            name: node_for(before.uncertainty.get(name), "uncertainty", name, image)
            for name, image in read.uncertainty.items()
        }
        ultrasound = read.ultrasound and node_for(before.ultrasound, "ultrasound", "us", read.ultrasound)
    except Exception:
        for node in new:
            slicer.mrmlScene.RemoveNode(node)
        raise
    for name in read.images.keys() - read.uncertainty.keys():
        slicer.mrmlScene.RemoveNode(before.uncertainty.get(name))  # it was that of another image
    results = Results(images, uncertainty, ultrasound, read.notice, read.seconds, read.device)
    for node in results.nodes:
        _place(node, request, before.ultrasound)
        _put_beside(node, request)
    return results


def _name(kind: str, modality: str, request: Request) -> str:
    texts = {
        "image": _("SYNTHETIC {contrast} of {source}"),
        "uncertainty": _("SYNTHETIC {contrast} uncertainty of {source}"),
        "ultrasound": _("Reconstructed {contrast} of {source}"),
    }
    return texts[kind].format(contrast=MODALITIES[modality].name, source=request.source_name)


def _fill(node: Any, kind: str, modality: str, image: FileImage, place: Matrix) -> None:
    if node.GetDisplayNode() is None:
        node.CreateDefaultDisplayNodes()
        if kind == "uncertainty":
            set_up_uncertainty(node)
        elif kind == "image":
            set_up_image(node, modality)
    node.SetIJKToRASMatrix(to_vtk(place))
    node.SetAndObserveImageData(image_data(image.array))


def _remember(node: Any, kind: str, modality: str, request: Request, made: Provenance) -> None:
    if kind != "ultrasound" and "SYNTHETIC" not in node.GetName():  # a user may rename, but not hide that
        node.SetName(_name(kind, modality, request))
    for name, value in {KIND: kind, MODALITY: modality, MADE: made.to_json(), PATH: request.sweep_path}.items():
        node.SetAttribute(name, value)
    node.RemoveAttribute(STALE)
    node.SetNodeReferenceID(ANCHOR, request.anchor.GetID() if request.anchor is not None else None)
    for name in MODALITIES:
        source = request.volumes.get(name) or (request.browser if name == "us" else None)
        node.SetNodeReferenceID(_INPUT + name, source.GetID() if source is not None else None)


def _place(node: Any, request: Request, reconstructed: Any) -> None:
    """Under the input's transform, so that it stays with its input.

    A sweep is under none: its results stay together, where the user may have put ``reconstructed`` since, the
    ultrasound of an earlier Apply, or None.
    """
    lies_with = reconstructed if request.has_sweep else request.anchor
    if lies_with is not None:
        follow(node, lies_with)


def _put_beside(node: Any, request: Request) -> None:
    """Beside its input in the subject hierarchy."""
    if request.anchor is None:
        return
    hierarchy = slicer.mrmlScene.GetSubjectHierarchyNode()
    if hierarchy is not None:
        beside = hierarchy.GetItemByDataNode(request.anchor)
        parent = hierarchy.GetItemParent(beside) if beside else hierarchy.GetSceneItemID()
        item = hierarchy.GetItemByDataNode(node)
        if item:
            hierarchy.SetItemParent(item, parent)
        else:
            hierarchy.CreateItem(parent, node)


def made_of(node: Any) -> tuple[Provenance, dict[str, Any]]:
    """What a result node was made of: the record, and the input nodes that are still there, by modality."""
    made = Provenance.from_json(node.GetAttribute(MADE))
    nodes = {name: node.GetNodeReference(_INPUT + name) for name in made.inputs}
    return made, {name: source for name, source in nodes.items() if source is not None}
