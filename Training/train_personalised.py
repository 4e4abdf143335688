"""Train the personalised network: train_personalised.py --data.folder BRATS --data.split S.json --run runs/xh

Pre-training by default; --task transfer or segmentation fine-tunes, with --start_from RUN from a pre-trained one.
Goes on where the run's folder holds a checkpoint.
"""

from __future__ import annotations

import json
import sys
import tempfile
from dataclasses import replace
from functools import partial
from pathlib import Path

from mmhvae_training import loop, script
from mmhvae_training.configuration import parse_settings
from mmhvae_training.loop import launch
from mmhvae_training.personalised import (
    PersonalisedMethod,
    PersonalisedRun,
    new_personalised,
    patient_volume,
    start_from,
)
from mmhvae_training.records import commit
from mmhvae_training.segmentation import read_patients

SAME = ("data", "task", "architecture", "constraints", "optimisation", "seed")


def run(configuration: PersonalisedRun, text: str, limit: int | None = None) -> None:
    """Train as configured, on the first ``limit`` patients if so asked."""
    fabric = launch(configuration)
    data, architecture = configuration.data, configuration.architecture
    patients = read_patients(data.folder, data.split, data.part, architecture.modalities, limit)
    volumes = [patient_volume(patient, data.spacing, architecture.crop) for patient in patients]
    fabric.print(f"{len(volumes)} patients", flush=True)
    method = PersonalisedMethod(configuration, new_personalised(configuration, fabric), volumes)
    description = {
        "script": "Training/train_personalised.py",
        "commit": commit(),
        "config": json.loads(json.dumps(configuration.plain())),
        "patients": [patient.name for patient in patients],
        "started_from": None,
    }
    start = partial(start_from, method.state, configuration.start_from) if configuration.start_from else None
    loop.run(fabric, method, description, SAME, text, start)


def main() -> None:
    """Read the settings, then train; a fast development run keeps nothing."""
    about = "Train the personalised network; see Training/README.md."
    request = parse_settings(sys.argv[1:], PersonalisedRun, "train_personalised.py", about)
    if not request.fast_dev_run:
        run(request.configuration, request.text)
        return
    with tempfile.TemporaryDirectory() as folder:
        two = replace(request.configuration.optimisation, steps=2)
        output = replace(request.configuration.output, log_every=1, images_every=2)
        run(replace(request.configuration, run=Path(folder), optimisation=two, output=output), request.text, 1)
    print("Fast development run: two steps ran.", flush=True)


if __name__ == "__main__":
    script.run(main)
