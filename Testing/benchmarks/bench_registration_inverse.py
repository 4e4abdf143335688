"""Are registrations of A to B and of B to A inverse? On the benchmark's pair `same`, in mm over the field of view.

    python Testing/benchmarks/bench_registration_inverse.py --n 2 --first 100

A is the ultrasound-like sector, B the whole MR. On the way back B is the fixed image; where to look in it is what both
ways know: the sector as it lies at the start. Ends with status 1 if a pair of ways is more than 0.2 mm from inverse.
"""

from __future__ import annotations

import os

os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

import argparse
import sys

import numpy as np
from bench_registration_table import parser
from mmhvae.images.transforms import apply_matrix, flip_points, to_matrix
from mmhvae.registration.channels import Channel
from mmhvae.registration.rigid import register_channels
from registration_cases import Case, make_case
from registration_engine import image_in_ras, to_channel

LIMIT = 0.2


def there_and_back(case: Case) -> tuple[float, float]:
    """Mean and largest distance in mm of the field of view's points from themselves after A -> B -> A."""
    there = to_channel(case)
    here = image_in_ras(np.asarray(case.fixed_mask), case.fixed_affine)
    back = Channel(there.moving, there.fixed, fixed_mask=here, moving_mask=there.fixed_mask)
    to_b, to_a = (
        to_matrix(register_channels([channel], device="cpu", prior=None).transform) for channel in (there, back)
    )
    points = flip_points(case.pts)
    distances = np.linalg.norm(apply_matrix(to_a @ to_b, points) - points, axis=1)
    return float(distances.mean()), float(distances.max())


def main() -> int:
    """Read the command line, print a line a case."""
    options: argparse.Namespace = parser().parse_args()
    worst = 0.0
    for repeat in range(options.first, options.first + options.n):
        for number in options.ranges:
            mean, largest = there_and_back(make_case("same", number, repeat, options.spacing))
            print(f"same, range {number}, case {repeat}: mean {mean:.3f} mm, largest {largest:.3f} mm", flush=True)
            worst = max(worst, mean)
    print(f"worst mean {worst:.3f} mm; limit {LIMIT} mm")
    return int(worst > LIMIT)


if __name__ == "__main__":
    sys.exit(main())
