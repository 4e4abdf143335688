"""Compare simulated ultrasound volumes with real ones: a figure, and a table that says whether and by what they differ.

python Training/studies/calibrate.py --real ../shared/data/resect --simulated CASES --output DIR
"""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # where mmhvae_training lies

from mmhvae_training.script import run

from mmhvae_training.calibration.measure import common_spacing, find_real, find_simulated, measure_all
from mmhvae_training.calibration.report import words, write_report
from mmhvae_training.number_options import millimetres, positive


def main() -> None:
    """Read the command line, measure, write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--real", type=Path, required=True, help="folder with NAME-us.nii.gz")
    parser.add_argument("--simulated", type=Path, required=True, help="folder with case-*/us.nii.gz")
    parser.add_argument("--output", type=Path, required=True)
    parser.add_argument("--count", type=positive, help="of simulated cases, the first ones; default: all")
    parser.add_argument("--spacing", type=millimetres, help="mm; default: the coarser of real and simulated")
    parser.add_argument("--include-held-out", action="store_true", help="Case3 and Case27 too: not for any choice")
    arguments = parser.parse_args()
    real = find_real(arguments.real, arguments.include_held_out)
    simulated = find_simulated(arguments.simulated, arguments.count)
    spacing = arguments.spacing or common_spacing([*real.values(), *simulated.values()])
    started = time.monotonic()
    measured = measure_all(real, simulated, spacing, lambda share, name: print(f"{share:4.0%} {name}", flush=True))
    print(words(write_report(measured, spacing, arguments.output)))
    print(f"{time.monotonic() - started:.0f} s, written to {arguments.output}")


if __name__ == "__main__":
    run(main)
