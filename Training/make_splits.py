"""Split prepared cases into folds, every subset of modalities shared out evenly: one ``case,split`` CSV a fold.

python Training/make_splits.py --cases prepared --folds 3 --validation 0.1 --output splits
"""

from __future__ import annotations

import argparse
from collections import Counter
from pathlib import Path

from mmhvae_training.script import run

from mmhvae.images.modalities import MODALITIES
from mmhvae_training.data import case_folders, stratified_folds, write_splits
from mmhvae_training.number_options import natural, positive, share


def main() -> None:
    """Read the command line and write ``fold-0.csv``, ``fold-1.csv`` and so on."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cases", type=Path, required=True, help="folder with one folder a case")
    parser.add_argument("--folds", type=positive, default=3)
    parser.add_argument("--validation", type=share, default=0.0, help="share of the training cases that validates")
    parser.add_argument("--seed", type=natural, default=0)
    parser.add_argument("--output", type=Path, required=True, help="folder for the tables")
    arguments = parser.parse_args()
    cases = case_folders(arguments.cases, tuple(MODALITIES))
    subsets = {name: tuple(paths) for name, paths in cases.items()}
    folds = stratified_folds(subsets, arguments.folds, arguments.seed, arguments.validation)
    for number, splits in enumerate(folds):
        path = arguments.output / f"fold-{number}.csv"
        write_splits(splits, path)
        counts = Counter(splits.values())
        print(f"{path}: " + ", ".join(f"{count} {split}" for split, count in sorted(counts.items())))


if __name__ == "__main__":
    run(main)
