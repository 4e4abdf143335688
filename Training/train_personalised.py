"""Train the personalised network: train_personalised.py --data.folder BRATS --data.split S.json --run runs/xh

Pre-training by default; --task transfer or segmentation fine-tunes, with --start_from RUN from a pre-trained one.
Goes on where the run's folder holds a checkpoint.
"""

from __future__ import annotations

from functools import partial

from mmhvae_training.script import run

from lightning_fabric import Fabric
from mmhvae_training.loop import Prepared, TrainingScript
from mmhvae_training.personalised import (
    PersonalisedMethod,
    PersonalisedRun,
    new_personalised,
    read_volumes,
    start_from,
)


def prepare(configuration: PersonalisedRun, fabric: Fabric, limit: int | None) -> Prepared:
    """The network and its patients' volumes."""
    volumes = read_volumes(configuration.data, configuration.architecture, limit)
    fabric.print(f"{len(volumes)} patients", flush=True)
    method = PersonalisedMethod(configuration, new_personalised(configuration, fabric), volumes)
    start = partial(start_from, method.state, configuration.start_from) if configuration.start_from else None
    return Prepared(method, {"patients": [volume.name for volume in volumes]}, start)


TRAIN = TrainingScript(
    program="train_personalised.py",
    about="Train the personalised network; see Training/README.md.",
    kind=PersonalisedRun,
    same=("data", "task", "architecture", "constraints", "optimisation", "seed"),
    prepare=prepare,
    few=1,
)
main = TRAIN.main

if __name__ == "__main__":
    run(main)
