"""The Python packages that the engine needs, and which of them are missing here; none is imported to find out."""

from __future__ import annotations

import importlib
import importlib.metadata
import importlib.util
import re

#: The oldest versions that work, as in the core's own ``pyproject.toml``.
INSTALLED_BY_US = {"torch": "2.5", "safetensors": "0.4"}
PART_OF_SLICER = {"numpy": "1.26", "SimpleITK": "2.3"}


def requirement(name: str) -> str:
    """What pip is asked for, such as ``torch>=2.5``."""
    return f"{name}>={INSTALLED_BY_US[name]}"


def version_of(name: str) -> str | None:
    """The version of an installed package; "" where it is there and does not say; None where it is not."""
    importlib.invalidate_caches()  # it may have been installed by another process a moment ago
    try:
        if importlib.util.find_spec(name) is None:
            return None
        return importlib.metadata.version(name) or ""
    except (ImportError, ValueError):  # PackageNotFoundError too
        return ""


def is_new_enough(version: str, oldest: str) -> bool:
    """Whether ``version`` is ``oldest`` or later; one that says nothing is not."""
    return _numbers(version) >= _numbers(oldest)


def missing_packages() -> list[str]:
    """Names of the packages to install: those that are not there, or too old."""
    found = {name: version_of(name) for name in INSTALLED_BY_US}
    return [name for name, version in found.items() if not is_new_enough(version or "", INSTALLED_BY_US[name])]


def _numbers(version: str) -> tuple[int, ...]:
    """(2, 13, 0) of "2.13.0+cpu"; nothing of what is no version."""
    match = re.match(r"\d+(\.\d+)*", version)
    return tuple(map(int, match[0].split("."))) if match else ()
