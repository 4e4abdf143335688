"""Which code made a result."""

from __future__ import annotations

import subprocess
from pathlib import Path


def commit() -> str:
    """The checkout's commit, with "-modified" where tracked files differ from it; "unknown" outside a checkout."""
    here = Path(__file__).resolve().parent
    try:
        return _git(here, "rev-parse", "HEAD") + ("-modified" if _git(here, "status", "--porcelain", "-uno") else "")
    except (OSError, subprocess.CalledProcessError):
        return "unknown"


def _git(folder: Path, *arguments: str) -> str:
    command = ["git", "-C", str(folder), *arguments]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()
