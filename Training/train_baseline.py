"""Train a method that MMHVAE is compared with: MM-GAN, ResViT or M2DN.

python Training/train_baseline.py --config Training/configs/baselines/mm-gan.yaml --data.cases CASES --run runs/mm-gan

Goes on where the run's folder holds a checkpoint. Slices, subsets and harmonised targets are those that train.py gives
MMHVAE with the same ``data``, ``mixture`` and ``seed``, until MMHVAE's pools draw from the same generator; then as
many, but others. ``evaluate.py table --run`` judges the run.
"""

from __future__ import annotations

from mmhvae_training.script import run

from lightning_fabric import Fabric
from mmhvae_training.baselines import BaselineConfiguration, BaselineMethod, new_baseline_state
from mmhvae_training.data import Sampler, TrainingSet, load_training_set
from mmhvae_training.loop import Prepared, TrainingScript


def prepare(configuration: BaselineConfiguration, fabric: Fabric, limit: int | None) -> Prepared:
    """The baseline and MMHVAE's slices."""
    found = load_training_set(configuration.data, configuration.architecture, limit)
    fabric.print(found, flush=True)
    return prepare_with(found, configuration, fabric)


def prepare_with(found: TrainingSet, configuration: BaselineConfiguration, fabric: Fabric) -> Prepared:
    """The same with cases that were read before."""
    sampler = Sampler(found, configuration)
    return Prepared(
        BaselineMethod(configuration, new_baseline_state(configuration, fabric), sampler), found.described()
    )


TRAIN = TrainingScript(
    program="train_baseline.py",
    about="Train MM-GAN, ResViT or M2DN; see Training/configs/README.md.",
    kind=BaselineConfiguration,
    same=("data", "method", "architecture", "mm_gan", "resvit", "m2dn", "mixture", "optimisation", "seed"),
    prepare=prepare,
)
main = TRAIN.main

if __name__ == "__main__":
    run(main)
