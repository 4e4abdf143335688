"""Two ways from a tracked sweep to synthetic MR: reconstruct first, or synthesise every frame and compound.

On simulated held-out sweeps, whose truth is known. Writes ``frames-or-volume.md``: PSNR a target and seconds a way.

    python Testing/acceptance/frames_or_volume.py --output acceptance-output
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import SimpleITK as sitk

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "Training"))

from mmhvae import load_bundle, synthesize
from mmhvae.bundle.bundle import Bundle
from mmhvae.bundle.shipped import starter_bundle
from mmhvae.images.image_quality import psnr, ssim
from mmhvae.sweep.reconstruction import reconstruct
from mmhvae.synthesis.frame_synthesis import synthesize_frames
from mmhvae.synthesis.synthesis import SynthesisResult
from mmhvae_training.judging import TARGETS, harmonised_truth
from mmhvae_training.simulation import simulate_case

FIRST_SEED = 6000  # seeds of nothing else
SAMPLES = 3


def measured(bundle: Bundle, seed: int) -> dict[str, dict[str, float]]:
    """Way -> what was measured on one case."""
    case = simulate_case(seed, 0.5, held_out=True)
    volume = reconstruct(case.sweep, fill_holes=True)
    ways: dict[str, Callable[[], SynthesisResult]] = {
        "volume": lambda: synthesize(bundle, {"us": volume.volume}, TARGETS, samples=SAMPLES),
        "volume, all three axes": lambda: synthesize(
            bundle, {"us": volume.volume}, TARGETS, samples=SAMPLES, slice_axis="all"
        ),
        "frames": lambda: synthesize_frames(bundle, case.sweep, volume, TARGETS, samples=SAMPLES),
    }
    inside = sitk.GetArrayFromImage(volume.field_of_view) > 0
    inside &= sitk.GetArrayFromImage(sitk.Resample(case.field_of_view, volume.volume)) > 0  # where the truth is known
    rows = {}
    for way, work in ways.items():
        started = time.perf_counter()
        result = work()
        rows[way] = {"seconds": time.perf_counter() - started}
        for name in TARGETS:
            truth = harmonised_truth(getattr(case, name), case.labels, name)
            true = sitk.GetArrayFromImage(sitk.Resample(truth, volume.volume))
            image, true = (np.where(inside, a, 0) for a in (array(result, name), true))
            rows[way] |= {f"{name} PSNR": psnr(image, true, inside), f"{name} SSIM": ssim(image, true, inside)}
    return rows


def array(result: SynthesisResult, name: str) -> np.ndarray:
    """A synthetic image as (k, j, i)."""
    return sitk.GetArrayFromImage(result.images[name])


def table(cases: list[dict[str, dict[str, float]]]) -> str:
    """Markdown: a column a way, medians over the cases."""
    ways = list(cases[0])
    lines = [f"| simulated, held out, median of {len(cases)} | {' | '.join(ways)} |", "|---|" + "---|" * len(ways)]
    for quantity in cases[0][ways[0]]:
        medians = [np.median([case[way][quantity] for case in cases]) for way in ways]
        lines.append(f"| {quantity} | " + " | ".join(f"{value:.2f}" for value in medians) + " |")
    return "\n".join(lines)


def main() -> None:
    """Read the command line, run the cases, write the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--output", type=Path, required=True)
    parser.add_argument("--bundle", type=Path, default=None, help="default: the starter bundle")
    parser.add_argument("--count", type=int, default=4)
    arguments = parser.parse_args()
    bundle = load_bundle(arguments.bundle or starter_bundle())
    cases = []
    for seed in range(FIRST_SEED, FIRST_SEED + arguments.count):
        cases.append(measured(bundle, seed))
        print(seed, cases[-1], flush=True)
    arguments.output.mkdir(parents=True, exist_ok=True)
    (arguments.output / "frames-or-volume.md").write_text(table(cases) + "\n", encoding="utf-8")
    print(table(cases))


if __name__ == "__main__":
    main()
