"""Train the tumour segmenter: train_segmenter.py --data.folder BRATS --data.split S.json --run runs/segmenter

Goes on where the run's folder holds a checkpoint. `export_segmenter.py` makes a bundle of it.
"""

from __future__ import annotations

from functools import partial

from mmhvae_training.script import run

from lightning_fabric import Fabric
from mmhvae.segmentation import load_segmenter
from mmhvae_training.loop import Prepared, TrainingScript, start_from
from mmhvae_training.segmentation import SegmenterConfiguration, SegmenterMethod, new_segmenter, read_patients


def prepare(configuration: SegmenterConfiguration, fabric: Fabric, limit: int | None) -> Prepared:
    """The network and its patients."""
    data = configuration.data
    patients = read_patients(data.folder, data.split, data.part, configuration.architecture.modalities, limit)
    fabric.print(f"{len(patients)} patients", flush=True)
    state, origin = new_segmenter(configuration, fabric), configuration.start_from
    start = partial(start_from, state, origin, load_segmenter) if origin else None
    learnt_from = {"patients": [patient.name for patient in patients]}
    return Prepared(SegmenterMethod(configuration, state, patients), learnt_from, start)


TRAIN = TrainingScript(
    program="train_segmenter.py",
    about="Train the tumour segmenter; see Training/README.md.",
    kind=SegmenterConfiguration,
    #: The optimisation may change while a run is on its plateau: its end is set when the hours are known.
    same=("data", "architecture", "seed"),
    prepare=prepare,
    few=1,
)
main = TRAIN.main

if __name__ == "__main__":
    run(main)
