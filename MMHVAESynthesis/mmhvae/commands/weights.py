"""The command ``mmhvae weights``: what is installed, install, download, remove."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from ..bundle import WeightsStore, name_for
from ..exceptions import InputError
from .command_line import add_command, report

if TYPE_CHECKING:
    from .command_line import Commands


def add_weights(commands: Commands) -> None:
    """The command, with what it can do as its first argument."""
    parser = add_command(commands, "weights", _run, "List, install, download or remove models.")
    parser.add_argument("action", choices=("list", "install", "download", "remove"))
    parser.add_argument("model", nargs="?", default="", help="install: folder, zip or released .pth; else its name")
    parser.add_argument("--name", default="", help="of what is installed (default: the file's)")


def _run(options: argparse.Namespace) -> None:
    store = WeightsStore()
    if options.action == "list":
        _list(store)
    elif not options.model:
        raise InputError(f"Say which model to {options.action}; mmhvae weights list shows them.")
    elif options.action == "remove":
        store.remove(options.model)
        print(f"{options.model} is removed.")
    elif options.action == "install":
        from ..segmentation import install_model

        source = Path(options.model)
        path = install_model(source, store, options.name or name_for(source), report)
        print(f"{path.name} is installed in {path}.")
    else:
        _download(options.model, store)


def _list(store: WeightsStore) -> None:
    from ..bundle import downloadables

    for bundle in store.everything():
        print(f"{bundle.name:24} {bundle.title}, {bundle.kind.value}, in {bundle.path}")
    for entry in downloadables():
        print(f"{entry.name:24} {entry.title}: to download")


def _download(name: str, store: WeightsStore) -> None:
    from ..bundle import downloadable, install_from_network

    wanted = downloadable(name)
    print(f"{wanted.terms} Licence: {wanted.licence}; {wanted.licence_url}", flush=True)
    path = install_from_network(wanted, store, report)
    print(f"{path.name} is installed in {path}.")
