"""The commands ``mmhvae import-release`` and ``mmhvae info``: a model's file turned into a bundle, and told of."""

from __future__ import annotations

import argparse
import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from ..exceptions import InputError
from .command_line import NOTICE, add_command

if TYPE_CHECKING:
    from .command_line import Commands


def add_bundles(commands: Commands) -> None:
    """The commands and their options."""
    parser = add_command(commands, "import-release", _import_release, "Turn the authors' checkpoint into a bundle.")
    parser.add_argument("checkpoint", type=Path, metavar="CP_main_1000.pth")
    parser.add_argument("folder", type=Path, metavar="DIR")
    parser = add_command(commands, "info", _info, "Say what a model is.")
    parser.add_argument("bundle", type=Path, metavar="BUNDLE", help="folder, zip, or the name of an installed model")


def _import_release(options: argparse.Namespace) -> None:
    from ..bundle import load_bundle, save_bundle

    if options.checkpoint.suffix != ".pth":
        raise InputError(f"{options.checkpoint} is not a .pth file; give the authors' CP_main_1000.pth.")
    bundle = load_bundle(options.checkpoint)
    save_bundle(bundle, options.folder)
    print(f"{options.folder}: {bundle.manifest.name}, {', '.join(bundle.manifest.architecture.modalities)}. {NOTICE}")


def _info(options: argparse.Namespace) -> None:
    from ..segmentation import load_model

    model = load_model(options.bundle)
    parameters = sum(tensor.numel() for tensor in model.network.parameters())
    print(json.dumps({**asdict(model.manifest), "parameters": parameters}, indent=2, default=dict))
