"""The starter bundle on simulated cases that training never drew: image quality, and registration through it.

Each case's pre-operative T2 is displaced by 6 mm and 5 degrees and registered back to the synthetic T2 and,
for comparison, directly to the ultrasound. Writes ``held-out.md``; every number is simulated.

    python Testing/acceptance/held_out.py --output acceptance-output
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import numpy as np
import SimpleITK as sitk

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "Training"))

from make_demo_case import displacement
from mmhvae import load_bundle, register_rigid, synthesize
from mmhvae.bundle import Bundle
from mmhvae.intensities import harmonise_target, to_unit
from mmhvae.metrics import constant_psnr, psnr, ssim
from mmhvae.registration.errors import target_registration_error
from mmhvae.shipped import starter_bundle
from mmhvae.white_matter import white_matter_from_labels
from mmhvae_training.simulation import Label, SimulatedCase, displace, landmarks, simulate_case

FIRST_SEED = 5000  # training used 1000 to 1119
TARGETS = ("t2", "cet1", "flair")


def truth(case: SimulatedCase, name: str) -> np.ndarray:
    """The true MR on the ultrasound's grid, harmonised to [0, 1] with the true white matter."""
    voxels = sitk.GetArrayFromImage(getattr(case, name))
    labels = sitk.GetArrayFromImage(case.labels)
    median = white_matter_from_labels(voxels, labels, (int(Label.WHITE_MATTER),)).median
    return to_unit(harmonise_target(voxels, name, median))


def measured(bundle: Bundle, seed: int) -> dict[str, float]:
    """All numbers of one case."""
    case = simulate_case(seed, 0.5)
    result = synthesize(bundle, {"us": case.us}, TARGETS, samples=3, slice_axis="all")
    mask = sitk.GetArrayFromImage(result.field_of_view) > 0
    row: dict[str, float] = {}
    for name in TARGETS:
        true, image = np.where(mask, truth(case, name), 0), sitk.GetArrayFromImage(result.images[name])
        row |= {f"{name} PSNR": psnr(image, true, mask), f"{name} constant": constant_psnr(true, mask)}
        row[f"{name} SSIM"] = ssim(image, true, mask)
    motion = displacement(case, seed)
    moving, points = displace(case.preop["t2"], motion), landmarks(case, 15, seed)
    moved = np.array([motion.TransformPoint(p) for p in points.tolist()])
    through = register_rigid(result.images["t2"], moving, result.field_of_view, signed=True).transform
    direct = register_rigid(case.us, moving, result.field_of_view).transform
    for name, transform in {"before": sitk.Euler3DTransform(), "direct": direct, "synthesis": through}.items():
        row[f"TRE {name}"] = float(target_registration_error(transform, points, moved).mean())
    return row


def table(rows: list[dict[str, float]]) -> str:
    """Markdown: one line a quantity, median and range over the cases."""
    lines = ["| simulated, held out | median | least | most |", "|---|---|---|---|"]
    for name in rows[0]:
        values = np.array([row[name] for row in rows])
        lines.append(f"| {name} | {np.median(values):.2f} | {values.min():.2f} | {values.max():.2f} |")
    return "\n".join(lines)


def main() -> None:
    """Read the command line, run the cases, write the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--output", type=Path, required=True)
    parser.add_argument("--bundle", type=Path, default=None, help="default: the starter bundle")
    parser.add_argument("--count", type=int, default=8)
    arguments = parser.parse_args()
    bundle = load_bundle(arguments.bundle or starter_bundle())
    rows = []
    for seed in range(FIRST_SEED, FIRST_SEED + arguments.count):
        rows.append(measured(bundle, seed))
        print(seed, {name: round(value, 2) for name, value in rows[-1].items()}, flush=True)
    arguments.output.mkdir(parents=True, exist_ok=True)
    (arguments.output / "held-out.md").write_text(table(rows) + "\n", encoding="utf-8")
    print(table(rows))


if __name__ == "__main__":
    main()
