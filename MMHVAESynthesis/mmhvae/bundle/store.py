"""The models on this computer: the one that ships with the software, and those that the user installed.

Installed ones lie in a folder of the user's that survives upgrades, a bundle's folder each. Nothing here needs torch,
so that it can be asked inside Slicer; to install takes torch, see :mod:`mmhvae.bundle.installation`.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import sys
import tempfile
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Any

from ..exceptions import InputError
from .shipped import ULTRASOUND_OUTLINE, starter_bundle

SHIPPED = "starter"
SHIPPED_TITLE = "starter model"
#: Names the folder for tests and for those who keep their models elsewhere.
ENVIRONMENT = "MMHVAE_WEIGHTS"
LONGEST_NAME = 48
_NAME = re.compile(rf"[A-Za-z0-9][A-Za-z0-9._-]{{0,{LONGEST_NAME - 1}}}")
#: What a model's folder holds; one that holds anything else is not ours to delete.
MEMBERS = ("bundle.json", "model.safetensors", "MODEL_CARD.md")
#: What a manifest says of a model that outlines instead of synthesising.
_OUTLINES = "outlines"
#: Of folders being written or deleted; those that a crash left behind go after a day.
_UNFINISHED = (".writing-*", ".deleted-*")
_DAY = 86400.0


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
        return Path(os.environ[ENVIRONMENT]).absolute()
    if sys.platform == "win32":
        root = Path(os.environ.get("LOCALAPPDATA") or Path.home() / "AppData" / "Local")
    elif sys.platform == "darwin":
        root = Path.home() / "Library" / "Application Support"
    else:
        root = Path(os.environ.get("XDG_DATA_HOME") or Path.home() / ".local" / "share")
    return root / "MMHVAE" / "weights"


def name_for(path: Path) -> str:
    """A model's name made from that of a file or folder."""
    stem = path.name if os.path.isdir(path) else path.stem  # Path.is_dir raises where a name is too long
    name = re.sub(r"[^A-Za-z0-9._-]+", "-", stem).strip("._-")[:LONGEST_NAME]
    return name or "model"


class WeightsStore:
    """The installed models, by name.

    Args:
        folder: where the user's are kept; by default :func:`user_folder`. It need not exist.
    """

    def __init__(self, folder: Path | None = None) -> None:
        self.folder = folder or user_folder()

    def installed(self) -> list[InstalledBundle]:
        """All that synthesise, the shipped one first; damaged folders are left out."""
        found = [_described(SHIPPED, starter_bundle(), is_shipped=True), *self._users()]
        return [bundle for bundle in found if bundle is not None and _OUTLINES not in bundle.manifest]

    def ultrasound_segmenters(self) -> list[InstalledBundle]:
        """The user's models that outline tumours in ultrasound; none ships."""
        return [bundle for bundle in self._users() if bundle.manifest.get(_OUTLINES) == [ULTRASOUND_OUTLINE]]

    def everything(self) -> list[InstalledBundle]:
        """All that can be used, for whatever."""
        return [*self.installed(), *self.ultrasound_segmenters()]

    def path(self, name: str) -> Path:
        """The folder of a model that synthesises.

        Raises:
            InputError: there is none of that name.
        """
        return self._path(name, self.installed())

    @staticmethod
    def _path(name: str, among: Iterable[InstalledBundle]) -> Path:
        for bundle in among:
            if bundle.name == name:
                return bundle.path
        raise InputError(f"The model {name} is not installed; open Weights, and install it or choose another.")

    def candidate_names(self, wanted: str) -> list[str]:
        """``wanted``, ``wanted-2``, ..., up to the first one that is free; the others are taken.

        Raises:
            InputError: it cannot be the name of a folder.
        """
        if not _NAME.fullmatch(wanted):
            raise InputError(f"{wanted!r} cannot be a model's name; use letters, digits, points and dashes.")
        names = []
        for number in count(1):
            name = wanted if number == 1 else f"{wanted}-{number}"
            names.append(name)
            if name != SHIPPED and not os.path.lexists(self.folder / name):
                break
        return names

    def remove(self, name: str) -> None:
        """Delete one of the user's models.

        Raises:
            InputError: it is the shipped one, there is none, it holds other files too, or it cannot be deleted.
        """
        if name == SHIPPED:
            raise InputError("The starter model belongs to the program; it cannot be deleted.")
        path = self._path(name, self.everything())
        try:
            if path.is_symlink() or {entry.name for entry in path.iterdir()} != set(MEMBERS):
                raise InputError(f"{path} holds other files too; delete it yourself.")
            # Out of sight at once: a deletion that is interrupted leaves no half model behind.
            grave = Path(tempfile.mkdtemp(prefix=".deleted-", dir=self.folder))
            os.replace(path, grave / name)
        except OSError as error:
            raise InputError(f"{path} cannot be deleted; check its permissions.") from error
        shutil.rmtree(grave, ignore_errors=True)

    def tidy(self) -> None:
        """Remove what installations and deletions that were broken off long ago have left behind."""
        leftovers = [path for pattern in _UNFINISHED for path in self.folder.glob(pattern)]
        for path in leftovers:
            if time.time() - path.lstat().st_mtime > _DAY and path.is_dir() and not path.is_symlink():
                shutil.rmtree(path, ignore_errors=True)

    def _users(self) -> list[InstalledBundle]:
        found = [_described(path.name, path, is_shipped=False) for path in self._folders()]
        return [bundle for bundle in found if bundle is not None]

    def _folders(self) -> list[Path]:
        try:
            return sorted(path for path in self.folder.iterdir() if _NAME.fullmatch(path.name) and path.name != SHIPPED)
        except OSError:
            return []


def list_bundles() -> list[InstalledBundle]:
    """The models on this computer, the shipped one first: their names are what :func:`mmhvae.load_bundle` takes."""
    return WeightsStore().installed()


def bundle_at(bundle: str | Path | None) -> Path:
    """Where a bundle lies that is given by its path or, where nothing lies there, by the name of an installed one."""
    if bundle is None:
        return starter_bundle()
    path = Path(bundle)
    is_name = len(path.parts) == 1 and not os.path.lexists(path)
    return next((found.path for found in list_bundles() if found.name == str(path)), path) if is_name else path


def _described(name: str, path: Path, *, is_shipped: bool) -> InstalledBundle | None:
    try:
        if not all((path / member).is_file() for member in MEMBERS):
            return None
        manifest = json.loads((path / "bundle.json").read_bytes())
        title = SHIPPED_TITLE if is_shipped else str(manifest["name"])
        return InstalledBundle(name, title, path, is_shipped, manifest)
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return None
