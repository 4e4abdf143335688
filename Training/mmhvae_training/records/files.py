"""Files written whole or not at all: another name first, then renamed."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

from mmhvae.exceptions import InputError


def write_bytes(content: bytes | memoryview, path: Path) -> None:
    """Write a file in place of the one that was there.

    Raises:
        InputError: it cannot be written; what was there is untouched.
    """
    temporary = path.with_name(f".writing-{path.name}")
    try:
        with temporary.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    except OSError as error:
        temporary.unlink(missing_ok=True)
        kept = "; the file that was there is kept" if path.exists() else ""
        raise InputError(
            f"{path} could not be written ({error.strerror}); it takes {len(content) / 2**20:.1f} MiB: free some space"
            f"{kept}."
        ) from error


def write_text(text: str, path: Path) -> None:
    """Write a small file, as :func:`write_bytes`."""
    write_bytes(text.encode(), path)


def write_json(content: Any, path: Path) -> None:
    """Write ``content`` as JSON, as :func:`write_bytes`."""
    write_text(json.dumps(content, indent=1) + "\n", path)
