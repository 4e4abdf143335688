"""Bundles and stores that several tests make and look into."""

from __future__ import annotations

from pathlib import Path

import torch
from mmhvae.bundle.bundle import Bundle, Manifest, save_bundle
from mmhvae.bundle.installation import install_from_file
from mmhvae.bundle.store import WeightsStore, name_for
from mmhvae.exceptions import no_progress
from mmhvae.network.model import MMHVAE, MMHVAEConfig

TINY = MMHVAEConfig(image_size=32, base_features=4, max_features=8, num_pools=3, decoder_features=4, decoder_blocks=1)


def make_bundle(folder: Path, seed: int = 0, **manifest: object) -> Path:
    torch.manual_seed(seed)
    values = {"name": "tiny", "spacing_mm": 1.0, "licence": "MIT", "intended_use": "tests", **manifest}
    return save_bundle(Bundle(MMHVAE(TINY).eval(), Manifest(architecture=TINY, **values), "# Tiny\n"), folder)


def names(store: WeightsStore) -> list[str]:
    return [bundle.name for bundle in store.installed()]


def files(store: WeightsStore) -> list[str]:
    """Everything in the store's folder, hidden things too."""
    return (
        sorted(str(path.relative_to(store.folder)) for path in store.folder.rglob("*")) if store.folder.is_dir() else []
    )


def install(store: WeightsStore, source: Path, name: str = "") -> Path:
    return install_from_file(source, store, name or name_for(source), no_progress)
