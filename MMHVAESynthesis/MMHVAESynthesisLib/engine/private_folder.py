"""The folder through which volumes travel to the engine and back: private, and gone with its owner."""

from __future__ import annotations

import os
import platform
import re
import shutil
import stat
import tempfile
from pathlib import Path

from .process import is_running

_PREFIX = "mmhvae-engine"


def create_private_folder(root: Path | None = None) -> Path:
    """A new folder that only this user can enter (0700), named after this process.

    Args:
        root: where to put it; by default the system's folder for temporary files.

    Raises:
        OSError: there is no room, or no permission.
    """
    return Path(tempfile.mkdtemp(prefix=f"{_PREFIX}-{_host()}-{os.getpid()}-", dir=root)).resolve()


def sweep_abandoned_folders(root: Path | None = None) -> list[Path]:
    """Remove the folders of owners that were killed: patients' images do not stay behind.

    Folders of other machines (a temporary folder can be shared), of other users, and of this process stay.

    Returns:
        What was removed.
    """
    removed = []
    mine = re.compile(rf"{_PREFIX}-{re.escape(_host())}-(\d+)-[^-]+")
    for folder in Path(root or tempfile.gettempdir()).glob(f"{_PREFIX}-*"):
        name = mine.fullmatch(folder.name)
        if name and _is_own_folder(folder) and not is_running(int(name[1])):
            shutil.rmtree(folder, ignore_errors=True)
            removed.append(folder)
    return removed


def _host() -> str:
    return re.sub(r"[^A-Za-z0-9]", "", platform.node()) or "localhost"


def _is_own_folder(folder: Path) -> bool:
    try:
        state = folder.lstat()  # never through a link that somebody else put there
    except OSError:
        return False
    return stat.S_ISDIR(state.st_mode) and (not hasattr(os, "getuid") or state.st_uid == os.getuid())
