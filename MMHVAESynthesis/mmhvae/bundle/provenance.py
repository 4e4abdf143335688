"""Where a model comes from, without the places of the machine that trained it: no folder of it, no user's name."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

#: How an absolute path begins: of POSIX, in a home folder, of Windows. No address of the network, no fraction.
_ROOT = r"(?:~[^\s/\\]*[/\\]|/(?![/\s])|[A-Za-z]:[\\/]|\\\\)"
#: One within a text, where blanks and quotation marks end it; and a text that is one, blanks and all.
_WITHIN = re.compile(rf"""(?<![^\s"'=(\[,;:<>|]){_ROOT}[^\s"'()\[\],;<>|]+""")
_WHOLE = re.compile(rf"{_ROOT}[^\n]*|/")


def without_places(value: Any) -> Any:
    """The same plain value with every absolute path in it cut down to its last part, keys included."""
    if isinstance(value, Mapping):
        return {without_places(key): without_places(entry) for key, entry in value.items()}
    if isinstance(value, (list, tuple)):
        return [without_places(entry) for entry in value]
    if isinstance(value, str):
        return _last(value) if _WHOLE.fullmatch(value) else _WITHIN.sub(lambda found: _last(found[0]), value)
    return value


def _last(path: str) -> str:
    return re.split(r"[/\\]", path.rstrip("/\\"))[-1] or "."
