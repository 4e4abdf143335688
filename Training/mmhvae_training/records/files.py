"""JSON files, written whole or not at all."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from mmhvae.files import write_text


def write_json(content: Any, path: Path) -> None:
    """Write ``content``; raises :class:`mmhvae.InputError` where that is impossible."""
    write_text(json.dumps(content, indent=1) + "\n", path)
