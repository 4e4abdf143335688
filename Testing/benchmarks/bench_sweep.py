"""Time and memory of the reconstruction of a tracked sweep: 200 frames of 512 x 512 pixels into 0.5 mm voxels.

Run it as ``python Testing/benchmarks/bench_sweep.py``; it prints Markdown. The sweep is made up: speckle in a sector,
frames a third of a millimetre apart on a gentle fan. Each row is a fresh process of its own, in which peak memory is
the largest resident size (``ru_maxrss``, Linux and macOS), libraries included. On a shared machine trust the seconds of
processor time, not those on the clock.
"""

from __future__ import annotations

import os

# Threads that spin while they wait make shared cores many times slower; OpenMP reads this once, when torch loads it.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

import argparse
import multiprocessing
import platform
import resource
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "MMHVAESynthesis"))

from mmhvae.sweep.frames import Sweep
from mmhvae.sweep.reconstruction import reconstruct
from mmhvae.sweep.splatting import Compounding

FRAMES, SIDE, SPACING = 200, 512, 0.5
TIME_GOAL, MEMORY_GOAL = 20.0, 2048.0  # seconds, MiB
DISTINCT = 8  # images, shown in turn


@dataclass(frozen=True)
class Row:
    """One row of the table."""

    pixel: float  # mm
    compounding: Compounding = "mean"
    fill_holes: bool = False


ROWS = (Row(0.08), Row(0.12), Row(0.2), Row(0.12, fill_holes=True), Row(0.2, fill_holes=True), Row(0.12, "max"))


@dataclass(frozen=True)
class SpeckledFrames:
    """A few images of speckle in a sector, shown in turn."""

    images: NDArray[np.uint8]  # (DISTINCT, H, W)
    number: int

    @property
    def shape(self) -> tuple[int, int]:
        return SIDE, SIDE

    def __len__(self) -> int:
        return self.number

    def __iter__(self) -> Iterator[NDArray[np.uint8]]:
        return (self.images[n % DISTINCT].copy() for n in range(self.number))


def made_up_sweep(pixel: float) -> Sweep:
    """Frames of ``pixel`` mm that turn by 20 degrees while the probe moves 66 mm."""
    generator = np.random.default_rng(0)
    row, column = np.mgrid[:SIDE, :SIDE]
    sector = (np.hypot(row + 50, column - SIDE / 2) < 550) & (np.abs(column - SIDE / 2) < 0.5 * (row + 100))
    images = np.stack([generator.integers(1, 256, (SIDE, SIDE), np.uint8) * sector for _ in range(DISTINCT)])
    poses = np.tile(np.eye(4), (FRAMES, 1, 1))
    for n, angle in enumerate(np.radians(np.linspace(-10, 10, FRAMES))):
        poses[n, :3, 0] = pixel, 0.1 * pixel, 0
        poses[n, :3, 1] = 0, pixel * np.sin(angle), -pixel * np.cos(angle)
        poses[n, :3, 3] = 12.3, 0.33 * n, 45.6
    return Sweep(SpeckledFrames(images, FRAMES), poses, np.ones(FRAMES, bool), np.arange(FRAMES) / 20)


@dataclass(frozen=True)
class Cost:
    """What one reconstruction took."""

    size: tuple[int, ...]
    seconds: float
    processor_seconds: float
    peak: float  # MiB


def measured(row: Row, threads: int) -> Cost:
    """Cost of ``row``; to be called in a fresh process."""
    torch.set_num_threads(threads)
    sweep = made_up_sweep(row.pixel)
    started, worked = time.perf_counter(), time.process_time()
    result = reconstruct(sweep, SPACING, compounding=row.compounding, fill_holes=row.fill_holes)
    seconds, processor = time.perf_counter() - started, time.process_time() - worked
    unit = 1 if sys.platform == "darwin" else 1024  # macOS counts bytes, Linux KiB
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / 2**20
    return Cost(result.volume.GetSize(), seconds, processor, peak)


def main() -> None:
    """Measure each row in a process of its own; print Markdown."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--threads", type=int, default=2, help="of the CPU (default 2)")
    threads = parser.parse_args().threads
    with multiprocessing.get_context("spawn").Pool(1, maxtasksperchild=1) as pool:
        results = pool.starmap(measured, [(row, threads) for row in ROWS], chunksize=1)
    print(f"{FRAMES} frames of {SIDE} x {SIDE} into {SPACING:g} mm; {platform.system()}, {threads} threads\n")
    print("| pixel, mm | compounding | holes filled | voxels | seconds | of processor time | peak MiB |")
    print("|--:|---|---|---|--:|--:|--:|")
    for row, cost in zip(ROWS, results, strict=True):
        voxels, holes = " x ".join(map(str, cost.size)), "yes" if row.fill_holes else "no"
        took = f"{cost.seconds:.1f} | {cost.processor_seconds:.1f} | {cost.peak:.0f}"
        print(f"| {row.pixel:g} | {row.compounding} | {holes} | {voxels} | {took} |")
    slowest, largest = max(cost.seconds for cost in results), max(cost.peak for cost in results)
    verdict = "met" if slowest <= TIME_GOAL and largest <= MEMORY_GOAL else "missed"
    print(f"\n- Most: {slowest:.1f} s, {largest:.0f} MiB; goal {TIME_GOAL:g} s, {MEMORY_GOAL:g} MiB: {verdict}.")


if __name__ == "__main__":
    main()
