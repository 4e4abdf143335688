"""Train a network on a folder of cases and write it as a bundle.

python Training/train.py --cases simulated/ --run runs/starter
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
from dataclasses import asdict
from pathlib import Path

os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")  # before torch is imported

from mmhvae.network import MMHVAEConfig
from mmhvae_training.loop import CHECKPOINT, RUN, TrainingConfig, load_checkpoint, new_state, train
from mmhvae_training.slices import load_case

STARTER = MMHVAEConfig(
    image_size=96, base_features=12, max_features=48, num_pools=5, decoder_features=8, decoder_blocks=3
)


def describe_run(config: TrainingConfig, names: list[str]) -> dict[str, object]:
    """What the bundle's manifest must tell of the run: configuration, cases and the commit of this code."""
    command = ["git", "-C", str(Path(__file__).parent), "rev-parse", "HEAD"]
    commit = subprocess.run(command, capture_output=True, text=True, check=False).stdout.strip()
    return {"script": "Training/train.py", "commit": commit, "config": asdict(config), "cases": names}


def main() -> None:
    """Read the command line, train, and resume where the run's folder holds a checkpoint."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cases", type=Path, required=True, help="folder with one folder a case, see simulate.py")
    parser.add_argument("--run", type=Path, required=True, help="folder for losses and checkpoints")
    parser.add_argument("--steps", type=int, default=TrainingConfig.steps)
    parser.add_argument("--seed", type=int, default=TrainingConfig.seed)
    arguments = parser.parse_args()
    arguments.run.mkdir(parents=True, exist_ok=True)
    config = TrainingConfig(steps=arguments.steps, seed=arguments.seed)
    folders = sorted(path for path in arguments.cases.iterdir() if path.is_dir())
    cases = [load_case(folder, STARTER.modalities) for folder in folders]
    print(f"{len(cases)} cases", flush=True)
    description = describe_run(config, [case.name for case in cases])
    (arguments.run / RUN).write_text(json.dumps(description, indent=2) + "\n", encoding="utf-8")
    state = new_state(STARTER, config)
    if (arguments.run / CHECKPOINT).exists():
        load_checkpoint(state, arguments.run / CHECKPOINT)
        print(f"resuming at step {state.step}", flush=True)
    train(state, cases, config, arguments.run)


if __name__ == "__main__":
    main()
