"""A model that synthesises images: its manifest, its network, and both on disk, see :mod:`.members`.

Weights are data, never code. Loading checks the format's version, the checksum of the weights and the shape of
every tensor before a single one is used.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any, TypeVar

import torch
from safetensors.torch import save as save_tensors
from torch import Tensor, nn

from ..exceptions import InputError
from ..images import CLIPPED_PERCENTILE, FOREGROUND_MINIMUM, WHITE_MATTER_LEVEL
from ..network import MMHVAE, MMHVAEConfig, Refinement, RefinementConfig
from .kinds import ModelKind, require_kind
from .members import (
    CARD,
    MANIFEST,
    WEIGHTS,
    damage_refused,
    description_in,
    members_of,
    read_members,
    require_checksum,
    require_same_shapes,
    tensors_in,
    write_members,
)
from .release import load_release
from .store import bundle_at

FORMAT_VERSION = 1
#: Of bundles with a refinement, so that programs that know of none refuse them instead of leaving it out.
REFINED_VERSION = 2
#: What the names of a refinement's weights begin with.
REFINEMENT = "refinement."
#: Largest architecture accepted from a file, so that a forged manifest cannot exhaust the memory.
ARCHITECTURE_LIMITS = {
    "image_size": 1024,
    "base_features": 256,
    "max_features": 1024,
    "num_pools": 8,
    "decoder_features": 256,
    "decoder_blocks": 32,
}
MOST_MODALITIES = 32
#: The same of a refinement.
MOST_FEATURES, MOST_BLOCKS, LARGEST_DILATION = 256, 16, 32

Network = TypeVar("Network", bound=nn.Module)


def intensity_rules() -> dict[str, Any]:
    """How images become the network's numbers, as written into every manifest."""
    return {
        "input": {
            "foreground": "voxel > 0, closed over 4 mm and hole-filled for ultrasound; MR shifted to minimum 0 first",
            "foreground_minimum": FOREGROUND_MINIMUM,
            "clipped_percentile": CLIPPED_PERCENTILE,
            "background": -1.0,
        },
        "harmonised_white_matter": dict(WHITE_MATTER_LEVEL),
    }


@dataclass(frozen=True)
class Manifest:
    """What ``bundle.json`` says.

    Attributes:
        name: of the bundle, as shown to people.
        architecture: the network, fusion mode and modalities included.
        spacing_mm: in-plane pixel spacing that the network expects.
        slice_axis: index axis that the slices follow; rows run along the first of the others.
        training: provenance: data, schedule, software; no absolute path is written or read.
        licence, intended_use: plain text.
        weights_sha256: of ``model.safetensors``; for a released checkpoint, of the ``.pth`` file.
        strength: modality -> how well it is synthesised from ultrasound, as measured on cases that training never saw:
            the correlation with the true image, 0 to 1. Empty where nothing was measured.
        refinement: the 3-D network behind the 2-D one; None where there is none.
    """

    name: str
    architecture: MMHVAEConfig
    spacing_mm: float
    licence: str
    intended_use: str
    training: Mapping[str, Any] = field(default_factory=dict)
    slice_axis: int = 2
    weights_sha256: str = ""
    strength: Mapping[str, float] = field(default_factory=dict)
    refinement: RefinementConfig | None = None

    @property
    def is_release(self) -> bool:
        """Whether the weights are the authors': then volumes are framed as they frame them."""
        return self.architecture.fusion == "release"

    def has_network_of(self, other: Manifest) -> bool:
        """Whether both tell of one network, its refinement included, if perhaps with other weights."""
        facts = ("architecture", "spacing_mm", "slice_axis", "refinement")
        return all(getattr(self, fact) == getattr(other, fact) for fact in facts)


@dataclass(frozen=True)
class Bundle:
    """A network in evaluation mode, its refinement where it has one, with what is known about it."""

    network: MMHVAE
    manifest: Manifest
    card: str
    refinement: Refinement | None = None

    def weights(self) -> dict[str, Tensor]:
        """All tensors by their names on disk; the refinement's begin with :data:`REFINEMENT`."""
        behind = {} if self.refinement is None else self.refinement.state_dict(prefix=REFINEMENT)
        return {**self.network.state_dict(), **behind}


