"""Draw what methods make of one simulated ultrasound beside the truth, each contrast at its own grey scale.

python Training/studies/draw_methods.py --case held-out/case-07150 --run runs/methods/resvit/seed-1 --output methods.png

The slice is the one that shows most of the lesion. Columns: the ultrasound, the true MR, each run, then each bundle.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # where mmhvae_training lies

from mmhvae_training.script import run

import numpy as np
import SimpleITK as sitk
from mmhvae import InputError, load_bundle
from mmhvae.images import MODALITIES
from mmhvae.settings import SynthesisSettings
from mmhvae_training.device_option import add_device, device_of_table
from mmhvae_training.judging import TARGETS, EvaluationCase, harmonised_truth, load_evaluation_case
from mmhvae_training.scoring import lesion_of, name_of_run, new_figure, save_figure, show_slice, volumes_of_run
from mmhvae_training.single_precision import synthesize
from numpy.typing import NDArray

TRUE = "true"  # names the column of the case's own MR


def drawn(case: EvaluationCase, columns: Mapping[str, Mapping[str, sitk.Image]], output: Path) -> None:
    """A row a contrast, a column a method; grey levels of a row are those of its true image."""
    seen = sitk.GetArrayFromImage(case.us) > 0
    where = (lesion_of(sitk.GetArrayFromImage(case.labels)) & seen).sum((1, 2))
    number = int(where.argmax() if where.any() else seen.sum((1, 2)).argmax())

    def plane(image: sitk.Image) -> NDArray[np.float32]:
        return np.asarray(sitk.GetArrayViewFromImage(image)[number], np.float32)

    figure, axes = new_figure(len(TARGETS), len(columns) + 1)
    for row, target in zip(axes, TARGETS, strict=True):
        show_slice(row[0], plane(case.us), "iUS", seen[number])
        true = plane(next(iter(columns.values()))[target])
        limits = (0.0, float(np.percentile(true[seen[number]], 99.5)))
        for axis, (name, images) in zip(row[1:], columns.items(), strict=True):
            show_slice(axis, plane(images[target]), f"{MODALITIES[target].name}, {name}", seen[number], limits)
    save_figure(figure, output)


def main() -> None:
    """Read the command line, synthesise and draw."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--case", type=Path, required=True, help="one case-* of simulate.py")
    parser.add_argument("--run", type=Path, action="append", default=[], help="of train.py or train_baseline.py")
    parser.add_argument("--bundle", type=Path, action="append", default=[])
    add_device(parser)
    parser.add_argument("--output", type=Path, required=True, help="PNG")
    arguments = parser.parse_args()
    runs = [(name_of_run(path).split("/")[0], path) for path in arguments.run]
    bundles = [(path.resolve().name, path) for path in arguments.bundle]
    names = [TRUE, *(name for name, _ in (*runs, *bundles))]
    if len(set(names)) < len(names):
        raise InputError("Two of the columns have the same name; give one run a method, or rename a folder.")
    case, device = load_evaluation_case(arguments.case), device_of_table(arguments.device)
    truth = {name: harmonised_truth(case.truths[name], case.labels, name) for name in TARGETS}
    columns: dict[str, Mapping[str, sitk.Image]] = {TRUE: truth}
    for name, path in runs:
        made = volumes_of_run(path, device)
        columns[name] = made.volumes({"us": case.us}, ("us",), TARGETS).images
    for name, path in bundles:
        settings = SynthesisSettings(slice_axis=2, samples=1)
        columns[name] = synthesize(load_bundle(path), {"us": case.us}, TARGETS, device=device, settings=settings).images
    drawn(case, columns, arguments.output)


if __name__ == "__main__":
    run(main)
