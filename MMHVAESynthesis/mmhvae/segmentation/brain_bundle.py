"""A brain extractor on disk: a plain U-Net that sees one MR of a head at a time.

The files, checks and limits of a synthesis bundle, a manifest of its own; weights in half precision.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from ..bundle import (
    BRAIN,
    OUTLINES,
    ModelKind,
    bundle_at,
    damage_refused,
    description_in,
    members_of,
    require_kind,
    write_members,
)
from ..exceptions import InputError
from .grey_levels import intensity_rules
from .half_precision import opened, stored
from .plain_plan import plain_architecture
from .plain_unet import PlainUNet, PlainUNetConfig

FORMAT_VERSION = 1
NETWORK = "PlainUNet"
FINEST_MM, COARSEST_MM = 1.0, 6.0


@dataclass(frozen=True)
class BrainManifest:
    """What ``bundle.json`` of a brain extractor says.

    Attributes:
        name: as shown to people.
        architecture: the network's plan.
        spacing_mm: of the isotropic grid, its axes along LPS, that it works on.
        training, licence, intended_use, weights_sha256: as a synthesis bundle's.
    """

    name: str
    architecture: PlainUNetConfig
    spacing_mm: float
    licence: str
    intended_use: str
    training: Mapping[str, Any] = field(default_factory=dict)
    weights_sha256: str = ""


@dataclass(frozen=True)
class BrainExtractor:
    """A network in evaluation mode, with what is known about it."""

    network: PlainUNet
    manifest: BrainManifest
    card: str


def load_brain_extractor(bundle: str | Path | None = None) -> BrainExtractor:
    """Load a brain extractor from a bundle folder or zip, or an installed one by its name.

    Args:
        bundle: a path, or where there is no such file or folder, a name; by default the one that ships.

    Raises:
        InputError: missing, damaged, altered, of another version, or no brain extractor.
    """

    def make(manifest: BrainManifest) -> PlainUNet:
        return PlainUNet(manifest.architecture)

    return BrainExtractor(*opened(bundle_at(bundle, ModelKind.BRAIN_EXTRACTOR), parse_brain_manifest, make))


def save_brain_extractor(extractor: BrainExtractor, folder: str | Path) -> Path:
    """Write a brain extractor into ``folder``, which must be new or empty; whole or not at all.

    Raises:
        InputError: the folder holds something already, or cannot be written.
    """
    manifest = extractor.manifest
    content = {
        "format_version": FORMAT_VERSION,
        OUTLINES: [BRAIN],
        "network": NETWORK,
        "name": manifest.name,
        "architecture": asdict(manifest.architecture),
        "spacing_mm": manifest.spacing_mm,
        "intensities": intensity_rules(),
    }
    return write_members(members_of(content, manifest, stored(extractor.network), extractor.card), Path(folder))


def parse_brain_manifest(content: bytes, source: Path) -> BrainManifest:
    """The manifest in ``content``; ``source`` is named in errors.

    Raises:
        InputError: not JSON, no brain extractor, another version, or a value missing or out of bounds.
    """
    with damage_refused(source, "brain extractor"):
        values = json.loads(content)
        require_kind(values, ModelKind.BRAIN_EXTRACTOR, source)
        known = (values["format_version"], values["network"], values["intensities"])
        if known != (FORMAT_VERSION, NETWORK, intensity_rules()):
            raise InputError(f"The brain extractor {source} was made for another version of this program; update it.")
        spacing = float(values["spacing_mm"])
        if not FINEST_MM <= spacing <= COARSEST_MM:
            raise ValueError("spacing_mm is out of bounds")
        return BrainManifest(
            architecture=plain_architecture(values["architecture"]), spacing_mm=spacing, **description_in(values)
        )