def load_bundle(bundle: str | Path | None = None) -> Bundle:
    """Load a bundle folder, a bundle zip, the authors' released ``.pth``, or an installed model by its name.

    Args:
        bundle: a path, or where there is no such file or folder, the name of an installed model; by default the
            starter model, which ships with the software.

    Raises:
        InputError: missing, damaged, altered, of another version, or not a bundle at all.
    """
    path = bundle_at(bundle)
    if path.suffix == ".pth" and os.path.exists(path):
        return _released_bundle(path)
    members = read_members(path)
    manifest = parse_manifest(members[MANIFEST], path)
    require_checksum(members, manifest.weights_sha256, path)
    network, refinement = _networks(manifest, members[WEIGHTS], path)
    return Bundle(network, manifest, members[CARD].decode("utf-8", errors="replace"), refinement)


def save_bundle(bundle: Bundle, folder: str | Path, half_precision: bool = False) -> Path:
    """Write ``bundle`` into ``folder``, which must be new or empty; whole or not at all.

    Args:
        bundle: is not changed.
        folder: of the bundle.
        half_precision: whether the weights are stored as float16, in half the bytes; they are loaded as float32.

    Raises:
        InputError: the folder holds something already or cannot be written, or half precision cannot hold a weight.
    """
    return write_members(_members(bundle, half_precision), Path(folder))


def _members(bundle: Bundle, half_precision: bool) -> dict[str, bytes]:
    refinement = bundle.refinement
    state = {name: tensor.detach().cpu().contiguous() for name, tensor in bundle.weights().items()}
    weights = save_tensors(_halved(state) if half_precision else state)
    architecture = asdict(bundle.manifest.architecture)
    content = {
        "format_version": REFINED_VERSION if refinement else FORMAT_VERSION,
        "name": bundle.manifest.name,
        "modalities": list(architecture.pop("modalities")),
        "fusion": architecture.pop("fusion"),
        "architecture": architecture,
        "spacing_mm": bundle.manifest.spacing_mm,
        "slices": _slice_orientation(bundle.manifest.slice_axis),
        "intensities": intensity_rules(),
        **({"strength": dict(bundle.manifest.strength)} if bundle.manifest.strength else {}),
        **({"refinement": asdict(refinement.config)} if refinement else {}),
    }
    return members_of(content, bundle.manifest, weights, bundle.card)


