"""The installed bundle of a name: where it lies, and the checksum that tells one model from another."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path

from slicer.i18n import tr as _

from mmhvae import InputError


def bundle_path(name: str) -> Path:
    """Where the bundle of that name is installed.

    Raises:
        InputError: nowhere.
    """
    try:
        from mmhvae.weights import WeightsStore
        path = Path(WeightsStore().path(name))
    except ImportError:  # TEMPORARY until weights.py is there
        from mmhvae.shipped import starter_bundle
        path = starter_bundle()
    if not path.exists():
        raise InputError(
            _("The model {name} is not installed; open Weights, and install it or choose another.").format(name=name)
        )
    return path


def weights_checksum(name: str) -> str:
    """SHA-256 of a bundle's weights as its manifest states it; "" where it cannot be told without loading them."""
    try:
        path = bundle_path(name)
        if path.is_dir():
            text = (path / "bundle.json").read_bytes()
        else:
            with zipfile.ZipFile(path) as archive:
                text = archive.read("bundle.json")
        return str(json.loads(text)["weights_sha256"])
    except (InputError, OSError, ValueError, KeyError, TypeError, zipfile.BadZipFile):
        return ""
