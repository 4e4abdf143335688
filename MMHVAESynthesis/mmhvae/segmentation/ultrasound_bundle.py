"""A segmenter of ultrasound on disk: one or more plain U-Nets that outline together, and how they see an image.

The files, checks and limits of a synthesis bundle, a manifest of its own; weights in half precision.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal, cast, get_args

from torch import nn

from ..bundle import (
    OUTLINES,
    TUMOUR_IN_ULTRASOUND,
    ModelKind,
    bundle_at,
    damage_refused,
    description_in,
    members_of,
    require_kind,
    write_members,
)
from ..exceptions import InputError
from .half_precision import opened, stored
from .plain_plan import plain_architecture, triple, whole_number
from .plain_unet import PlainUNet, PlainUNetConfig, Triple

FORMAT_VERSION = 1
NETWORK = "PlainUNet"
#: Most that is accepted from a file, so that a forged manifest cannot exhaust the memory.
LONGEST_PATCH, MOST_NETWORKS = 320, 10
Over = Literal["field of view", "box"]


@dataclass(frozen=True)
class ImageRules:
    """How an ultrasound becomes the networks' numbers; (D, H, W) follow the image's index axes k, j, i.

    Attributes:
        spacing_mm: of the grid that they work on, along the image's own axes.
        normalised_over: zero mean and unit deviation are those of the field of view, outside of which is then 0, or of
            the whole box around it, background included, as nnU-Net does unless told otherwise.
        clipped: bound of what is normalised; None: none.
    """

    spacing_mm: tuple[float, float, float] = (1.0, 1.0, 1.0)
    normalised_over: Over = "field of view"
    clipped: float | None = 5.0


@dataclass(frozen=True)
class UltrasoundManifest:
    """What ``bundle.json`` of a segmenter of ultrasound says.

    Attributes:
        name: as shown to people.
        architecture: the networks' plan, and ``networks``: how many there are; they outline by their mean.
        rules: how they see an image, and ``patch``: voxels (D, H, W) at a time.
        training, licence, intended_use, weights_sha256: as a synthesis bundle's.
    """

    name: str
    architecture: PlainUNetConfig
    networks: int
    rules: ImageRules
    patch: Triple
    licence: str
    intended_use: str
    training: Mapping[str, Any] = field(default_factory=dict)
    weights_sha256: str = ""


@dataclass(frozen=True)
class UltrasoundSegmenter:
    """Networks in evaluation mode, with what is known about them."""

    networks: tuple[PlainUNet, ...]
    manifest: UltrasoundManifest
    card: str

    @property
    def network(self) -> nn.ModuleList:
        """All of them, as one module."""
        return nn.ModuleList(self.networks)


def load_ultrasound_segmenter(bundle: str | Path) -> UltrasoundSegmenter:
    """Load a segmenter of ultrasound from a bundle folder or zip, or an installed one by its name; none ships.

    Args:
        bundle: a path, or where there is no such file or folder, a name.

    Raises:
        InputError: missing, damaged, altered, of another version, or no segmenter of ultrasound.
    """
    networks, manifest, card = opened(bundle_at(bundle), parse_ultrasound_manifest, _networks)
    return UltrasoundSegmenter(tuple(cast(Iterable[PlainUNet], networks)), manifest, card)


def save_ultrasound_segmenter(segmenter: UltrasoundSegmenter, folder: str | Path) -> Path:
    """Write a segmenter into ``folder``, which must be new or empty; whole or not at all.

    Raises:
        InputError: the folder holds something already, or cannot be written.
    """
    weights, manifest = stored(segmenter.network), segmenter.manifest
    content = {
        "format_version": FORMAT_VERSION,
        OUTLINES: [TUMOUR_IN_ULTRASOUND],
        "network": NETWORK,
        "name": manifest.name,
        "architecture": asdict(manifest.architecture),
        "networks": len(segmenter.networks),
        "patch": list(manifest.patch),
        **asdict(manifest.rules),
    }
    return write_members(members_of(content, manifest, weights, segmenter.card), Path(folder))


def parse_ultrasound_manifest(content: bytes, source: Path) -> UltrasoundManifest:
    """The manifest in ``content``; ``source`` is named in errors.

    Raises:
        InputError: not JSON, no segmenter of ultrasound, another version, or a value missing or out of bounds.
    """
    with damage_refused(source, "segmenter"):
        values = json.loads(content)
        require_kind(values, ModelKind.ULTRASOUND_SEGMENTER, source)
        if (values["format_version"], values["network"]) != (FORMAT_VERSION, NETWORK):
            raise InputError(f"The segmenter {source} was made for another version of this program; update it.")
        architecture = plain_architecture(values["architecture"])
        return UltrasoundManifest(
            architecture=architecture,
            networks=whole_number(values["networks"], MOST_NETWORKS),
            rules=_rules(values),
            patch=_patch(values["patch"], architecture),
            **description_in(values),
        )


def _rules(values: Mapping[str, Any]) -> ImageRules:
    depth, height, width = (float(value) for value in values["spacing_mm"])
    if not 0.1 <= min(depth, height, width) <= max(depth, height, width) <= 10:
        raise ValueError("spacing_mm is out of bounds")
    over, clipped = values["normalised_over"], values["clipped"]
    if over not in get_args(Over) or not (clipped is None or 0 < clipped <= 100):
        raise ValueError("normalisation is unknown")
    return ImageRules((depth, height, width), over, None if clipped is None else float(clipped))


def _patch(values: Any, architecture: PlainUNetConfig) -> Triple:
    patch = triple(values, LONGEST_PATCH)
    if any(side % multiple for side, multiple in zip(patch, architecture.multiple, strict=True)):
        raise ValueError("patch does not fit the architecture")
    return patch


def _networks(manifest: UltrasoundManifest) -> nn.ModuleList:
    return nn.ModuleList(PlainUNet(manifest.architecture) for _ in range(manifest.networks))
