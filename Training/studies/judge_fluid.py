"""Does fluid that is dark in ultrasound come out bright in T2 and dark in FLAIR? Ventricles, and dark pools.

python Training/studies/judge_fluid.py --cases held-out --real ../shared/data/resect --bundle BUNDLE --output DIR
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # where mmhvae_training lies

from mmhvae_training.script import run

from mmhvae import load_bundle
from mmhvae.bundle.bundle import Bundle
from mmhvae.bundle.shipped import starter_bundle
from mmhvae.exceptions import InputError
from mmhvae.files import write_text
from mmhvae.images.volumes import read_volume
from mmhvae_training.calibration.measure import find_real
from mmhvae_training.idle_options import Idle, refuse_idle
from mmhvae_training.judging import (
    dark_pools,
    fluid_table,
    load_evaluation_case,
    of_dark,
    pool_contrast,
    ventricle_contrast,
)

IDLE = (Idle(("include-held-out",), lambda given: given.real is None, "Those cases are real ones; give --real, or"),)


def of_cases(bundle: Bundle, folder: Path) -> dict[str, Any]:
    """Case -> target -> contrast, of the simulated cases with a ventricle in view."""
    rows = {}
    for path in sorted(folder.glob("case-*")):
        found = ventricle_contrast(bundle, load_evaluation_case(path))
        if found:
            rows[path.name] = found
    return rows


def of_real(bundle: Bundle, folder: Path, held_out: bool) -> dict[str, Any]:
    """Pool -> target -> contrast, of the dark pools of real volumes; their place (LPS, mm) is part of the name."""
    rows = {}
    for name, path in find_real(folder, held_out).items():
        us = read_volume(path, "ultrasound")
        pools = dark_pools(us)
        print(f"{name}: {len(pools)} dark pools", flush=True)
        for pool, row in zip(pools, pool_contrast(bundle, us, pools) if pools else [], strict=True):
            x, y, z = pool.centre
            rows[f"{name} ({x:.0f}, {y:.0f}, {z:.0f}), {pool.volume_mm3:.0f} mm3"] = row
    return rows


def main() -> None:
    """Read the command line, measure, write the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cases", type=Path, help="folder with case-*, as simulate.py writes them")
    parser.add_argument("--real", type=Path, help="folder with NAME-us.nii.gz")
    parser.add_argument("--bundle", type=Path, help="default: the starter bundle")
    parser.add_argument("--output", type=Path, required=True, help="folder that receives fluid.md and fluid.json")
    parser.add_argument("--include-held-out", action="store_true", help="Case3 and Case27 too: not for any choice")
    arguments = parser.parse_args()
    if not arguments.cases and not arguments.real:
        raise InputError("Give --cases, --real, or both: there is nothing to look at.")
    refuse_idle(arguments, IDLE)
    bundle = load_bundle(arguments.bundle or starter_bundle())
    rows = of_cases(bundle, arguments.cases) if arguments.cases else {}
    rows |= of_real(bundle, arguments.real, arguments.include_held_out) if arguments.real else {}
    arguments.output.mkdir(parents=True, exist_ok=True)
    kept = {"weights_sha256": bundle.manifest.weights_sha256, "rows": rows}
    write_text(json.dumps(kept, indent=1) + "\n", arguments.output / "fluid.json")
    text = fluid_table(rows) + ("\n" + of_dark(rows) if arguments.cases else "")
    write_text(text, arguments.output / "fluid.md")
    print(text)


if __name__ == "__main__":
    run(main)
