"""What the engine does for the manager of models; verifying and converting weights takes torch."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .downloadable import downloadables
from .exceptions import InputError
from .install import install_from_file, install_from_network
from .parameters import Parameters
from .weights import WeightsStore

if TYPE_CHECKING:
    from .tasks import Context


def run_install_weights(parameters: Parameters, context: Context) -> dict[str, Any]:
    """Install a bundle's folder or zip, or the authors' ``.pth``, under a name."""
    source, name = parameters.required_path("path"), parameters.text("name")
    store = _store(parameters)
    parameters.finish()
    return {"path": str(install_from_file(source, store, name, context.progress))}


def run_download_weights(parameters: Parameters, context: Context) -> dict[str, Any]:
    """Download and install one of the models that are known."""
    name, store = parameters.text("name"), _store(parameters)
    parameters.finish()
    for known in downloadables():
        if known.name == name:
            return {"path": str(install_from_network(known, store, context.progress))}
    raise InputError(f"There is no model {name} to download; choose one of the list.")


def _store(parameters: Parameters) -> WeightsStore:
    return WeightsStore(Path(parameters.text("store")))


WEIGHTS_TASKS: Mapping[str, Callable[[Parameters, Context], dict[str, Any]]] = {
    "install_weights": run_install_weights,
    "download_weights": run_download_weights,
}
