"""Train a network: train.py --config Training/configs/starter.yaml --data.cases CASES --run runs/starter

Goes on where the run's folder holds a checkpoint. Settings: Training/configs/README.md.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")  # before torch is imported

from lightning_fabric import Fabric
from mmhvae.exceptions import InputError
from mmhvae_training.checkpoints import CHECKPOINT, RUN, load_checkpoint, write_text
from mmhvae_training.configuration import Configuration
from mmhvae_training.devices import launch
from mmhvae_training.logbook import Logbook
from mmhvae_training.loop import train
from mmhvae_training.mmhvae_method import MMHVAEMethod
from mmhvae_training.sampling import Sampler, TrainingSet, load_training_set
from mmhvae_training.settings import parse, rehearsal
from mmhvae_training.state import TrainingState, new_state, start_from
from mmhvae_training.trouble import NumericalTroubleError

FAST_DEV_CASES = 2
SAME = ("data", "architecture", "variant", "mixture", "loss", "adversarial", "optimisation", "seed")


def describe_run(configuration: Configuration, found: TrainingSet) -> dict[str, Any]:
    """What a bundle's manifest must tell of its run: configuration, cases and their modalities, this code's commit."""
    command = ["git", "-C", str(Path(__file__).parent), "describe", "--always", "--dirty", "--abbrev=40"]
    answer = subprocess.run(command, capture_output=True, text=True, check=False)
    return {
        "script": "Training/train.py",
        "commit": answer.stdout.strip() or "unknown: not a git checkout",
        "config": configuration.plain(),
        "cases": {case.name: list(case.inputs) for case in found.cases},
        "incomplete": {case.name: list(case.inputs) for case in found.incomplete},
        "started_from": None,
    }


def require_same_run(folder: Path, description: dict[str, Any]) -> None:
    """A run is resumed as it was begun, or its record would be false; only outputs and devices may differ."""
    before = json.loads((folder / RUN).read_text(encoding="utf-8"))
    different = [part for part in ("cases", "incomplete") if before[part] != description[part]]
    different += [part for part in SAME if before["config"][part] != description["config"][part]]
    if different:
        raise InputError(
            f"{folder} holds a run with other {', '.join(different)}; choose a new folder, or the settings it had."
        )


def begin_or_resume(
    fabric: Fabric, state: TrainingState, configuration: Configuration, description: dict[str, Any], text: str
) -> None:
    """Load the run's checkpoint if there is one; otherwise write down what the run is."""
    folder = configuration.run
    if (folder / CHECKPOINT).exists():
        require_same_run(folder, description)
        load_checkpoint(state, folder / CHECKPOINT, fabric)
        fabric.print(f"resuming at step {state.step}", flush=True)
        return
    if configuration.start_from:
        description["started_from"] = start_from(state, configuration.start_from)
    if fabric.is_global_zero:
        write_text(json.dumps(description, indent=2) + "\n", folder / RUN)
        write_text(text, folder / "configuration.yaml")


def run(configuration: Configuration, text: str, limit: int | None = None) -> None:
    """Train as configured, on the first ``limit`` cases if so asked."""
    fabric = launch(configuration)
    found = load_training_set(configuration.data, configuration.architecture, limit)
    fabric.print(f"{len(found.cases)} cases, and {len(found.incomplete)} incomplete ones", flush=True)
    state = new_state(configuration, fabric)
    make_folder(configuration.run)
    begin_or_resume(fabric, state, configuration, describe_run(configuration, found), text)
    fabric.barrier()
    logbook = Logbook(configuration.run, state.step) if fabric.is_global_zero else None
    try:
        train(fabric, MMHVAEMethod(configuration, state, Sampler(found, configuration)), logbook)
    finally:
        if logbook:
            logbook.close()


def make_folder(folder: Path) -> None:
    """Make the run's folder, or say why not."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(f"The folder {folder} cannot be made ({error.strerror}); choose another for --run.") from error


def main() -> None:
    """Read the settings, then train; a fast development run keeps nothing."""
    request = parse(sys.argv[1:])
    if not request.fast_dev_run:
        run(request.configuration, request.text)
        return
    with tempfile.TemporaryDirectory() as folder:
        run(rehearsal(request.configuration, Path(folder)), request.text, FAST_DEV_CASES)
    print("Fast development run: all phases ran.", flush=True)


def command() -> int:
    """Exit status: 0 done, 2 the user's input, 1 numerical trouble; each failure is one sentence on stderr."""
    try:
        main()
    except InputError as error:
        print(f"train.py: {error}", file=sys.stderr)
        return 2
    except OSError as error:
        print(f"train.py: The run's files could not be written ({error}); free some space.", file=sys.stderr)
        return 2
    except NumericalTroubleError as error:
        print(f"train.py: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("train.py: stopped; the same command goes on from the last checkpoint.", file=sys.stderr)
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(command())
