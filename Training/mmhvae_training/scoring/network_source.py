"""What a network makes of a case: of a bundle, or of a training run, ablations included."""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from mmhvae.bundle import load_bundle
from mmhvae.exceptions import InputError
from mmhvae.network import MMHVAE, MMHVAEConfig
from mmhvae.settings import SynthesisSettings

from ..configuration import VariantConfig
from ..loop import CHECKPOINT, checksum_of, read_average, read_checkpoint, read_run, spacing_of
from ..networks import build_network
from ..objective import Subset, subsets_of
from .judged_case import Images, JudgedCase, in_unit

SEED = "seed-"  # begins the name of a run's folder where a method has several
OLDER_RUNS_SPACING = 1.0  # mm; runs of the first two starter bundles do not say it


@dataclass(frozen=True)
class Prediction:
    """What one subset of the inputs gave for some slices: positions in the case, target -> (B, H, W) in [0, 1]."""

    subset: Subset
    slices: slice
    images: dict[str, Images]


@dataclass(frozen=True)
class NetworkSource:
    """A network, the grid it works on, and ``facts`` that say which one it is."""

    network: MMHVAE
    spacing: float
    facts: dict[str, Any]
    temperature: float = SynthesisSettings.temperature
    seed: int = 0
    device: str = "cpu"
    batch_size: int = 8

    @property
    def modalities(self) -> tuple[str, ...]:
        return self.network.config.modalities

    @property
    def side(self) -> int:
        return self.network.config.image_size

    @torch.inference_mode()
    def predictions(self, case: JudgedCase) -> Iterator[Prediction]:
        """Every subset of the observed modalities, batch by batch; every observed modality is a target.

        Unimodal encodings are computed once and serve all subsets. The noise depends on seed and case alone.
        """
        seed = zlib.crc32(case.name.encode()) ^ self.seed
        generator = torch.Generator(self.device).manual_seed(seed)
        observed = [name for name in self.modalities if name in case.inputs]
        for start in range(0, len(case.numbers), self.batch_size):
            chosen = slice(start, start + self.batch_size)
            batch = {name: image[chosen].to(self.device) for name, image in case.inputs.items()}
            encodings = self.network.encode(batch)
            for subset in sorted(subsets_of(observed), key=len):
                part = {name: encodings[name] for name in subset}
                z1, _ = self.network.fuse(part, self.temperature, generator)
                decoded = self.network.decode(z1, observed)
                images = {name: in_unit(image[:, 0], case.mask[chosen]) for name, image in decoded.items()}
                yield Prediction(subset, chosen, images)


def bundle_source(path: Path, **options: Any) -> NetworkSource:
    """The network of a bundle, or of the authors' released checkpoint."""
    bundle = load_bundle(path)
    facts = {"bundle": bundle.manifest.name, "weights_sha256": bundle.manifest.weights_sha256}
    return _source(bundle.network, bundle.manifest.spacing_mm, facts, options)


def run_source(folder: Path, weights: Path | None = None, **options: Any) -> NetworkSource:
    """The averaged weights of a training run: its last, or one of the kept averages.

    Raises:
        InputError: the folder holds no run, or the weights are of another run or network.
    """
    network, spacing, facts = load_run(folder, weights)
    return _source(network, spacing, facts, options)


def name_of_run(folder: Path) -> str:
    """The folder's name; for one of several seeds the method's, too: ``resvit/seed-1``."""
    whole = folder.resolve()
    return f"{whole.parent.name}/{whole.name}" if whole.name.startswith(SEED) else whole.name


def name_with_weights(name: str, sha256: str) -> str:
    """How lines and tables call a network: a folder that is filled anew keeps its name, and the checksum changes."""
    return f"{name} {sha256[:8]}"


def load_run(folder: Path, weights: Path | None = None) -> tuple[MMHVAE, float, dict[str, Any]]:
    """Network in evaluation mode, spacing (mm), and what the weights are; see :func:`run_source`."""
    described = read_run(folder)
    checkpoint = read_checkpoint(folder / CHECKPOINT, "architecture", "average", "step")
    if "method" in checkpoint:
        raise InputError(f"{folder} is a run of {checkpoint['method']}; give one of MMHVAE, which train.py makes.")
    chosen, step = read_average(folder, weights) if weights else (checkpoint, checkpoint["step"])
    try:
        variant = VariantConfig(**checkpoint.get("variant", {}))
        network = build_network(MMHVAEConfig(**checkpoint["architecture"]), variant)
    except (TypeError, ValueError) as error:
        raise InputError(f"{folder} holds no run of MMHVAE that this version knows; give one of train.py.") from error
    try:
        network.load_state_dict(chosen["average"])
    except (KeyError, RuntimeError, TypeError) as error:
        raise InputError(
            f"{weights or folder} holds no averaged weights of this run's network; give its own."
        ) from error
    facts = {"run": name_of_run(folder), "step": step, "commit": described["commit"], "ablation": not variant.plain}
    facts["weights_sha256"] = checksum_of(network.state_dict())
    return network.eval(), spacing_of(folder, described, OLDER_RUNS_SPACING), facts


def _source(network: MMHVAE, spacing: float, facts: dict[str, Any], options: dict[str, Any]) -> NetworkSource:
    source = NetworkSource(network.eval(), spacing, facts, **options)
    SynthesisSettings(temperature=source.temperature)  # refuses what synthesis would
    source.network.to(source.device)
    return source
