"""Train the tumour segmenter: train_segmenter.py --data.folder BRATS --data.split S.json --run runs/segmenter

Goes on where the run's folder holds a checkpoint. `export_segmenter.py` makes a bundle of it.
"""

from __future__ import annotations

import json
import sys
import tempfile
from dataclasses import replace
from pathlib import Path

from mmhvae_training import loop, script
from mmhvae_training.configuration import parse_settings
from mmhvae_training.loop import launch
from mmhvae_training.records import commit
from mmhvae_training.segmentation import SegmenterConfiguration, SegmenterMethod, new_segmenter, read_patients

#: The optimisation may change while a run is on its plateau: its end is set when the hours are known.
SAME = ("data", "architecture", "seed")


def run(configuration: SegmenterConfiguration, text: str, limit: int | None = None) -> None:
    """Train as configured, on the first ``limit`` patients if so asked."""
    fabric = launch(configuration)
    data = configuration.data
    patients = read_patients(data.folder, data.split, data.part, configuration.architecture.modalities, limit)
    fabric.print(f"{len(patients)} patients", flush=True)
    method = SegmenterMethod(configuration, new_segmenter(configuration, fabric), patients)
    description = {
        "script": "Training/train_segmenter.py",
        "commit": commit(),
        "config": json.loads(json.dumps(configuration.plain())),
        "patients": [patient.name for patient in patients],
    }
    loop.run(fabric, method, description, SAME, text)


def main() -> None:
    """Read the settings, then train; a fast development run keeps nothing."""
    about = "Train the tumour segmenter; see Training/README.md."
    request = parse_settings(sys.argv[1:], SegmenterConfiguration, "train_segmenter.py", about)
    if not request.fast_dev_run:
        run(request.configuration, request.text)
        return
    with tempfile.TemporaryDirectory() as folder:
        three = replace(request.configuration.optimisation, steps=3)
        output = replace(request.configuration.output, log_every=1, images_every=3)
        run(replace(request.configuration, run=Path(folder), optimisation=three, output=output), request.text, 1)
    print("Fast development run: three steps ran.", flush=True)


if __name__ == "__main__":
    script.run(main)
