"""A run from its beginning, or from where it stopped: what all training scripts do around the loop."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from lightning_fabric import Fabric
from mmhvae.exceptions import InputError
from mmhvae.files import write_text

from .checkpoints import CHECKPOINT, RUN, load_checkpoint
from .logbook import Logbook
from .loop import train
from .method import Method

Description = dict[str, Any]
#: Parts of a description that may differ when a run goes on.
FREE = {"script", "commit", "config", "started_from"}


def require_same_run(folder: Path, description: Description, same: Sequence[str]) -> None:
    """A run is resumed as it was begun, or its record would be false; only outputs and devices may differ."""
    before = json.loads((folder / RUN).read_text(encoding="utf-8"))
    different = [part for part in description if part not in FREE and before.get(part) != description[part]]
    different += [part for part in same if before["config"].get(part) != description["config"][part]]
    if different:
        raise InputError(
            f"{folder} holds a run with other {', '.join(different)}; choose a new folder, or the settings it had."
        )


def begin_or_resume(
    fabric: Fabric,
    method: Method,
    description: Description,
    same: Sequence[str],
    text: str,
    start: Callable[[], Any] | None = None,
) -> None:
    """Load the run's checkpoint if there is one; otherwise write down what the run is.

    Args:
        description: of the run; "config" holds its settings.
        same: groups of settings with which alone a run goes on.
        text: the configuration as YAML.
        start: gives a new run the weights of another, and returns how those were trained.
    """
    folder = method.configuration.run
    make_folder(folder)
    if (folder / CHECKPOINT).exists():
        require_same_run(folder, description, same)
        load_checkpoint(method.state, folder / CHECKPOINT, fabric)
        fabric.print(f"resuming at step {method.state.step}", flush=True)
        return
    if start is not None:
        description["started_from"] = start()
    if fabric.is_global_zero:
        write_text(json.dumps(description, indent=2) + "\n", folder / RUN)
        write_text(text, folder / "configuration.yaml")


def run(
    fabric: Fabric,
    method: Method,
    description: Description,
    same: Sequence[str],
    text: str,
    start: Callable[[], Any] | None = None,
) -> None:
    """Begin or resume, train to the end, and keep a log; arguments as of :func:`begin_or_resume`."""
    begin_or_resume(fabric, method, description, same, text, start)
    fabric.barrier()
    logbook = Logbook(method.configuration.run, method.state.step) if fabric.is_global_zero else None
    try:
        train(fabric, method, logbook)
    finally:
        if logbook:
            logbook.close()


def make_folder(folder: Path) -> None:
    """Make the run's folder, or say why not."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(f"The folder {folder} cannot be made ({error.strerror}); choose another for --run.") from error
