"""The interpreter that runs this, as a place for packages: what it has, where they go, whether there is room."""

from __future__ import annotations

import importlib
import importlib.metadata
import re
import shutil
import sysconfig
import tempfile
from pathlib import Path

from mmhvae.exceptions import InputError

#: Bytes that the disk must have to spare after an installation.
SPARE = 100 << 20
_VERSION = re.compile(r"[0-9][A-Za-z0-9.!+_-]*")


def packages_folder() -> Path:
    """Where packages with compiled parts are installed."""
    return Path(sysconfig.get_path("platlib"))


def installed() -> dict[str, str]:
    """The versions of all packages that this interpreter sees, by their plain names."""
    importlib.invalidate_caches()
    found = [(each.metadata["Name"], each.version) for each in importlib.metadata.distributions()]
    return {plain(name): version for name, version in reversed(found) if name}  # the first on the path counts


def plain(name: str) -> str:
    """A package's name as pip compares it."""
    return re.sub(r"[-_.]+", "-", name).lower()


def pinned(versions: dict[str, str]) -> str:
    """Lines that keep pip from any other version; those that pip could not read are left out."""
    return "".join(f"{name}=={version}\n" for name, version in sorted(versions.items()) if _VERSION.fullmatch(version))


def require_room(size: int) -> None:
    """Make sure that ``size`` bytes can be written among the packages.

    Raises:
        InputError: nothing can be written there, or there is too little room.
    """
    place = packages_folder()
    try:
        with tempfile.TemporaryFile(dir=place):
            pass
    except OSError as error:
        raise InputError(f"{place} cannot be written; start the program as somebody who may, and try again.") from error
    free = shutil.disk_usage(place).free
    if free < size + SPARE:
        raise InputError(
            f"There is no room for the packages in {place}; free {(size + SPARE - free) / 1e9:.1f} GB there."
        )
