"""Judge bundles on real ultrasound without any true MR: agreement, the way back, stability, and guards.

python Training/studies/judge_real.py --real ../shared/data/resect --bundle BUNDLE --output DIR

All volumes take about two minutes on two cores at the default resolution. Case3 and Case27 are held out from every
choice: they are judged only where asked for.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from dataclasses import asdict
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # where mmhvae_training lies

from mmhvae_training.script import run

from mmhvae import load_bundle
from mmhvae.bundle.shipped import starter_bundle
from mmhvae.files import write_text
from mmhvae.images.volumes import read_volume
from mmhvae_training.calibration.measure import find_real
from mmhvae_training.device_option import add_device
from mmhvae_training.judging import Settings, judge, judgement_table
from mmhvae_training.number_options import millimetres, positive


def main() -> None:
    """Read the command line, judge every volume, write the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--real", type=Path, required=True, help="folder with NAME-us.nii.gz")
    parser.add_argument("--bundle", type=Path, help="default: the starter bundle")
    parser.add_argument("--output", type=Path, required=True, help="folder that receives judgement.md and .json")
    parser.add_argument("--spacing", type=float, default=Settings.spacing, help="mm; 0: the volume's own")
    parser.add_argument("--extent", type=millimetres, help="mm, side of the central cube; default: everything")
    parser.add_argument("--samples", type=positive, default=Settings.samples)
    add_device(parser)
    parser.add_argument("--include-held-out", action="store_true", help="Case3 and Case27 too: not for any choice")
    arguments = parser.parse_args()
    settings = Settings(arguments.spacing or None, arguments.extent, arguments.samples, device=arguments.device)
    bundle = load_bundle(arguments.bundle or starter_bundle())
    sha256, rows, started = bundle.manifest.weights_sha256, {}, time.monotonic()
    arguments.output.mkdir(parents=True, exist_ok=True)
    for name, path in find_real(arguments.real, arguments.include_held_out).items():
        rows[name] = judge(bundle, read_volume(path, "ultrasound"), settings)
        print(f"{time.monotonic() - started:5.0f} s  {name}", flush=True)
        kept = {"weights_sha256": sha256, "settings": asdict(settings), "volumes": rows}
        write_text(json.dumps(kept, indent=1) + "\n", arguments.output / "judgement.json")
        write_text(judgement_table(rows), arguments.output / "judgement.md")
    print(judgement_table(rows))


if __name__ == "__main__":
    run(main)
