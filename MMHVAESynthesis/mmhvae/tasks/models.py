"""What the engine does for models: load one, install one; verifying and converting weights takes torch."""

from __future__ import annotations

from pathlib import Path

from ..answers import BundleAnswer, WeightsAnswer
from ..bundle import WeightsStore, downloadable, install_from_network, name_for
from ..compute import choose_device
from ..network import prepared
from ..segmentation import install_model
from .context import Context
from .parameters import Parameters

LOADING = "loading the model"


def run_load(parameters: Parameters, context: Context) -> BundleAnswer:
    """What the bundle is; from now on it is warm, and so is the device."""
    path, device = parameters.required_path("bundle"), parameters.text("device", "auto")
    parameters.finish()
    chosen = choose_device(device)
    context.progress(0.0, LOADING)
    bundle, warm = context.bundles.load(path)
    prepared(bundle.network, chosen)  # its first time, in a process, imports and sets up much that is needed once
    manifest = bundle.manifest
    return BundleAnswer(
        name=manifest.name,
        modalities=manifest.architecture.modalities,
        spacing_mm=manifest.spacing_mm,
        licence=manifest.licence,
        intended_use=manifest.intended_use,
        weights_sha256=manifest.weights_sha256,
        warm=warm,
    )


def run_install_weights(parameters: Parameters, context: Context) -> WeightsAnswer:
    """Install a bundle's folder or zip, or the authors' ``.pth``, by default under its file's name."""
    source, store = parameters.required_path("path"), WeightsStore(parameters.path("store"))
    name = parameters.text("name", "")
    parameters.finish()
    return _installed(install_model(source, store, name or name_for(source), context.progress))


def run_download_weights(parameters: Parameters, context: Context) -> WeightsAnswer:
    """Download and install one of the models that are known."""
    wanted, store = downloadable(parameters.text("name")), WeightsStore(parameters.path("store"))
    parameters.finish()
    return _installed(install_from_network(wanted, store, context.progress))


def _installed(path: Path) -> WeightsAnswer:
    return WeightsAnswer(path.name, str(path))
