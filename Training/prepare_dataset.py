"""Make training cases of other data sets: BIDS derivatives, raw nnU-Net data, or BraTS; images already co-registered.

python Training/prepare_dataset.py --layout brats --source MICCAI_BraTS2020 --output prepared

Cases need not have ultrasound. Without it slices are as large as the head, unless --matrix says otherwise; cut them to
the shape of a sweep with prepare_real.py, as the paper does.
"""

from __future__ import annotations

import argparse
from functools import partial
from pathlib import Path

from mmhvae_training.script import run

from mmhvae.exceptions import InputError
from mmhvae_training.data import (
    Settings,
    SourceCase,
    bids_cases,
    brats_cases,
    nnunet_cases,
    prepare_all,
    require_same_grid,
    summary,
)
from mmhvae_training.idle_options import Idle, refuse_idle
from mmhvae_training.number_options import millimetres, positive

IDLE = (Idle(("space",), lambda given: given.layout != "bids", "Only --layout bids names spaces; give that, or"),)


def read_cases(layout: str, source: Path, space: str | None) -> list[SourceCase]:
    """The cases of a data set in one of the three layouts."""
    if not source.is_dir():
        raise InputError(f"There is no folder {source}; give the data set's.")
    if layout == "bids":
        return bids_cases(source, space)
    return nnunet_cases(source) if layout == "nnunet" else brats_cases(source)


def _as_it_is(case: SourceCase) -> SourceCase:
    return case


def main() -> None:
    """Read the command line and prepare every case."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--layout", choices=("bids", "nnunet", "brats"), required=True)
    parser.add_argument("--source", type=Path, required=True, help="folder of the data set")
    parser.add_argument("--space", help="BIDS: the space- that images must have")
    parser.add_argument("--spacing", type=millimetres, default=Settings.spacing, help="mm")
    parser.add_argument("--matrix", type=positive, help="pixels a side of a slice; default: as the field of view needs")
    parser.add_argument("--again", action="store_true", help="prepare cases that are there already once more")
    parser.add_argument("--output", type=Path, required=True, help="folder that receives one folder a case")
    arguments = parser.parse_args()
    refuse_idle(arguments, IDLE)
    found = read_cases(arguments.layout, arguments.source, arguments.space)
    # BIDS promises a common space, the two others a common grid.
    read = _as_it_is if arguments.layout == "bids" else require_same_grid
    cases = [(case.name, partial(read, case)) for case in found]
    settings = Settings(arguments.spacing, arguments.matrix)
    sources = {name: getattr(arguments, name) for name in ("layout", "source", "space")}
    print(summary(prepare_all(cases, arguments.output, settings, sources, arguments.again)))


if __name__ == "__main__":
    run(main)
