"""Make incomplete training cases of real images: ultrasound without MR, MR without ultrasound, pairs with one MR.

python Training/prepare_real.py --ultrasound us/*.nii.gz --mr head/ --views simulated/ --output incomplete/
python Training/prepare_real.py --pairs us/ --patient Case21 --patient Case23 --output incomplete/
python Training/prepare_real.py --ultrasound us/*.nii.gz --teacher BUNDLE --output taught/

An ultrasound volume becomes a case by itself, and so does one with an MR warped onto it (``NAME-cet1-warped.nii.gz``);
white matter is then the brightest large compartment of that MR in the field of view. With a teacher (self-training) it
gets the MRs that the bundle makes of it, at temperature 0, means of three slicing axes: what one edition knows of real
ultrasound is then not forgotten by the next.

A head (``t2.nii.gz``, ``cet1.nii.gz``, ``flair.nii.gz`` on one grid, whole or skull-stripped) is looked at through the
fields of view of simulated sweeps: its centre is laid on theirs, and one case a sweep is cut out. White matter is
measured before that, on the whole head: from its label map (``labels.nii.gz``, with SynthSeg's or FreeSurfer's numbers)
where the head has one, else it is estimated.
"""

from __future__ import annotations

import argparse
import json
from dataclasses import asdict
from pathlib import Path

from mmhvae_training.script import run

import numpy as np
import SimpleITK as sitk
from mmhvae import load_bundle
from mmhvae.bundle import Bundle
from mmhvae.exceptions import InputError
from mmhvae.files import write_text
from mmhvae.images import (
    MR_MODALITIES,
    WHITE_MATTER_LEVEL,
    field_of_view,
    open_image,
    read_volume,
    write_volume,
)
from mmhvae.images.white_matter import WhiteMatter, estimate_white_matter, white_matter_from_labels
from mmhvae_training.data import WHITE_MATTER
from mmhvae_training.idle_options import Idle, fill_in, refuse_idle
from mmhvae_training.judging import WARPED, RealPair, find_pairs
from mmhvae_training.number_options import positive
from mmhvae_training.single_precision import synthesize

MR = MR_MODALITIES
LABELS = "labels.nii.gz"
BRIGHT = 80.0  # percentile of ceT1 in a sweep's field of view where white matter lies, tumour and cortex being darker
SMALLEST_SHARE = 0.6  # of a view's voxels that the head must fill
VIEWS = 12  # tried a head
IDLE = (
    Idle(("views", "count"), lambda given: not given.mr, "Views cut heads; give --mr, or"),
    Idle(("patient",), lambda given: given.pairs is None, "--patient names pairs; give --pairs, or"),
    Idle(("teacher",), lambda given: not given.ultrasound, "A teacher is shown ultrasound; give --ultrasound, or"),
)


def write_ultrasound(path: Path, folder: Path, teacher: Bundle | None = None) -> None:
    """One case of an ultrasound volume, on its own grid, and of what a teacher makes of it."""
    image = read_volume(path, "ultrasound")
    write_ultrasound_image(image, folder)
    if teacher is not None:
        write_taught(image, teacher, folder)


def load_teacher(path: Path) -> Bundle:
    """A bundle that makes MR of ultrasound.

    Raises:
        InputError: it cannot be read, or does not.
    """
    teacher = load_bundle(path)
    known = teacher.manifest.architecture.modalities
    if "us" not in known or not set(MR) & set(known):
        raise InputError(f"The bundle {path} makes no MR of ultrasound; give --teacher one that does.")
    return teacher


def write_taught(us: sitk.Image, teacher: Bundle, folder: Path) -> None:
    """The MRs that a bundle makes of an ultrasound volume; white matter is where harmonised images have it."""
    names = [name for name in MR if name in teacher.manifest.architecture.modalities]
    result = synthesize(teacher, {"us": us}, names, 0.0, slice_axis="all")
    for name, image in result.images.items():
        write_volume(image, folder / f"{name}.nii.gz")
    measured = {name: {"median": WHITE_MATTER_LEVEL[name], "method": "teacher", "share": 1.0} for name in names}
    write_text(json.dumps(measured, indent=1) + "\n", folder / WHITE_MATTER)


