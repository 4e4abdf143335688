"""Draw a segmenter's outlines over FLAIR and ceT1: dashed what is true, solid what it outlines.

python Training/studies/draw_outlines.py --bundle BUNDLE --output demo.png
python Training/studies/draw_outlines.py --bundle BUNDLE --data BRATS --split split.json --output outlines.png

Without --data the demo case, which is simulated. With it a row for every judging patient, and one more with a simulated
head around the brain: to be looked at, not to be published. All contrasts are given; the slice is the one with most
tumour.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # where mmhvae_training lies

from mmhvae_training.script import run

import numpy as np
import SimpleITK as sitk
from mmhvae.bundle.shipped import demo_case
from mmhvae.images import MODALITIES, MR_MODALITIES, read_volume
from mmhvae.segmentation import SegmenterBundle, load_segmenter
from mmhvae_training.scoring import new_figure, save_figure
from mmhvae_training.segmentation import HEAD_MARGIN, images_of, judge, read_patients
from mmhvae_training.simulation import Label
from mmhvae_training.single_precision import segment_tumour
from numpy.typing import NDArray

SHOWN = ("flair", "cet1")
#: Whole tumour, core, enhancing: colours (Okabe and Ito) that the colour-blind tell apart.
COLOURS = ("#56b4e9", "#f0e442", "#d55e00")
LEGEND = "blue: whole tumour, yellow: core, orange: enhancing; solid: computed, dashed: true"
#: How many nested regions (whole tumour, core, enhancing) a voxel of a simulated label map lies in.
NESTED = {Label.OEDEMA: 1, Label.TUMOUR_CORE: 2, Label.ENHANCING_RIM: 3}
Volume = NDArray[np.float32]


@dataclass(frozen=True)
class Outlined:
    """A row of the figure; arrays are (k, j, i), labels 0 to 3 as nested regions."""

    name: str
    images: Mapping[str, Volume]
    truth: Volume
    found: Volume


def demo(bundle: SegmenterBundle) -> Outlined:
    """The demo case on the grid of its true outline."""
    folder = demo_case()
    images = {name: read_volume(folder / f"preop-{name}.nii.gz", name) for name in MR_MODALITIES}
    truth = read_volume(folder / "preop-tumour.nii.gz", "tumour")
    found = segment_tumour(images, bundle, truth)
    on_grid, labels = {name: _array(sitk.Resample(images[name], truth)) for name in SHOWN}, _array(truth)
    nested = sum((level * (labels == label) for label, level in NESTED.items()), np.zeros_like(labels))
    return Outlined("demo case (simulated)", on_grid, nested, _array(found.labels))


def patients(bundle: SegmenterBundle, data: Path, split: Path) -> Iterator[Outlined]:
    """The judging patients, each without a head and with a simulated one."""
    modalities = bundle.network.config.modalities
    for patient in read_patients(data, split, "judge", modalities):
        for head in (False, True):
            row, labels = judge(bundle, patient, modalities, head)
            images, inner = images_of(patient, modalities, head), slice(HEAD_MARGIN, -HEAD_MARGIN)
            arrays = {name: _array(images[name]) for name in SHOWN}
            shown = {name: array[inner, inner, inner] for name, array in arrays.items()} if head else arrays
            scores = " ".join("-" if score is None else f"{score:.2f}" for score in row.dice.values())
            name = f"{patient.name}{', head' if head else ''}: {scores}"
            yield Outlined(name, shown, patient.regions.astype(np.float32), _array(labels))


def _array(image: sitk.Image) -> Volume:
    return sitk.GetArrayFromImage(image).astype(np.float32)


def drawn(rows: list[Outlined], output: Path) -> None:
    """A row a case, a column a contrast."""
    figure, axes = new_figure(len(rows), len(SHOWN), size=4.0)
    figure.suptitle(LEGEND, color="white", fontsize=9)
    for line, row in zip(axes, rows, strict=True):
        number = int((row.truth > 0).sum((1, 2)).argmax())
        for axis, name in zip(line, SHOWN, strict=True):
            show(axis, row, name, number)
    save_figure(figure, output)


def show(axis: Any, row: Outlined, name: str, number: int) -> None:
    """One slice with both outlines."""
    plane = row.images[name][number]
    axis.imshow(plane, cmap="gray", vmin=0, vmax=float(np.percentile(row.images[name], 99.7)), origin="upper")
    for level, colour in enumerate(COLOURS):
        for labels, style, width in ((row.truth, "dashed", 0.8), (row.found, "solid", 1.2)):
            inside = labels[number] > level
            if inside.any():
                axis.contour(inside, levels=[0.5], colors=[colour], linestyles=style, linewidths=width)
    axis.set_title(f"{MODALITIES[name].name}, {row.name}", color="white", fontsize=7)
    axis.set_axis_off()


def main() -> None:
    """Read the command line, outline, draw."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bundle", type=Path, help="default: the segmenter that ships")
    parser.add_argument("--data", type=Path, help="folder of BraTS' layout")
    parser.add_argument("--split", type=Path, help="JSON; its list 'judge'; with --data")
    parser.add_argument("--output", type=Path, required=True, help="PNG")
    arguments = parser.parse_args()
    if (arguments.data is None) != (arguments.split is None):
        parser.error("give --data and --split together")
    bundle = load_segmenter(arguments.bundle)
    rows = list(patients(bundle, arguments.data, arguments.split)) if arguments.data else [demo(bundle)]
    drawn(rows, arguments.output)
    print(arguments.output)


if __name__ == "__main__":
    run(main)
