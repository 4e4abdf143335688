"""Train the network that finds the brain in an MR of a head.

python Training/studies/train_brain_extractor.py --data.folder BRATS --data.split SPLIT.json --run RUN

Goes on where the run's folder holds a checkpoint. `export_segmenter.py` makes a bundle of it.
"""

from __future__ import annotations

import os
import sys
from functools import partial
from pathlib import Path

os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")  # before torch is imported

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # where mmhvae_training lies

from mmhvae_training.script import run

from lightning_fabric import Fabric
from mmhvae.segmentation import MODALITIES, load_brain_extractor
from mmhvae_training.brain_extraction import BrainConfiguration, BrainMethod, new_extractor
from mmhvae_training.loop import Prepared, TrainingScript, start_from
from mmhvae_training.segmentation import read_patients


def prepare(configuration: BrainConfiguration, fabric: Fabric, limit: int | None) -> Prepared:
    """The network and its patients."""
    data = configuration.data
    patients = read_patients(data.folder, data.split, data.part, MODALITIES, limit)
    fabric.print(f"{len(patients)} patients", flush=True)
    state, origin = new_extractor(configuration, fabric), configuration.start_from
    start = partial(start_from, state, origin, load_brain_extractor) if origin else None
    learnt_from = {"patients": [patient.name for patient in patients]}
    return Prepared(BrainMethod(configuration, state, patients), learnt_from, start)


TRAIN = TrainingScript(
    program="studies/train_brain_extractor.py",
    about="Train the network that finds the brain in an MR of a head; see Training/README.md.",
    kind=BrainConfiguration,
    same=("data", "architecture", "optimisation", "seed"),
    prepare=prepare,
    few=1,
)
main = TRAIN.main

if __name__ == "__main__":
    run(main)