def write_ultrasound_image(image: sitk.Image, folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    write_volume(image, folder / "us.nii.gz")


def write_pair(pair: RealPair, folder: Path) -> None:
    """One case of an ultrasound volume and the MR of the same patient, on the ultrasound's grid."""
    write_ultrasound_image(pair.us, folder)
    field = field_of_view(pair.us)
    truth = sitk.Mask(sitk.Clamp(pair.truth(), lowerBound=0.0), field)
    write_volume(truth, folder / f"{pair.modality}.nii.gz")
    seen = sitk.GetArrayViewFromImage(truth)[sitk.GetArrayViewFromImage(field) > 0]
    measured = {pair.modality: {"median": float(np.percentile(seen, BRIGHT)), "method": "percentile", "share": 1.0}}
    write_text(json.dumps(measured, indent=1) + "\n", folder / WHITE_MATTER)


def write_views(head: Path, views: list[Path], output: Path) -> int:
    """One case for every view that the head fills well enough; how many there were."""
    images = {name: read_volume(head / f"{name}.nii.gz", name) for name in MR}
    measured = {name: asdict(_white_matter(image, name, head / LABELS)) for name, image in images.items()}
    brain = field_of_view(images["t2"])
    written = 0
    for view in views:
        inside = sitk.Cast(open_image(view / "field-of-view.nii.gz", "field of view"), sitk.sitkUInt8)
        preop = open_image(view / "preop-t2.nii.gz", "T2")
        shift = sitk.TranslationTransform(3, (_centre(brain) - _centre(preop > 0)).tolist())
        seen = sitk.Resample(brain, inside, shift, sitk.sitkNearestNeighbor, 0) * inside
        if sitk.GetArrayViewFromImage(seen).sum() < SMALLEST_SHARE * sitk.GetArrayViewFromImage(inside).sum():
            continue
        folder = output / f"{head.resolve().name}-{view.name}"
        folder.mkdir(parents=True, exist_ok=True)
        for name, image in images.items():
            cut = sitk.Mask(sitk.Resample(image, inside, shift, sitk.sitkLinear, 0.0), seen)
            write_volume(cut, folder / f"{name}.nii.gz")
        write_text(json.dumps(measured, indent=1) + "\n", folder / WHITE_MATTER)
        written += 1
    return written


def _white_matter(image: sitk.Image, name: str, labels: Path) -> WhiteMatter:
    if not labels.exists():
        return estimate_white_matter(image, name)
    on_grid = sitk.Resample(read_volume(labels, "label map"), image, sitk.Transform(), sitk.sitkNearestNeighbor, 0)
    return white_matter_from_labels(sitk.GetArrayFromImage(image), sitk.GetArrayFromImage(on_grid))


def _centre(mask: sitk.Image) -> np.ndarray:
    """Centre of mass of a mask, LPS mm."""
    index = np.argwhere(sitk.GetArrayViewFromImage(mask)).mean(0)[::-1]
    return np.asarray(mask.TransformContinuousIndexToPhysicalPoint(index.tolist()))


def main() -> None:
    """Read the command line and write the cases."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--ultrasound", type=Path, nargs="*", default=[], help="volumes, 0 outside the field of view")
    parser.add_argument("--teacher", type=Path, help="bundle that makes MRs of the ultrasound")
    parser.add_argument("--mr", type=Path, nargs="*", default=[], help="folders of t2, cet1, flair, perhaps labels")
    parser.add_argument("--views", type=Path, help="folder of simulated cases whose fields of view cut the heads")
    parser.add_argument("--count", type=positive, help=f"views tried a head (default {VIEWS})")
    parser.add_argument("--pairs", type=Path, help="folder with NAME-us.nii.gz and NAME-cet1-warped.nii.gz")
    parser.add_argument("--patient", action="append", help="NAME of a pair, several")
    parser.add_argument("--output", type=Path, required=True)
    arguments = parser.parse_args()
    refuse_idle(arguments, IDLE)
    fill_in(arguments, count=VIEWS)
    if arguments.mr and not arguments.views:
        raise InputError("Give --views, a folder of simulated cases, to cut the heads by.")
    names = [path.name.removesuffix(".gz").rsplit(".", 1)[0] for path in arguments.ultrasound]
    if len(set(names)) < len(names):
        raise InputError("Two ultrasound volumes have the same file name; rename one, it names its case.")
    heads = [path.resolve().name for path in arguments.mr]
    if len(set(heads)) < len(heads):
        raise InputError("Two folders of --mr have the same name; rename one, it names its cases.")
    teacher = load_teacher(arguments.teacher) if arguments.teacher else None
    for name, path in zip(names, arguments.ultrasound, strict=True):
        write_ultrasound(path, arguments.output / name, teacher)
    for pair in find_pairs(arguments.pairs, arguments.patient, (WARPED,)) if arguments.pairs else ():
        write_pair(pair, arguments.output / f"{pair.name}-{pair.modality}")
    views = sorted(path.parent for path in arguments.views.glob("*/field-of-view.nii.gz")) if arguments.views else []
    for head in arguments.mr:
        print(f"{head}: {write_views(head, views[: arguments.count], arguments.output)} cases")


if __name__ == "__main__":
    run(main)
