"""Seconds of a whole volume by the starter bundle: iUS -> T2, ceT1 and FLAIR, mean of three slicing axes.

Run it as ``python Testing/benchmarks/bench_volume.py`` in a clone that has its history; it prints Markdown. Beside this
checkout it times another commit, by default the last before a CPU took slices side by side; the goal is 1.6 times as
fast as that. Each volume is a fresh process, and both take turns; its second synthesis counts.
"""

from __future__ import annotations

import os

# Threads that spin while they wait make shared cores many times slower; OpenMP reads this once, when torch loads it.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

import argparse
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import SimpleITK as sitk
import torch

ROOT = Path(__file__).resolve().parents[2]
BEFORE = "2e1f1b3^"
TARGETS = ("t2", "cet1", "flair")
SIDE, SPACING = 160, 0.5  # voxels, mm
GOAL = 1.6  # times as fast
HERE, OTHER = "this checkout", "the other commit"


def speckled_ball() -> sitk.Image:
    """An ultrasound volume of random grey, 0 outside a ball."""
    rng = np.random.default_rng(0)
    radius = np.linalg.norm(np.stack(np.meshgrid(*[np.linspace(-1, 1, SIDE)] * 3, indexing="ij")), axis=0)
    image = sitk.GetImageFromArray(np.where(radius < 0.95, rng.uniform(20, 200, radius.shape), 0).astype(np.float32))
    image.SetSpacing([SPACING] * 3)
    return image


def measure(root: Path, threads: int) -> None:
    """Synthesise twice with the code and the bundle of a checkout; print the seconds of the second time."""
    sys.path.insert(0, str(root / "MMHVAESynthesis"))
    import mmhvae

    if Path(mmhvae.__file__).resolve().parents[2] != root.resolve():
        raise SystemExit(f"{mmhvae.__file__} was imported in place of the checkout's.")
    torch.set_num_threads(threads)
    bundle = mmhvae.load_bundle(root / "MMHVAESynthesis" / "Resources" / "Bundles" / "starter")
    us, seconds = speckled_ball(), 0.0
    for _ in range(2):
        started = time.perf_counter()
        mmhvae.synthesize(bundle, {"us": us}, TARGETS, 0.5, 1, device="cpu", slice_axis="all")  # one sample
        seconds = time.perf_counter() - started
    print(seconds)


@contextmanager
def checkout(commit: str) -> Iterator[Path]:
    """A folder with the files of another commit, gone afterwards."""
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder) / "other"
        subprocess.run(["git", "-C", ROOT, "worktree", "add", "--quiet", "--detach", root, commit], check=True)
        try:
            yield root
        finally:
            subprocess.run(["git", "-C", ROOT, "worktree", "remove", "--force", root], check=True)


def seconds_of(root: Path, threads: int) -> float:
    """Of one volume, in a process of its own."""
    command = [sys.executable, __file__, "--measure", str(root), "--threads", str(threads)]
    return float(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


def table(found: dict[str, list[float]]) -> str:
    """Markdown: least, median and most seconds, and the median of the ratios round by round."""
    lines = ["| code | least (s) | median (s) | most (s) |", "|---|---|---|---|"]
    for name, values in found.items():
        lines.append(f"| {name} | {min(values):.2f} | {statistics.median(values):.2f} | {max(values):.2f} |")
    ratios = [other / here for here, other in zip(found[HERE], found[OTHER], strict=True)]
    said = ", ".join(f"{ratio:.2f}" for ratio in ratios)
    return "\n".join([*lines, "", f"{statistics.median(ratios):.2f} times as fast ({said}); the goal is {GOAL}."])


def main() -> None:
    """Read the command line and measure."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--commit", default=BEFORE, help=f"the other one (default {BEFORE})")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    parser.add_argument("--measure", type=Path, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.measure:
        measure(arguments.measure, arguments.threads)
        return
    found: dict[str, list[float]] = {HERE: [], OTHER: []}
    with checkout(arguments.commit) as other:
        for _ in range(arguments.rounds):
            found[HERE].append(seconds_of(ROOT, arguments.threads))
            found[OTHER].append(seconds_of(other, arguments.threads))
    print(f"{platform.machine()}, torch {torch.__version__}, {arguments.threads} threads, commit {arguments.commit}\n")
    print(table(found))


if __name__ == "__main__":
    main()
