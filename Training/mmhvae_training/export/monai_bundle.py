"""A MONAI bundle of an MMHVAE: fixed channels and a presence mask; configs, weights, the code they name, the card.

``monai.bundle.load``, ``run`` and ``verify_net_in_out`` work on it with the bundle's folder on PYTHONPATH.
"""

from __future__ import annotations

import io
import json
import shutil
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import torch
from mmhvae.bundle import Bundle
from mmhvae.exceptions import InputError
from mmhvae.files import whole_folder
from mmhvae.images import MODALITIES
from mmhvae.settings import SynthesisSettings
from mmhvae.version import __version__

from .monai_network import FixedChannelMMHVAE

CODE = {"network.py": "monai_network.py", "inference.py": "monai_inference.py"}  # in scripts/ <- of this package
MONAI_VERSION = "1.6.1"  # that the bundles are tried with
SCHEMA = "https://github.com/Project-MONAI/MONAI-extra-test-data/releases/download/0.8.1/meta_schema_20240725.json"


def write_monai_bundle(bundle: Bundle, folder: Path) -> Path:
    """Write a MONAI bundle into ``folder``, which must be new or empty; whole or not at all.

    Raises:
        InputError: the folder holds something already, or cannot be written.
    """
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise InputError(f"{folder} exists and is not empty; choose a new folder for the MONAI bundle.")
    with whole_folder(folder) as temporary:
        _fill(bundle, temporary)
    return folder


def _fill(bundle: Bundle, folder: Path) -> None:
    for name in ("configs", "models", "scripts", "docs"):
        (folder / name).mkdir()
    for name, content in {"metadata": metadata(bundle), "inference": inference(bundle)}.items():
        (folder / "configs" / f"{name}.json").write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")
    (folder / "docs" / "README.md").write_text(bundle.card, encoding="utf-8")
    (folder / "LICENSE").write_text(bundle.manifest.licence + "\n", encoding="utf-8")
    (folder / "scripts" / "__init__.py").write_text("", encoding="utf-8")
    for name, source in CODE.items():
        shutil.copyfile(Path(__file__).with_name(source), folder / "scripts" / name)
    network = FixedChannelMMHVAE(**_architecture(bundle))
    network.mmhvae.load_state_dict(bundle.network.state_dict())
    buffer = io.BytesIO()  # torch's own writer aborts the process on a full disk
    torch.save(network.state_dict(), buffer)
    (folder / "models" / "model.pt").write_bytes(buffer.getbuffer())


def _architecture(bundle: Bundle) -> dict[str, Any]:
    architecture = asdict(bundle.network.config)
    return {**architecture, "modalities": list(architecture["modalities"])}


def inference(bundle: Bundle) -> dict[str, Any]:
    """``configs/inference.json``: the network, its weights, and a run over a folder of cases."""
    return {
        "imports": ["$import torch", "$import scripts.inference as volumes"],
        "bundle_root": ".",
        "device": "$torch.device('cuda:0' if torch.cuda.is_available() else 'cpu')",
        "dataset_dir": "$@bundle_root + '/cases'",
        "output_dir": "$@bundle_root + '/output'",
        "checkpoint": "$@bundle_root + '/models/model.pt'",
        "network_def": {
            "_target_": "scripts.network.FixedChannelMMHVAE",
            "temperature": SynthesisSettings.temperature,
            **_architecture(bundle),
        },
        "network": "$@network_def.to(@device)",
        "initialize": [
            "$@network.load_state_dict(torch.load(@checkpoint, map_location=@device, weights_only=True))",
        ],
        "run": [
            "$volumes.run(@network, @dataset_dir, @output_dir, "
            f"{bundle.manifest.spacing_mm}, {bundle.manifest.slice_axis})"
        ],
    }


def metadata(bundle: Bundle) -> dict[str, Any]:
    """``configs/metadata.json`` by MONAI's specification."""
    config, manifest = bundle.network.config, bundle.manifest
    names = [MODALITIES[name].name if name in MODALITIES else name for name in config.modalities]
    images = dict(enumerate([*names, *(f"{name} is present (1) or not (0)" for name in names)]))
    return {
        "schema": SCHEMA,
        "version": "0.1.0",
        "changelog": {"0.1.0": "first export"},
        "monai_version": MONAI_VERSION,
        "pytorch_version": torch.__version__.split("+")[0],
        "numpy_version": np.__version__,
        "required_packages_version": {"mmhvae": __version__},
        "name": manifest.name,
        "task": f"Synthesis of {', '.join(names)} from any subset of them",
        "description": "MMHVAE on 2-D slices; a modality that is missing is marked as not present.",
        "authors": "Exported by SlicerMMHVAE; the method is by Dorent et al.",
        "copyright": manifest.licence,
        "data_type": "nifti",
        "intended_use": manifest.intended_use,
        "references": [
            "Dorent et al., Unified Cross-Modal Medical Image Synthesis with Hierarchical Mixture of Product-of-Experts"
        ],
        "network_data_format": {
            "inputs": {"image": _format(images, config.image_size, "image", [-1, 1])},
            "outputs": {"pred": _format(dict(enumerate(names)), config.image_size, "image", [-1, 1])},
        },
    }


def _format(channels: Mapping[int, str], side: int, kind: str, limits: list[int]) -> dict[str, Any]:
    return {
        "type": kind,
        "format": "magnitude",
        "modality": "MR",
        "num_channels": len(channels),
        "spatial_shape": [side, side],
        "dtype": "float32",
        "value_range": limits,
        "is_patch_data": False,
        "channel_def": {str(number): name for number, name in channels.items()},
    }
