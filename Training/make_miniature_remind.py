"""Write a miniature of the ReMIND data set, phantoms in its layout, to try the training commands on.

python Training/make_miniature_remind.py --output miniature
"""

from __future__ import annotations

import argparse
from pathlib import Path

from mmhvae_training.script import run

from mmhvae_training.data import write_miniature
from mmhvae_training.number_options import natural, positive


def main() -> None:
    """Read the command line and write ``nrrd/`` and ``registration/``."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cases", type=positive, default=8)
    parser.add_argument("--seed", type=natural, default=0)
    parser.add_argument("--output", type=Path, required=True)
    arguments = parser.parse_args()
    for phantom in write_miniature(arguments.output, arguments.cases, arguments.seed):
        print(f"{phantom.name}: us {' '.join(phantom.subset)}")


if __name__ == "__main__":
    run(main)
