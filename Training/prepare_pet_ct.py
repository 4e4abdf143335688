"""Prepare PET/CT studies for train_personalised.py: AutoPET's or nnU-Net's NIfTI files, or the archive's DICOM.

python Training/prepare_pet_ct.py --layout autopet --source FDG-PET-CT-Lesions --output prepared
python Training/prepare_pet_ct.py --layout dicom --source HNSCC --modalities nac ac ct --unlabelled --output prepared

Every study is brought onto cubes that fill its PET's field of view; prepared/split.json puts each patient's studies
into ``train`` or ``judge``.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from mmhvae_training.script import run

from mmhvae.exceptions import InputError
from mmhvae_training.data.pet_ct import LAYOUTS, find_studies, prepare_studies
from mmhvae_training.number_options import natural

MODALITIES = ("ct", "pet", "nac", "ac")


def parser() -> argparse.ArgumentParser:
    """What can be asked."""
    asked = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    asked.add_argument("--layout", choices=tuple(LAYOUTS), required=True)
    asked.add_argument("--source", type=Path, required=True, help="folder of the data set")
    asked.add_argument("--modalities", choices=MODALITIES, nargs="+", default=["ct", "pet"], help="ct among them")
    asked.add_argument("--spacing", type=int, default=3, help="mm, of the cubes")
    asked.add_argument("--unlabelled", action="store_true", help="for transfer: no labels are read or asked for")
    asked.add_argument("--judging", type=float, default=0.2, help="share of the patients that are kept from training")
    asked.add_argument("--seed", type=natural, default=0, help="of who is kept")
    asked.add_argument("--again", action="store_true", help="prepare studies that are there already once more")
    asked.add_argument("--output", type=Path, required=True, help="folder that receives one folder a study")
    return asked


def main() -> None:
    """Read the command line and prepare every study."""
    given = parser().parse_args()
    if "ct" not in given.modalities or len(given.modalities) < 2:
        raise InputError("--modalities should name ct, which shows where the body is, and a PET: pet, or nac and ac.")
    if given.spacing < 1 or not 0 <= given.judging <= 1:
        raise InputError("--spacing should be 1 or more, in mm, and --judging a share from 0 to 1.")
    studies = find_studies(given.layout, given.source, given.modalities)
    labelled, kept = not given.unlabelled, (given.judging, given.seed)
    record = prepare_studies(studies, given.output, given.spacing, labelled, *kept, again=given.again)
    print(f"{len(record['lesion_voxels'])} studies prepared, {len(record['failed'])} failed")


if __name__ == "__main__":
    run(main)
