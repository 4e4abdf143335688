"""How much of brain and tumour a brain extractor keeps, and how much else, by contrast; with and without a head.

python Training/studies/judge_brain.py --data BRATS --split Training/configs/segmenter-split.json --output judged
    [--head T1.nii.gz --brain BRAIN.nii.gz]

The heads are those of `evaluate_segmenter.py`, simulated; ``--head`` adds a real one whose brain is known.
"""

from __future__ import annotations

import argparse
import os
import sys
from dataclasses import dataclass
from pathlib import Path
from statistics import mean

os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")  # before torch is imported

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # where mmhvae_training lies

from mmhvae_training.script import run

import numpy as np
import SimpleITK as sitk
from mmhvae.exceptions import InputError
from mmhvae.files import write_text
from mmhvae.images import read_volume, same_grid
from mmhvae.segmentation import MODALITIES, BrainExtractor, find_brain, load_brain_extractor
from mmhvae_training.segmentation import Patient, images_of, named_patients, read_patient
from numpy.typing import NDArray

Mask = NDArray[np.bool_]


@dataclass(frozen=True)
class Found:
    """What was kept of one head; None as shares where the image was left whole."""

    contrasts: str
    head: str
    brain: float | None
    tumour: float | None
    beside_ml: float


def judged(mask: Mask | None, brain: Mask, tumour: Mask | None, voxel_ml: float) -> tuple[float | None, ...]:
    """Shares of brain and tumour within the mask, and its millilitres beside the brain."""
    if mask is None:
        return None, None, 0.0
    shares = [None if part is None else float((mask & part).sum() / part.sum()) for part in (brain, tumour)]
    return (*shares, float((mask & ~brain).sum()) * voxel_ml)


def of_patient(patient: Patient, extractor: BrainExtractor) -> list[Found]:
    """One patient by each contrast and by all, bare and within a simulated head."""
    rows = []
    for head in (False, True):
        images = images_of(patient, MODALITIES, head)
        grid = next(iter(images.values()))
        arrays = [sitk.GetArrayFromImage(image) for image in images.values()]
        margin = (grid.GetSize()[0] - patient.regions.shape[2]) // 2
        brain, tumour = (np.pad(part, margin) for part in ((patient.images > 0).any(axis=0), patient.regions > 0))
        views = {name: [array] for name, array in zip(MODALITIES, arrays, strict=True)} | {"all": arrays}
        for names, chosen in views.items():
            found = judged(find_brain(chosen, grid, extractor), brain, tumour, 1e-3)
            rows.append(Found(names, "simulated" if head else "none", *found))
    return rows


def of_real_head(head: Path, brain: Path, extractor: BrainExtractor) -> Found:
    """A real head and the brain in it, each a volume on one grid."""
    image, truth = (sitk.DICOMOrient(read_volume(path, "image"), "LPS") for path in (head, brain))
    if not same_grid(image, truth):
        raise InputError(f"{brain} lies on another grid than {head}; resample it first.")
    array = sitk.GetArrayFromImage(image)
    known = sitk.GetArrayFromImage(sitk.BinaryFillhole(sitk.BinaryMorphologicalClosing(truth > 0, [2, 2, 2]))) > 0
    voxel_ml = float(np.prod(image.GetSpacing())) / 1000
    return Found("T1", head.name, *judged(find_brain([array], image, extractor), known, None, voxel_ml))


def table(rows: list[Found]) -> str:
    """Means by contrast and head, as Markdown."""
    lines = [
        "| contrast | head | brain kept | tumour kept | kept beside it, ml | left whole |",
        "|---|---|---|---|---|---|",
    ]
    for key in dict.fromkeys((row.contrasts, row.head) for row in rows):
        chosen = [row for row in rows if (row.contrasts, row.head) == key]
        shares = []
        for part in ("brain", "tumour"):
            known = [share for row in chosen if (share := getattr(row, part)) is not None]
            shares.append(f"{100 * mean(known):.1f} % (least {100 * min(known):.1f})" if known else "")
        whole = sum(row.brain is None for row in chosen)
        beside = f"{mean(row.beside_ml for row in chosen):.0f}"
        lines.append(f"| {' | '.join((*key, *shares, beside))} | {whole} of {len(chosen)} |")
    return "\n".join(lines)


def main() -> None:
    """Judge every patient of the split's part, and the real head."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--extractor", type=Path, help="a brain extractor (default: the one that ships)")
    parser.add_argument("--data", type=Path, required=True, help="folder of BraTS' layout")
    parser.add_argument("--split", type=Path, required=True)
    parser.add_argument("--part", default="judge")
    parser.add_argument("--head", type=Path, help="a real T1 of a whole head")
    parser.add_argument("--brain", type=Path, help="the brain in it, 0 elsewhere")
    parser.add_argument("--output", type=Path, required=True, help="folder for brain.md")
    options = parser.parse_args()
    if (options.head is None) != (options.brain is None):
        raise InputError("Give --head and --brain together, or neither.")
    extractor, rows = load_brain_extractor(options.extractor), []
    for name in named_patients(options.split, options.part):
        rows += of_patient(read_patient(options.data / name, MODALITIES), extractor)
    if options.head is not None:
        rows.append(of_real_head(options.head, options.brain, extractor))
    options.output.mkdir(parents=True, exist_ok=True)
    write_text(table(rows) + "\n", options.output / "brain.md")
    print(table(rows))


if __name__ == "__main__":
    run(main)
