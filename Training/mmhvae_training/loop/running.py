"""A run from its beginning, or from where it stopped: what all training scripts do around the loop."""

from __future__ import annotations

import json
import sys
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Generic

from lightning_fabric import Fabric
from mmhvae.exceptions import InputError
from mmhvae.files import write_text

from ..configuration import parse_settings
from ..records import commit
from .checkpoints import CHECKPOINT, load_checkpoint
from .devices import launch
from .logbook import Logbook
from .loop import train
from .method import Method, Settings
from .run_record import RUN, Description, read_run

#: Parts of a description that may differ when a run goes on.
FREE = {"script", "commit", "config", "started_from"}


@dataclass(frozen=True)
class Prepared:
    """A method with its data.

    Args:
        method: in the state that a new run has.
        learnt_from: what the run's description says of the data.
        start: gives a new run the weights of another, and returns how those were trained.
    """

    method: Method[Any, Any]
    learnt_from: Description
    start: Callable[[], Any] | None = None


@dataclass(frozen=True)
class TrainingScript(Generic[Settings]):
    """What a script that trains is made of.

    Args:
        program: its file, in ``Training``.
        about: one sentence for ``--help``.
        kind: of its settings.
        same: groups of settings with which alone a run goes on.
        prepare: makes the method on a device, of the first so many cases or patients if so asked.
        few: so many of them are enough for a rehearsal.
    """

    program: str
    about: str
    kind: type[Settings]
    same: Sequence[str]
    prepare: Callable[[Settings, Fabric, int | None], Prepared]
    few: int = 2

    def main(self, arguments: Sequence[str] | None = None) -> None:
        """Read the settings, by default the command line's, then train; a fast development run keeps nothing."""
        arguments = sys.argv[1:] if arguments is None else arguments
        request = parse_settings(arguments, self.kind, self.program, self.about)
        if not request.fast_dev_run:
            self.run(request.configuration, request.text)
            return
        with tempfile.TemporaryDirectory() as folder:
            self.run(request.configuration.rehearsal(Path(folder)), request.text, self.few)
        print("Fast development run: all phases ran.", flush=True)

    def run(self, configuration: Settings, text: str, limit: int | None = None) -> None:
        """Begin or resume, train to the end, and keep a log; ``text`` is the configuration as YAML."""
        fabric = launch(configuration)
        prepared = self.prepare(configuration, fabric, limit)
        described = {"script": f"Training/{self.program}", "commit": commit(), "config": configuration.plain()}
        self._begin_or_resume(fabric, prepared, described | prepared.learnt_from | {"started_from": None}, text)
        fabric.barrier()
        method = prepared.method
        logbook = Logbook(configuration.run, method.state.step) if fabric.is_global_zero else None
        try:
            train(fabric, method, logbook)
        finally:
            if logbook:
                logbook.close()

    def _begin_or_resume(self, fabric: Fabric, prepared: Prepared, description: Description, text: str) -> None:
        """Load the run's checkpoint if there is one; otherwise write down what the run is."""
        folder, state = prepared.method.configuration.run, prepared.method.state
        make_folder(folder)
        if (folder / CHECKPOINT).exists():
            require_same_run(folder, description, self.same)
            load_checkpoint(state, folder / CHECKPOINT, fabric)
            fabric.print(f"resuming at step {state.step}", flush=True)
            return
        if prepared.start is not None:
            description["started_from"] = prepared.start()
        if fabric.is_global_zero:
            write_text(json.dumps(description, indent=2) + "\n", folder / RUN)
            write_text(text, folder / "configuration.yaml")


def require_same_run(folder: Path, description: Description, same: Sequence[str]) -> None:
    """A run is resumed as it was begun, or its record would be false; only outputs and devices may differ."""
    before = read_run(folder)
    different = [part for part in description if part not in FREE and before.get(part) != description[part]]
    different += [part for part in same if before["config"].get(part) != description["config"][part]]
    if different:
        raise InputError(
            f"{folder} holds a run with other {', '.join(different)}; choose a new folder, or the settings it had."
        )


def make_folder(folder: Path) -> None:
    """Make the run's folder, or say why not."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(f"The folder {folder} cannot be made ({error.strerror}); choose another for --run.") from error
