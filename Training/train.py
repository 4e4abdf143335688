"""Train a network on a folder of cases; export.py makes a bundle of the run.

python Training/train.py --cases simulated/ --run runs/starter
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Any

os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")  # before torch is imported

from mmhvae.exceptions import InputError
from mmhvae.network import MMHVAEConfig
from mmhvae_training.loop import CHECKPOINT, RUN, TrainingConfig, load_checkpoint, new_state, start_from, train
from mmhvae_training.slices import TrainingCase, load_case

STARTER = MMHVAEConfig(
    image_size=96, base_features=12, max_features=48, num_pools=5, decoder_features=8, decoder_blocks=3
)


def read_cases(folder: Path | None) -> list[TrainingCase]:
    """Every case of a folder with one folder a case, in the order of their names."""
    folders = sorted(path for path in folder.iterdir() if path.is_dir()) if folder else []
    return [load_case(path, STARTER.modalities) for path in folders]


def describe_run(config: TrainingConfig, cases: list[TrainingCase], incomplete: list[TrainingCase]) -> dict[str, Any]:
    """What the bundle's manifest must tell of the run: configuration, cases, and the commit of this code."""
    command = ["git", "-C", str(Path(__file__).parent), "describe", "--always", "--dirty", "--abbrev=40"]
    answer = subprocess.run(command, capture_output=True, text=True, check=False)
    description = {"script": "Training/train.py", "commit": answer.stdout.strip() or "unknown: not a git checkout"}
    names = {
        "cases": [case.name for case in cases],
        "incomplete": {case.name: list(case.inputs) for case in incomplete},
    }
    return {**description, "config": asdict(config), **names, "started_from": None}


def require_same_run(folder: Path, description: dict[str, Any]) -> None:
    """A run is resumed as it was begun, or its record would be false."""
    before = json.loads((folder / RUN).read_text(encoding="utf-8"))
    for part in ("config", "cases", "incomplete"):
        if before[part] != json.loads(json.dumps(description[part])):
            raise InputError(f"{folder} holds a run with other {part}; choose a new folder, or the settings it had.")


def main() -> None:
    """Read the command line, train, and resume where the run's folder holds a checkpoint."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cases", type=Path, required=True, help="folder with one folder a case, see simulate.py")
    parser.add_argument("--incomplete", type=Path, help="folder with cases that lack modalities, see prepare_real.py")
    parser.add_argument("--incomplete-share", type=float, default=TrainingConfig.incomplete_share, help="of the steps")
    parser.add_argument("--run", type=Path, required=True, help="folder for losses and checkpoints")
    parser.add_argument("--steps", type=int, default=TrainingConfig.steps)
    parser.add_argument("--learning-rate", type=float, default=TrainingConfig.learning_rate)
    parser.add_argument("--correlation-weight", type=float, default=TrainingConfig.correlation_weight)
    parser.add_argument("--start-from", type=Path, help="fine-tune the weights of another run, or of a bundle")
    parser.add_argument("--seed", type=int, default=TrainingConfig.seed)
    arguments = parser.parse_args()
    arguments.run.mkdir(parents=True, exist_ok=True)
    chosen = ("steps", "seed", "learning_rate", "correlation_weight", "incomplete_share")
    config = TrainingConfig(**{name: getattr(arguments, name) for name in chosen})
    cases, incomplete = read_cases(arguments.cases), read_cases(arguments.incomplete)
    print(f"{len(cases)} cases, and {len(incomplete)} incomplete ones", flush=True)
    description = describe_run(config, cases, incomplete)
    state = new_state(STARTER, config)
    if (arguments.run / CHECKPOINT).exists():
        require_same_run(arguments.run, description)
        load_checkpoint(state, arguments.run / CHECKPOINT)
        print(f"resuming at step {state.step}", flush=True)
    else:
        if arguments.start_from:
            description["started_from"] = start_from(state, arguments.start_from)
        (arguments.run / RUN).write_text(json.dumps(description, indent=2) + "\n", encoding="utf-8")
    train(state, cases, config, arguments.run, incomplete)


if __name__ == "__main__":
    try:
        main()
    except InputError as error:
        sys.exit(f"train.py: {error}")
