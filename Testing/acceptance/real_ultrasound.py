"""Every real iUS volume of RESECT through ``mmhvae synthesize``: exact geometry, sane values, and a figure to look at.

The data lie beside the checkout, in ``../shared/data/resect`` (CC BY 4.0, Xiao et al., doi:10.1002/mp.12268), and
are not part of the repository. Ends with status 1 if a check fails.

    python Testing/acceptance/real_ultrasound.py --output acceptance-output
"""

from __future__ import annotations

import argparse
import subprocess
import sys
from pathlib import Path

import numpy as np
import SimpleITK as sitk
from matplotlib.figure import Figure
from mmhvae.images.volumes import field_of_view, read_volume, same_grid, to_slices

DATA = Path(__file__).resolve().parents[3] / "shared" / "data" / "resect"
TARGETS = ("t2", "cet1", "flair")
COLUMNS = ("us", *TARGETS, "t2-uncertainty")


def synthesised(path: Path, folder: Path, bundle: Path | None) -> dict[str, sitk.Image]:
    """Run the command line on one volume, and read what it wrote."""
    command = [sys.executable, "-m", "mmhvae.cli", "synthesize", "--us", str(path), "--output", str(folder)]
    command += ["--targets", *TARGETS] + (["--bundle", str(bundle)] if bundle else [])
    subprocess.run(command, check=True)
    names = [*TARGETS, *(f"{name}-uncertainty" for name in TARGETS)]
    return {name: sitk.ReadImage(str(folder / f"{name}.nii.gz")) for name in names}


def faults(us: sitk.Image, images: dict[str, sitk.Image]) -> list[str]:
    """What is wrong with the results for one volume, in words."""
    field = sitk.GetArrayFromImage(field_of_view(us)) > 0
    dark = field & (sitk.GetArrayFromImage(us) == 0)
    found = []
    for name, image in images.items():
        values = sitk.GetArrayFromImage(image)
        if not same_grid(image, us):
            found.append(f"{name} lies on another grid")
        if not np.isfinite(values).all():
            found.append(f"{name} is not finite")
        if values[~field].any():
            found.append(f"{name} is not 0 outside the field of view")
        if "uncertainty" in name:
            continue
        if dark.any() and np.mean(values[dark] == 0) > 0.05:
            found.append(f"{name} is black where the ultrasound is dark")
        if values[field].std() < 0.01:
            found.append(f"{name} is constant")
    return found


def draw(rows: dict[str, dict[str, sitk.Image]], path: Path) -> None:
    """One row a volume: ultrasound, synthetic images and uncertainty in the fullest slice."""
    figure = Figure(figsize=(2.6 * len(COLUMNS), 2.4 * len(rows)), facecolor="black", layout="compressed")
    axes = figure.subplots(len(rows), len(COLUMNS))
    for line, (case, images) in zip(axes, rows.items(), strict=True):
        field = to_slices(sitk.GetArrayFromImage(field_of_view(images["us"])), 2) > 0
        index = int(field.sum(axis=(1, 2)).argmax())
        for axis, name in zip(line, COLUMNS, strict=True):
            plane = to_slices(sitk.GetArrayFromImage(images[name]), 2)[index].astype(float)
            limit = float(np.percentile(plane[field[index]], 99.5))
            colours = "inferno" if "uncertainty" in name else "gray"
            axis.imshow(np.where(field[index], plane, np.nan), cmap=colours, vmin=0, vmax=limit)
            title = case if name == "us" else name if "uncertainty" in name else f"SYNTHETIC {name}"
            axis.set_title(title, color="white", fontsize=8)
            axis.set_axis_off()
    figure.savefig(path, dpi=80, facecolor="black")


def main() -> int:
    """Read the command line, run all volumes, print a line each."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--output", type=Path, required=True)
    parser.add_argument("--bundle", type=Path, help="default: the starter bundle")
    parser.add_argument("--cases", nargs="+", default=["*"], help="such as Case3; default: all")
    arguments = parser.parse_args()
    paths = sorted(path for name in arguments.cases for path in DATA.glob(f"{name}-us.nii.gz"))
    if not paths:
        print(f"Skipped: there are no volumes in {DATA}.")
        return 0
    rows, failed = {}, 0
    for path in paths:
        case = path.name.removesuffix("-us.nii.gz")
        us = read_volume(path)
        images = synthesised(path, arguments.output / "real" / case, arguments.bundle)
        problems = faults(us, images)
        failed += bool(problems)
        print(f"{case}: {'; '.join(problems) or 'ok'}", flush=True)
        rows[case] = {"us": us, **images}
    draw(rows, arguments.output / "real-ultrasound.png")
    print(f"{len(paths) - failed} passed, {failed} failed")
    return int(failed > 0)


if __name__ == "__main__":
    sys.exit(main())
