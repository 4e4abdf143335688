"""Train the 3-D refinement behind a bundle's network.

python Training/studies/train_refinement.py --data.cases CASES --data.bundle BUNDLE --data.cache SYNTHESES --run RUN

Goes on where the run's folder holds a checkpoint. ``export.py --bundle BUNDLE --refinement RUN`` makes a bundle of it.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")  # before torch is imported

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # where mmhvae_training lies

from mmhvae_training.script import run

from lightning_fabric import Fabric
from mmhvae import InputError, load_bundle
from mmhvae_training.loop import Prepared, TrainingScript
from mmhvae_training.refinement import RefinementMethod, RefinementRun, make_syntheses, new_refinement


def prepare(configuration: RefinementRun, fabric: Fabric, limit: int | None) -> Prepared:
    """The network and the syntheses, made by the first device."""
    bundle = load_bundle(configuration.data.bundle)
    if bundle.refinement is not None:
        raise InputError(f"{configuration.data.bundle} has a refinement already; give the bundle without it.")
    if fabric.is_global_zero:
        make_syntheses(configuration.data, bundle, configuration.seed, limit)
    fabric.barrier()
    syntheses = make_syntheses(configuration.data, bundle, configuration.seed, limit)
    fabric.print(f"{len(syntheses)} syntheses", flush=True)
    state = new_refinement(configuration, len(bundle.network.config.modalities), fabric)
    behind = {"name": bundle.manifest.name, "weights_sha256": bundle.manifest.weights_sha256}
    learnt_from = {"behind": behind, "syntheses": [path.name for path in syntheses]}
    return Prepared(RefinementMethod(configuration, state, syntheses), learnt_from)


TRAIN = TrainingScript(
    program="studies/train_refinement.py",
    about="Train the 3-D refinement behind a bundle's network; see Training/README.md.",
    kind=RefinementRun,
    same=("data", "architecture", "loss", "optimisation", "seed"),
    prepare=prepare,
)
main = TRAIN.main

if __name__ == "__main__":
    run(main)
