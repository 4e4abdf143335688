"""JSON files, written whole or not at all, and read by one door."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, TypeVar

from mmhvae.exceptions import InputError
from mmhvae.files import write_text

from .shapes import misfit

Content = TypeVar("Content", dict[str, Any], list[Any])


def write_json(content: Any, path: Path) -> None:
    """Write ``content``; raises :class:`mmhvae.InputError` where that is impossible."""
    write_text(json.dumps(content, indent=1) + "\n", path)


def read_json(path: Path, kind: type[Content], advice: str, shape: Any = None) -> Content:
    """The object or list that a JSON file holds.

    Args:
        kind: dict or list.
        advice: what to do where the file holds none.
        shape: what the reader takes of it, as :func:`misfit` has it; None: anything of this kind.

    Raises:
        InputError: the file is missing or damaged, or holds something else.
    """
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        content = None
    if not isinstance(content, kind):
        raise InputError(f"{path} is missing or damaged; {advice}")
    wrong = None if shape is None else misfit(content, shape)
    if wrong is not None:
        raise InputError(f"{path} is not what it was written as ({wrong}); {advice}")
    return content
