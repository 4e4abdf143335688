"""One script's work in several processes of one thread each: registrations are small, and threads within them wait."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from mmhvae.exceptions import InputError

from .lines import read_lines

THREADS = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "ITK_GLOBAL_DEFAULT_NUMBER_OF_THREADS")


def run_processes(arguments: list[str], jobs: int) -> None:
    """Start the running script ``jobs`` times with ``--part`` 0, 1, ... and wait for all.

    Raises:
        InputError: one of them failed; it has said why.
    """
    environment = os.environ | dict.fromkeys(THREADS, "1")
    commands = [[sys.executable, sys.argv[0], *arguments, "--part", str(part)] for part in range(jobs)]
    started = [subprocess.Popen(command, env=environment) for command in commands]
    try:
        statuses = [process.wait() for process in started]
    finally:
        for process in started:
            process.terminate()
    if any(statuses):
        raise InputError("A part of the work failed; mend what it says above, then start again: what is done is kept.")


def lines_of(folder: Path, stem: str, part: int) -> Path:
    """Where a part writes its lines; no two parts write into one file."""
    return folder / f"{stem}-{part}.jsonl"


def read_all_lines(folder: Path, stem: str, shape: Any) -> list[dict[str, Any]]:
    """The lines of all parts, in the parts' order; see :func:`read_lines`."""
    return [row for path in _all_lines(folder, stem) for row in read_lines(path, shape)]


def has_lines(folder: Path, stem: str) -> bool:
    """Whether any part has written there."""
    return bool(_all_lines(folder, stem))


def _all_lines(folder: Path, stem: str) -> list[Path]:
    return sorted(folder.glob(f"{stem}-*.jsonl"))
