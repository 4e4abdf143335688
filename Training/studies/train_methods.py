"""Train MMHVAE and the methods it is compared with at one equal budget, with several seeds; cases are read once.

python Training/studies/train_methods.py --cases CASES --output runs/methods --seeds 1 2 3

Each run lies in OUTPUT/METHOD/seed-N and is what train.py or train_baseline.py makes of the same files and seed. Runs
go on where they were stopped; the first seed of every method comes first.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # where mmhvae_training lies

from mmhvae_training.script import run

import train
import train_baseline
from mmhvae_training.configuration import parse_settings
from mmhvae_training.data import TrainingSet, load_training_set
from mmhvae_training.loop import TrainingScript
from mmhvae_training.number_options import natural

CONFIGS = Path(__file__).resolve().parents[1] / "configs" / "baselines"
BUDGET = CONFIGS / "budget.yaml"


@dataclass(frozen=True)
class Trained:
    """How a method is trained: by which script, and by which files beside the budget."""

    script: TrainingScript[Any]
    prepare_with: Any
    files: tuple[str, ...]

    def run(self, found: TrainingSet, arguments: Sequence[str]) -> None:
        """Begin or resume a run with cases that were read before."""
        request = parse_settings(list(arguments), self.script.kind)
        script = replace(self.script, prepare=lambda settings, fabric, _: self.prepare_with(found, settings, fabric))
        script.run(request.configuration, request.text)


def _mmhvae(*files: str) -> Trained:
    return Trained(train.TRAIN, train.prepare_with, ("mmhvae-small.yaml", *files))


def _baseline(file: str) -> Trained:
    return Trained(train_baseline.TRAIN, train_baseline.prepare_with, (file, "small.yaml"))


METHODS: Mapping[str, Trained] = {
    "mm-gan": _baseline("mm-gan.yaml"),
    "resvit": _baseline("resvit.yaml"),
    "m2dn": _baseline("m2dn.yaml"),
    "mmhvae": _mmhvae(),
    "mopoe": _mmhvae("mopoe-small.yaml"),
}


def settings_of(method: str, budget: Path, cases: Path, folder: Path, seed: int) -> list[str]:
    """The command line of one run."""
    files = [CONFIGS / file for file in METHODS[method].files] + [budget]
    configs = [part for file in files for part in ("--config", str(file))]
    return [*configs, "--data.cases", str(cases), "--seed", str(seed), "--run", str(folder)]


def main() -> None:
    """Read the command line, then train what is not trained yet."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cases", type=Path, required=True, help="folder with one folder a case")
    parser.add_argument("--methods", nargs="+", default=list(METHODS), choices=METHODS)
    parser.add_argument("--seeds", nargs="+", type=natural, default=[1, 2, 3])
    parser.add_argument("--budget", type=Path, default=BUDGET, help="YAML on top of every method's own")
    parser.add_argument("--output", type=Path, required=True, help="receives METHOD/seed-N")
    arguments = parser.parse_args()
    found = None
    for seed in arguments.seeds:
        for method in arguments.methods:
            folder = arguments.output / method / f"seed-{seed}"
            asked = settings_of(method, arguments.budget, arguments.cases, folder, seed)
            if found is None:
                first = parse_settings(asked, METHODS[method].script.kind).configuration
                found = load_training_set(first.data, first.architecture)
                print(found, flush=True)
            started = time.monotonic()
            METHODS[method].run(found, asked)
            print(f"{method} seed-{seed}: {time.monotonic() - started:.0f} s", flush=True)


if __name__ == "__main__":
    run(main)
