"""Train a network: train.py --config Training/configs/starter.yaml --data.cases CASES --run runs/starter

Goes on where the run's folder holds a checkpoint. Settings: Training/configs/README.md.
"""

from __future__ import annotations

import sys
import tempfile
from functools import partial
from pathlib import Path
from typing import Any

from mmhvae_training import loop, script
from mmhvae_training.configuration import Configuration, parse, rehearsal
from mmhvae_training.data import Sampler, TrainingSet, load_training_set
from mmhvae_training.loop import MMHVAEMethod, launch, new_state, start_from
from mmhvae_training.records import commit

FAST_DEV_CASES = 2
SAME = ("data", "architecture", "variant", "mixture", "loss", "adversarial", "optimisation", "seed")


def describe_run(configuration: Configuration, found: TrainingSet) -> dict[str, Any]:
    """What a bundle's manifest must tell of its run: configuration, cases and their modalities, this code's commit."""
    return {
        "script": "Training/train.py",
        "commit": commit(),
        "config": configuration.plain(),
        "cases": {case.name: list(case.inputs) for case in found.cases},
        "incomplete": {case.name: list(case.inputs) for case in found.incomplete},
        "started_from": None,
    }


def run(configuration: Configuration, text: str, limit: int | None = None) -> None:
    """Train as configured, on the first ``limit`` cases if so asked."""
    fabric = launch(configuration)
    found = load_training_set(configuration.data, configuration.architecture, limit)
    fabric.print(f"{len(found.cases)} cases, and {len(found.incomplete)} incomplete ones", flush=True)
    state = new_state(configuration, fabric)
    method = MMHVAEMethod(configuration, state, Sampler(found, configuration))
    start = partial(start_from, state, configuration.start_from) if configuration.start_from else None
    loop.run(fabric, method, describe_run(configuration, found), SAME, text, start)


def main() -> None:
    """Read the settings, then train; a fast development run keeps nothing."""
    request = parse(sys.argv[1:])
    if not request.fast_dev_run:
        run(request.configuration, request.text)
        return
    with tempfile.TemporaryDirectory() as folder:
        run(rehearsal(request.configuration, Path(folder)), request.text, FAST_DEV_CASES)
    print("Fast development run: all phases ran.", flush=True)


if __name__ == "__main__":
    script.run(main)