def _halved(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Floating-point tensors as float16; whole numbers stay."""
    halved = {name: tensor.half() if tensor.is_floating_point() else tensor for name, tensor in state.items()}
    for name, tensor in halved.items():
        if not torch.isfinite(tensor).all():
            raise InputError(f"Half precision cannot hold the weights {name}; store them as float32.")
    return halved


def _slice_orientation(axis: int) -> dict[str, Any]:
    rows, columns = ("ijk"[a] for a in range(3) if a != axis)
    return {"axis": axis, "rows": rows, "columns": columns}


def parse_manifest(content: bytes, source: str | Path) -> Manifest:
    """The manifest in ``content``; ``source`` is named in errors.

    Raises:
        InputError: not JSON, an unknown format version, or a value missing or out of bounds.
    """
    with damage_refused(source):
        values = json.loads(content)
        require_kind(values, ModelKind.SYNTHESIS, source)
        version = values["format_version"]
        if version not in (FORMAT_VERSION, REFINED_VERSION):
            raise InputError(
                f"The bundle {source} has format version {version}; this program reads versions up to "
                f"{REFINED_VERSION}, update it."
            )
        axis = int(_within(values["slices"]["axis"], 0, 2))
        if values["slices"] != _slice_orientation(axis) or values["intensities"] != intensity_rules():
            raise InputError(f"The bundle {source} prepares images by rules that this program lacks; update it.")
        return Manifest(
            architecture=_architecture(values),
            spacing_mm=_within(float(values["spacing_mm"]), 0.05, 10.0),
            slice_axis=axis,
            **description_in(values),
            strength={str(k): _within(float(v), 0.0, 1.0) for k, v in dict(values.get("strength", {})).items()},
            refinement=_refinement(values["refinement"]) if "refinement" in values else None,
        )


def _architecture(values: Mapping[str, Any]) -> MMHVAEConfig:
    numbers = dict(values["architecture"])
    if set(numbers) != {f.name for f in fields(MMHVAEConfig)} - {"modalities", "fusion"}:
        raise ValueError("unexpected architecture fields")
    for name, limit in ARCHITECTURE_LIMITS.items():
        if type(numbers[name]) is not int or numbers[name] > limit:
            raise ValueError(f"{name} is out of bounds")
    if len(values["modalities"]) > MOST_MODALITIES:
        raise ValueError("too many modalities")
    if not all(str(name).isidentifier() for name in values["modalities"]):  # they become names of files
        raise ValueError("a modality's id is no identifier")
    return MMHVAEConfig(modalities=tuple(map(str, values["modalities"])), fusion=values["fusion"], **numbers)


def _within(value: float, low: float, high: float) -> float:
    if not low <= value <= high:
        raise ValueError(f"{value} is not between {low} and {high}")
    return value


def _refinement(values: Mapping[str, Any]) -> RefinementConfig:
    features, dilations = values["features"], values["dilations"]
    if set(values) != {f.name for f in fields(RefinementConfig)} or len(dilations) > MOST_BLOCKS:
        raise ValueError("unexpected fields or too many blocks of the refinement")
    for number, limit in ((features, MOST_FEATURES), *((dilation, LARGEST_DILATION) for dilation in dilations)):
        if type(number) is not int or number > limit:
            raise ValueError("the refinement is out of bounds")
    return RefinementConfig(features, tuple(dilations))


def _networks(manifest: Manifest, weights: bytes, source: Path) -> tuple[MMHVAE, Refinement | None]:
    stored = tensors_in(weights, source)
    state = {name: tensor.float() if tensor.dtype == torch.float16 else tensor for name, tensor in stored.items()}
    config, refinement = manifest.architecture, manifest.refinement
    behind = {name for name in state if refinement and name.startswith(REFINEMENT)}
    network = _filled(lambda: MMHVAE(config), {n: t for n, t in state.items() if n not in behind}, source)
    if refinement is None:
        return network, None
    own = {name.removeprefix(REFINEMENT): state[name] for name in behind}
    return network, _filled(lambda: Refinement(len(config.modalities), refinement), own, source)


def _filled(make: Callable[[], Network], state: Mapping[str, Tensor], source: Path) -> Network:
    """What ``make`` gives with these weights, in evaluation mode."""
    try:
        with torch.device("meta"):  # shapes only: nothing is allocated before the tensors are known to fit
            expected = make().state_dict()
    except KeyError as error:  # torch reserves some names, such as "keys"
        raise InputError(f"The {MANIFEST} of {source} names a modality that cannot be used; rename it.") from error
    require_same_shapes(expected, state, source)
    network = make()
    network.load_state_dict(state)
    return network.eval()


def _released_bundle(path: Path) -> Bundle:
    network = load_release(path)
    checksum = hashlib.sha256(path.read_bytes()).hexdigest()
    manifest = Manifest(
        name=f"MMHVAE release ({path.name})",
        architecture=network.config,
        spacing_mm=0.5,
        licence="MIT, by the authors of MMHVAE; see github.com/ReubenDo/MMHVAE",
        intended_use="Research only. Not approved for clinical use.",
        training={
            "source": path.name,
            "source_sha256": checksum,
            "data": "ReMIND, as described in the paper (Dorent et al.)",
        },
        weights_sha256=checksum,
    )
    return Bundle(network, manifest, _RELEASE_CARD.format(name=path.name, checksum=checksum))


_RELEASE_CARD = """# MMHVAE, the authors' released weights

Imported from `{name}` (SHA-256 `{checksum}`).

- **Model**: MMHVAE, trained by its authors on the ReMIND data set; see their paper and repository (MIT licence).
- **Fusion**: release mode, which these weights need: the experts' weights are exp(-log-scale) and the inverse of
  their sum serves as the standard deviation.
- **Input**: 2-D slices at 0.5 mm, rows along the first index axis and columns along the second.
- **Output**: synthetic images, harmonised to [0, 1]. They can show structures that are not there, and miss
  structures that are.
- **Intended use**: research only. Not approved for clinical use.
"""
