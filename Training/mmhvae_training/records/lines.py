"""A JSON line a result, appended as soon as it is known: work that was stopped goes on where it was."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mmhvae.exceptions import InputError

from .shapes import misfit


def read_lines(path: Path, shape: Any) -> list[dict[str, Any]]:
    """The JSON lines written so far; a last line that was cut off is not counted.

    Args:
        shape: of a line, as :func:`misfit` has it: all that its readers rely on.

    Raises:
        InputError: another line is damaged, or of another shape.
    """
    if not path.exists():
        return []
    lines = path.read_bytes().split(b"\n")[:-1]
    return [_row(line, shape, path, number) for number, line in enumerate(lines, start=1) if line.strip()]


def _row(line: bytes, shape: Any, path: Path, number: int) -> dict[str, Any]:
    try:
        row = json.loads(line)
    except (ValueError, RecursionError):
        row = None
    if not isinstance(row, dict):
        raise InputError(f"Line {number} of {path} is damaged; remove that line, then go on.")
    wrong = misfit(row, shape)
    if wrong is not None:
        raise InputError(f"Line {number} of {path} is not of this version ({wrong}); remove that line, then go on.")
    return row


def write_line(path: Path, row: Mapping[str, Any]) -> None:
    """Append one line, on a line of its own even where the last run was killed in the middle of one.

    What such a run left is cut off in place: written anew, all lines would be lost by a second kill.
    """
    with path.open("a+b") as file:
        file.seek(0)
        text = file.read()
        file.truncate(text.rfind(b"\n") + 1)
        file.write((json.dumps(row) + "\n").encode())
