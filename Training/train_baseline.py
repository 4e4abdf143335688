"""Train a method that MMHVAE is compared with: MM-GAN, ResViT or M2DN.

python Training/train_baseline.py --config Training/configs/baselines/mm-gan.yaml --data.cases CASES --run runs/mm-gan

Goes on where the run's folder holds a checkpoint. Slices, subsets and harmonised targets are those that train.py gives
MMHVAE with the same ``data``, ``mixture`` and ``seed``. ``evaluate.py table --run`` judges the run.
"""

from __future__ import annotations

import json
import sys
import tempfile
from dataclasses import replace
from pathlib import Path

from mmhvae_training import loop, script
from mmhvae_training.baselines import BaselineConfiguration, BaselineMethod, new_baseline_state
from mmhvae_training.configuration import parse_settings
from mmhvae_training.data import Sampler, load_training_set
from mmhvae_training.loop import launch
from mmhvae_training.records import commit

FAST_DEV_CASES = 2
SAME = ("data", "method", "architecture", "mm_gan", "resvit", "m2dn", "mixture", "optimisation", "seed")


def run(configuration: BaselineConfiguration, text: str, limit: int | None = None) -> None:
    """Train as configured, on the first ``limit`` cases if so asked."""
    fabric = launch(configuration)
    found = load_training_set(configuration.data, configuration.architecture, limit)
    fabric.print(f"{len(found.cases)} cases, and {len(found.incomplete)} incomplete ones", flush=True)
    state = new_baseline_state(configuration, fabric)
    method = BaselineMethod(configuration, state, Sampler(found, configuration))
    description = {
        "script": "Training/train_baseline.py",
        "commit": commit(),
        "config": json.loads(json.dumps(configuration.plain())),
        "cases": {case.name: list(case.inputs) for case in found.cases},
        "incomplete": {case.name: list(case.inputs) for case in found.incomplete},
    }
    loop.run(fabric, method, description, SAME, text)


def main() -> None:
    """Read the settings, then train; a fast development run keeps nothing."""
    about = "Train MM-GAN, ResViT or M2DN; see Training/configs/README.md."
    request = parse_settings(sys.argv[1:], BaselineConfiguration, "train_baseline.py", about)
    if not request.fast_dev_run:
        run(request.configuration, request.text)
        return
    with tempfile.TemporaryDirectory() as folder:
        short = replace(request.configuration.optimisation, epochs=3, steps_per_epoch=1)
        output = replace(request.configuration.output, checkpoint_every=1, keep_every=1, log_every=1, images_every=3)
        changed = replace(request.configuration, run=Path(folder), optimisation=short, output=output)
        run(changed, request.text, FAST_DEV_CASES)
    print("Fast development run: three steps ran.", flush=True)


if __name__ == "__main__":
    script.run(main)
