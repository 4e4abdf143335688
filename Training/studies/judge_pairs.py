"""Judge bundles on real pairs: how like a patient's own MR is the one that is made of the patient's ultrasound?

python Training/studies/judge_pairs.py --real ../shared/data/resect --bundle A --bundle B --output DIR

Correlation in the field of view, and in windows of 8 mm, in both without the outermost 2 mm. A pair that the weights
were trained on says little: leave it out of training in turn.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from pathlib import Path

os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")  # before torch is imported

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # where mmhvae_training lies

from mmhvae_training.script import run

from mmhvae import load_bundle
from mmhvae.bundle import starter_bundle
from mmhvae.files import write_text
from mmhvae.settings import SliceAxis
from mmhvae_training.device_option import add_device
from mmhvae_training.judging import find_pairs, judge_pair, pairs_table
from mmhvae_training.scoring import name_with_weights


def main() -> None:
    """Read the command line, judge every bundle on every pair, write the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--real", type=Path, required=True, help="folder with NAME-us and NAME-cet1-warped.nii.gz")
    parser.add_argument("--bundle", type=Path, action="append", help="several are compared; default: the starter")
    parser.add_argument("--patient", action="append", help="NAME, several; default: all that have a pair")
    parser.add_argument("--one-axis", action="store_true", help="slices along the bundle's axis alone, not all three")
    add_device(parser)
    parser.add_argument("--output", type=Path, required=True, help="folder that receives pairs.md and pairs.json")
    arguments = parser.parse_args()
    pairs = find_pairs(arguments.real, arguments.patient)
    axis: SliceAxis | None = None if arguments.one_axis else "all"
    rows: dict[str, dict[str, dict[str, float]]] = {}
    arguments.output.mkdir(parents=True, exist_ok=True)
    for path in arguments.bundle or [starter_bundle()]:
        bundle = load_bundle(path)
        name = name_with_weights(path.name, bundle.manifest.weights_sha256)
        rows[name] = {f"{p.name} {p.modality}": judge_pair(bundle, p, arguments.device, axis) for p in pairs}
        write_text(json.dumps(rows, indent=1) + "\n", arguments.output / "pairs.json")
        write_text(pairs_table(rows), arguments.output / "pairs.md")
    print(pairs_table(rows))


if __name__ == "__main__":
    run(main)
