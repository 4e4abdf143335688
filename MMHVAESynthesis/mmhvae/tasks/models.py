"""What the engine does for the manager of models; verifying and converting weights takes torch."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from ..bundle import WeightsStore, downloadable, install_from_file, install_from_network, name_for
from .context import Context
from .parameters import Parameters


def run_install_weights(parameters: Parameters, context: Context) -> dict[str, Any]:
    """Install a bundle's folder or zip, or the authors' ``.pth``, by default under its file's name."""
    source, store = parameters.required_path("path"), WeightsStore(parameters.path("store"))
    name = parameters.text("name", "")
    parameters.finish()
    return _installed(install_from_file(source, store, name or name_for(source), context.progress))


def run_download_weights(parameters: Parameters, context: Context) -> dict[str, Any]:
    """Download and install one of the models that are known."""
    wanted, store = downloadable(parameters.text("name")), WeightsStore(parameters.path("store"))
    parameters.finish()
    return _installed(install_from_network(wanted, store, context.progress))


def _installed(path: Path) -> dict[str, Any]:
    return {"name": path.name, "path": str(path)}


WEIGHTS_TASKS: Mapping[str, Callable[[Parameters, Context], dict[str, Any]]] = {
    "install_weights": run_install_weights,
    "download_weights": run_download_weights,
}
