"""Work for the engine: a job, who hears of it, and how it can fail."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

CANCELLED = "Cancelled."


@dataclass(frozen=True)
class Failure:
    """Why a job gave no result.

    Attributes:
        kind: "input": the user can do something about it; "cancelled": on request; "defect": the engine's own error;
            "engine": the process could not be started, is another version, or died.
        message: one plain sentence.
        log: details for a log, possibly empty.
    """

    kind: Literal["input", "cancelled", "defect", "engine"]
    message: str
    log: str = ""


@dataclass(frozen=True)
class Job:
    """One piece of work; ``folder`` takes its input files, and is removed when the job's last callback returns."""

    number: int
    folder: Path


def moved_to(path: str, job: Job) -> Path:
    """A file of another job's, which would soon be gone, moved into the folder of ``job``."""
    target = job.folder / Path(path).name
    os.replace(path, target)
    return target


def ignore(*_: object) -> None:
    """The callback of those who do not want to know."""


@dataclass(frozen=True)
class Callbacks:
    """Who hears of work: of its progress any number of times, then once of its result or of its failure."""

    on_result: Callable[[Any], None]
    on_failure: Callable[[Failure], None]
    on_progress: Callable[[float, str], None] = ignore
