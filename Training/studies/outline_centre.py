"""Outline the middle of every field of view, whatever it shows: the control of segmenters that segment.py trained.

python Training/studies/outline_centre.py --data nnunet/Dataset100_Simulator --fold 0 --output outlines/centre

Its outlines go into ``segment.py evaluate`` beside the others. They take the median share of the view that tumours have
in the sweeps that the fold learns from.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # where mmhvae_training lies

from mmhvae_training.script import run

from mmhvae.images import field_of_view, read_volume, write_volume
from mmhvae_training.number_options import natural
from mmhvae_training.ultrasound_tumours import central_outline, median_share, read_data_set


def main() -> None:
    """Read the command line, outline every case that the fold judges."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="folder of make_segmentation_dataset.py")
    parser.add_argument("--fold", type=natural, default=0)
    parser.add_argument("--output", type=Path, required=True, help="folder that receives NAME.nii.gz")
    arguments = parser.parse_args()
    data = read_data_set(arguments.data)
    fold = data.fold(arguments.fold)
    share = median_share(data, fold["train"])
    print(f"Tumours have {100 * share:.1f} % of the view.", flush=True)
    arguments.output.mkdir(parents=True, exist_ok=True)
    for case in fold["val"]:
        seen = field_of_view(read_volume(data.image(case), "ultrasound"))
        write_volume(central_outline(seen, share), arguments.output / f"{case}.nii.gz")


if __name__ == "__main__":
    run(main)
