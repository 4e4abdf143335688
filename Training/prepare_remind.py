"""Make training cases of the public ReMIND data set: co-registered in the ultrasound's space, raw and harmonised.

python Training/prepare_remind.py --remind nrrd/ --transforms registration/ --output prepared

TRANSFORMS holds the folders ``affine`` and ``rigid`` that MMHVAE's authors publish (data/data/registration in their
repository). With ``--dicom`` the data set is read as The Cancer Imaging Archive hands it out, a tree of DICOM files
(needs the package pydicom), and written to the folder of ``--remind`` first. White matter is read from SynthSeg's
label maps where they are given, else it is estimated. A run that was stopped goes on where it was; ``manifest.json``
tells what each case has, and why something is missing.
"""

from __future__ import annotations

import argparse
from functools import partial
from pathlib import Path

from mmhvae_training.script import run

from mmhvae.exceptions import InputError
from mmhvae_training.data import (
    Settings,
    dicom_cases,
    prepare_all,
    read_dicom_case,
    read_remind_case,
    remind_cases,
    summary,
)
from mmhvae_training.number_options import millimetres, positive


def main() -> None:
    """Read the command line and prepare every case."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--remind", type=Path, required=True, help="folder with Case001, Case002, ... (NRRD)")
    parser.add_argument("--dicom", type=Path, help="the archive's DICOM tree, from which --remind is made")
    parser.add_argument("--transforms", type=Path, required=True, help="folder with affine/ and rigid/")
    parser.add_argument("--labels", type=Path, help="folder of SynthSeg's label maps; default: beside the MR")
    parser.add_argument("--spacing", type=millimetres, default=Settings.spacing, help="mm")
    parser.add_argument("--matrix", type=positive, default=Settings.matrix, help="pixels a side of a slice")
    parser.add_argument("--again", action="store_true", help="prepare cases that are there already once more")
    parser.add_argument("--output", type=Path, required=True, help="folder that receives one folder a case")
    arguments = parser.parse_args()
    if not arguments.transforms.is_dir():
        raise InputError(f"There is no folder {arguments.transforms}; give the one that holds affine/ and rigid/.")
    places = (arguments.transforms, arguments.labels)
    if arguments.dicom:
        cases = [
            (name, partial(read_dicom_case, name, series, arguments.remind, *places, arguments.again))
            for name, series in dicom_cases(arguments.dicom).items()
        ]
    else:
        cases = [(f.name, partial(read_remind_case, f, *places)) for f in remind_cases(arguments.remind)]
    settings = Settings(arguments.spacing, arguments.matrix)
    names = ("remind", "dicom", "transforms", "labels")
    sources = {name: getattr(arguments, name) for name in names}
    print(summary(prepare_all(cases, arguments.output, settings, sources, arguments.again)))


if __name__ == "__main__":
    run(main)
