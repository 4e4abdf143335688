"""The models on this computer: the one that ships with the software, and those that the user installed.

Installed ones lie in a folder of the user's that survives upgrades, a bundle's folder each. Nothing here needs torch, so
that it can be asked inside Slicer; to install takes torch, see :mod:`mmhvae.weights_tasks`.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .exceptions import InputError
from .shipped import starter_bundle

SHIPPED = "starter"
#: Names the folder for tests and for those who keep their models elsewhere.
ENVIRONMENT = "MMHVAE_WEIGHTS"
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
_MEMBERS = ("bundle.json", "model.safetensors", "MODEL_CARD.md")


@dataclass(frozen=True)
class InstalledBundle:
    """A model that can be used; ``manifest`` is its ``bundle.json``, unchecked."""

    name: str
    title: str
    path: Path
    is_shipped: bool
    manifest: Mapping[str, Any]


def user_folder() -> Path:
    """Where the user's models are kept: the platform's place for a program's data."""
    if os.environ.get(ENVIRONMENT):
        return Path(os.environ[ENVIRONMENT])
    if sys.platform == "win32":
        root = Path(os.environ.get("LOCALAPPDATA") or Path.home() / "AppData" / "Local")
    elif sys.platform == "darwin":
        root = Path.home() / "Library" / "Application Support"
    else:
        root = Path(os.environ.get("XDG_DATA_HOME") or Path.home() / ".local" / "share")
    return root / "MMHVAE" / "weights"


class WeightsStore:
    """The installed models, by name.

    Args:
        folder: where the user's are kept; by default :func:`user_folder`. It need not exist.
    """

    def __init__(self, folder: Path | None = None) -> None:
        self.folder = folder or user_folder()

    def installed(self) -> list[InstalledBundle]:
        """All that can be used, the shipped one first; damaged folders are left out."""
        found = [_described(SHIPPED, starter_bundle(), is_shipped=True)]
        if self.folder.is_dir():
            names = sorted(path.name for path in self.folder.iterdir() if _NAME.fullmatch(path.name))
            found += [_described(name, self.folder / name, is_shipped=False) for name in names if name != SHIPPED]
        return [bundle for bundle in found if bundle is not None]

    def path(self, name: str) -> Path:
        """The folder of a model.

        Raises:
            InputError: there is none of that name.
        """
        for bundle in self.installed():
            if bundle.name == name:
                return bundle.path
        raise InputError(f"The model {name} is not installed; open Weights, and install it or choose another.")

    def place_for(self, name: str) -> Path:
        """Where a model of that name is to be put.

        Raises:
            InputError: the name cannot be a folder's, or is taken.
        """
        if not _NAME.fullmatch(name) or name == SHIPPED:
            raise InputError(f"{name!r} cannot be a model's name; use letters, digits, points and dashes.")
        if (self.folder / name).exists():
            raise InputError(f"There is a model {name} already; delete it first, or give this one another name.")
        return self.folder / name

    def remove(self, name: str) -> None:
        """Delete one of the user's models.

        Raises:
            InputError: it is the shipped one, there is none, or it cannot be deleted.
        """
        if name == SHIPPED:
            raise InputError("The starter model belongs to the program; it cannot be deleted.")
        path = self.path(name)
        try:
            # Out of sight at once: a deletion that is interrupted leaves no half model behind.
            grave = Path(tempfile.mkdtemp(prefix=".deleted-", dir=self.folder))
            os.replace(path, grave / name)
        except OSError as error:
            raise InputError(f"{path} cannot be deleted; check its permissions.") from error
        shutil.rmtree(grave, ignore_errors=True)


def _described(name: str, path: Path, *, is_shipped: bool) -> InstalledBundle | None:
    try:
        if not all((path / member).is_file() for member in _MEMBERS):
            return None
        manifest = json.loads((path / "bundle.json").read_bytes())
        return InstalledBundle(name, str(manifest["name"]), path, is_shipped, manifest)
    except (OSError, ValueError, KeyError, TypeError):
        return None
