"""The models on this computer: those that ship with the software, and those that the user installed.

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
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from itertools import count
from pathlib import Path
from typing import Any

from ..exceptions import InputError
from .kinds import ModelKind, kind_of, require_kind
from .shipped import brain_extractor_bundle, segmenter_bundle, starter_bundle

#: Names the folder for tests and for those who keep their models elsewhere.
ENVIRONMENT = "MMHVAE_WEIGHTS"
LONGEST_NAME = 48
_NAME = re.compile(rf"[A-Za-z0-9][A-Za-z0-9._-]{{0,{LONGEST_NAME - 1}}}")
#: What a model's folder holds; one that holds anything else is not ours to delete.
MEMBERS = ("bundle.json", "model.safetensors", "MODEL_CARD.md")
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

    @property
    def kind(self) -> ModelKind:
        """What it is for."""
        return kind_of(self.manifest)

    @property
    def label(self) -> str:
        """Its title and its name: two models may be called the same."""
        return f"{self.title} ({self.name})"

    @property
    def weights_sha256(self) -> str:
        """What tells its weights from another's, as its manifest has it; "" where that says nothing."""
        return str(self.manifest.get("weights_sha256", ""))


@dataclass(frozen=True)
class Shipped:
    """What ships of a kind: under which name, how that is shown, and where it lies."""

    name: str
    title: str
    folder: Callable[[], Path]


#: By kind; no segmenter of ultrasound ships.
SHIPPED = {
    ModelKind.SYNTHESIS: Shipped("starter", "starter model", starter_bundle),
    ModelKind.MR_SEGMENTER: Shipped("segmenter", "shipped segmenter", segmenter_bundle),
    ModelKind.BRAIN_EXTRACTOR: Shipped("brain", "shipped brain extractor", brain_extractor_bundle),
}
#: By name; no model of the user's gets one of these.
RESERVED = {shipped.name: shipped for shipped in SHIPPED.values()}


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

    def installed(self, kind: ModelKind = ModelKind.SYNTHESIS) -> list[InstalledBundle]:
        """All of a kind, the shipped one first; damaged folders are left out."""
        return [bundle for bundle in self.everything() if bundle.kind is kind]

    def everything(self) -> list[InstalledBundle]:
        """All that can be used, kind by kind, the shipped one first in each; damaged folders are left out."""
        found = [_shipped(shipped) for shipped in SHIPPED.values()]
        found += [_described(path.name, path) for path in self._folders()]
        kinds = list(ModelKind)
        return sorted((bundle for bundle in found if bundle is not None), key=lambda bundle: kinds.index(bundle.kind))

    def find(self, name: str) -> InstalledBundle:
        """The model of that name, of whatever kind.

        Raises:
            InputError: there is none.
        """
        for bundle in self.everything():
            if bundle.name == name:
                return bundle
        raise InputError(f"The model {name} is not installed; open Models, and install it or choose another.")

    def path(self, name: str, kind: ModelKind = ModelKind.SYNTHESIS) -> Path:
        """The folder of a model of that name and kind.

        Raises:
            InputError: there is none of that name, or it is of another kind.
        """
        found = self.find(name)
        require_kind(found.manifest, kind, name)
        return found.path

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
            if name not in RESERVED and not os.path.lexists(self.folder / name):
                break
        return names

    def remove(self, name: str) -> None:
        """Delete one of the user's models.

        Raises:
            InputError: it is a shipped one, there is none, it holds other files too, or it cannot be deleted.
        """
        if name in RESERVED:
            raise InputError(f"The {RESERVED[name].title} belongs to the program; it cannot be deleted.")
        path = self.find(name).path
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

    def _folders(self) -> list[Path]:
        try:
            found = [path for path in self.folder.iterdir() if _NAME.fullmatch(path.name)]
        except OSError:
            return []
        return sorted(path for path in found if path.name not in RESERVED)


def list_bundles() -> list[InstalledBundle]:
    """The models that synthesise, the shipped one first: their names are what :func:`mmhvae.load_bundle` takes."""
    return WeightsStore().installed()


def bundle_at(bundle: str | Path | None, kind: ModelKind = ModelKind.SYNTHESIS) -> Path:
    """Where a model lies that is given by its path or, where nothing lies there, by the name of an installed one.

    Without either it is the one that ships of that ``kind``; whether a given one is of it is told when it is loaded.
    """
    if bundle is None:
        return SHIPPED[kind].folder()
    path = Path(bundle)
    if len(path.parts) == 1 and not os.path.lexists(path):
        return next((found.path for found in WeightsStore().everything() if found.name == str(path)), path)
    return path


def _shipped(shipped: Shipped) -> InstalledBundle | None:
    try:
        folder = shipped.folder()
    except InputError:  # this installation lacks it, which is told when it is asked for
        return None
    found = _described(shipped.name, folder)
    return found and replace(found, title=shipped.title, is_shipped=True)


@lru_cache(maxsize=32)
def _manifest(file: Path, state: tuple[int, ...]) -> dict[str, Any]:
    """What a file holds as long as it is the one of that inode, time and size: a panel asks many times a second."""
    manifest: dict[str, Any] = json.loads(file.read_bytes())
    return manifest


def _described(name: str, path: Path) -> InstalledBundle | None:
    try:
        if not all((path / member).is_file() for member in MEMBERS):
            return None
        file = path / MEMBERS[0]
        now = file.stat()
        manifest = _manifest(file, (now.st_ino, now.st_mtime_ns, now.st_size))
        return InstalledBundle(name, str(manifest["name"]), path, False, manifest)
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return None
