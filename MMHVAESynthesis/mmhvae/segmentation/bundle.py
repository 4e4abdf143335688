"""A segmenter on disk: the files, checks and limits of a synthesis bundle, and a manifest of its own."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ..bundle import (
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
from .network import REGIONS, TumourUNet, UNetConfig

FORMAT_VERSION = 1
NETWORK = "TumourUNet"
#: Largest architecture accepted from a file, so that a forged manifest cannot exhaust the memory.
MOST_CHANNELS, MOST_LEVELS, LONGEST_CROP = 1024, 8, 256
MODALITIES = ("t1", "cet1", "t2", "flair")


@dataclass(frozen=True)
class SegmenterManifest:
    """What ``bundle.json`` of a segmenter says.

    Attributes:
        name: as shown to people.
        architecture: contrasts in order, and channels.
        spacing_mm: of the isotropic grid, its axes along LPS, that the network works on.
        crop: (D, H, W) voxels that it was trained with and sees at a time.
        training, licence, intended_use, weights_sha256: as a synthesis bundle's.
    """

    name: str
    architecture: UNetConfig
    spacing_mm: float
    crop: tuple[int, int, int]
    licence: str
    intended_use: str
    training: Mapping[str, Any] = field(default_factory=dict)
    weights_sha256: str = ""


@dataclass(frozen=True)
class SegmenterBundle:
    """A segmenter in evaluation mode, with what is known about it."""

    network: TumourUNet
    manifest: SegmenterManifest
    card: str


def load_segmenter(bundle: str | Path | None = None) -> SegmenterBundle:
    """Load a segmenter of MR from a bundle folder or zip, or an installed one by its name.

    Args:
        bundle: a path, or where there is no such file or folder, a name; by default the one that ships.

    Raises:
        InputError: missing, damaged, altered, of another version, or no segmenter of MR.
    """

    def make(manifest: SegmenterManifest) -> TumourUNet:
        return TumourUNet(manifest.architecture)

    return SegmenterBundle(*opened(bundle_at(bundle, ModelKind.MR_SEGMENTER), parse_segmenter_manifest, make))


def save_segmenter(bundle: SegmenterBundle, folder: str | Path) -> Path:
    """Write a segmenter into ``folder``, which must be new or empty; whole or not at all.

    Raises:
        InputError: the folder holds something already, or cannot be written.
    """
    weights = stored(bundle.network)
    manifest = bundle.manifest
    content = {
        "format_version": FORMAT_VERSION,
        OUTLINES: list(REGIONS),
        "network": NETWORK,
        "name": manifest.name,
        "modalities": list(manifest.architecture.modalities),
        "channels": list(manifest.architecture.channels),
        "spacing_mm": manifest.spacing_mm,
        "crop": list(manifest.crop),
        "intensities": intensity_rules(),
    }
    return write_members(members_of(content, manifest, weights, bundle.card), Path(folder))


def parse_segmenter_manifest(content: bytes, source: Path) -> SegmenterManifest:
    """The manifest in ``content``; ``source`` is named in errors.

    Raises:
        InputError: not JSON, no segmenter, another version, or a value missing or out of bounds.
    """
    with damage_refused(source, "segmenter"):
        values = json.loads(content)
        require_kind(values, ModelKind.MR_SEGMENTER, source)
        known = (values["format_version"], values["network"], tuple(values[OUTLINES]), values["intensities"])
        if known != (FORMAT_VERSION, NETWORK, REGIONS, intensity_rules()):
            raise InputError(f"The segmenter {source} was made for another version of this program; update it.")
        architecture = _architecture(values)
        return SegmenterManifest(
            architecture=architecture,
            spacing_mm=_spacing(values["spacing_mm"]),
            crop=_crop(values["crop"], architecture.multiple),
            **description_in(values),
        )


def _architecture(values: Mapping[str, Any]) -> UNetConfig:
    channels = values["channels"]
    if len(channels) > MOST_LEVELS or not all(type(n) is int and 0 < n <= MOST_CHANNELS for n in channels):
        raise ValueError("channels are out of bounds")
    if not set(values["modalities"]) <= set(MODALITIES):
        raise ValueError("unknown modalities")
    return UNetConfig(tuple(values["modalities"]), tuple(channels))


def _spacing(value: Any) -> float:
    if not 0.25 <= float(value) <= 4.0:
        raise ValueError("spacing_mm is out of bounds")
    return float(value)


def _crop(values: Any, multiple: int) -> tuple[int, int, int]:
    depth, height, width = values
    for side in (depth, height, width):
        if type(side) is not int or not 0 < side <= LONGEST_CROP or side % multiple:
            raise ValueError("crop is out of bounds")
    return depth, height, width
