"""Train a network: train.py --config Training/configs/starter.yaml --data.cases CASES --run runs/starter

Goes on where the run's folder holds a checkpoint. Settings: Training/configs/README.md.
"""

from __future__ import annotations

from functools import partial

from mmhvae_training.script import run

from lightning_fabric import Fabric
from mmhvae_training.configuration import Configuration
from mmhvae_training.data import Sampler, TrainingSet, load_training_set
from mmhvae_training.loop import MMHVAEMethod, Prepared, TrainingScript, new_state, start_from


def prepare(configuration: Configuration, fabric: Fabric, limit: int | None) -> Prepared:
    """The network and its slices."""
    found = load_training_set(configuration.data, configuration.architecture, limit)
    fabric.print(found, flush=True)
    return prepare_with(found, configuration, fabric)


def prepare_with(found: TrainingSet, configuration: Configuration, fabric: Fabric) -> Prepared:
    """The same with cases that were read before."""
    state = new_state(configuration, fabric)
    start = partial(start_from, state, configuration.start_from) if configuration.start_from else None
    return Prepared(MMHVAEMethod(configuration, state, Sampler(found, configuration)), found.described(), start)


TRAIN = TrainingScript(
    program="train.py",
    about="Train an MMHVAE; see Training/configs/README.md.",
    kind=Configuration,
    same=("data", "architecture", "variant", "mixture", "loss", "adversarial", "optimisation", "seed"),
    prepare=prepare,
)
main = TRAIN.main

if __name__ == "__main__":
    run(main)
