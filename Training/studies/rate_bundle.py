"""Rate how well a bundle synthesises each contrast from ultrasound alone, and write that into its ``bundle.json``.

python Training/studies/rate_bundle.py --bundle BUNDLE --cases CASES --cache SYNTHESES

Cases are what simulate.py writes, of heads that the bundle never saw. The strength of a contrast is the correlation of
its synthetic with its true image in the field of view, mean over the cases: trust weighs its witnesses by it.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # where mmhvae_training lies

from mmhvae_training.script import run

import numpy as np
import SimpleITK as sitk
from mmhvae import load_bundle
from mmhvae.bundle import MANIFEST
from mmhvae.exceptions import InputError
from mmhvae.files import write_text
from mmhvae_training.device_option import add_device
from mmhvae_training.judging import TARGETS, SynthesisedCase, Synthesiser, global_correlation, load_case
from mmhvae_training.records import read_json


def strength_of(case: SynthesisedCase) -> dict[str, float]:
    """Modality -> correlation of synthetic and true image in the field of view; less than none counts as none."""
    made, found = case.synthesis, {}
    inside = sitk.GetArrayFromImage(made.field_of_view) > 0
    for name in TARGETS:
        truth = sitk.Resample(case.simulated.truths[name], made.images[name], sitk.Transform(3, sitk.sitkIdentity))
        arrays = (sitk.GetArrayFromImage(image).astype(np.float32) for image in (made.images[name], truth))
        found[name] = max(global_correlation(*arrays, inside), 0.0)
    return found


def write_strength(bundle: Path, strength: dict[str, float]) -> None:
    """Put ``strength`` into the manifest of a bundle's folder; its weights stay as they are.

    Raises:
        InputError: it is no folder of a bundle.
    """
    path = bundle / MANIFEST
    if not path.is_file():
        raise InputError(f"{bundle} is no bundle's folder; export the bundle first, and rate it before it is zipped.")
    held = read_json(path, dict, "export the bundle again.")
    write_text(json.dumps(held | {"strength": strength}, indent=2, ensure_ascii=False) + "\n", path)


def main() -> None:
    """Read the command line, synthesise what is not there, write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bundle", type=Path, required=True, help="its folder, which is changed")
    parser.add_argument("--cases", type=Path, required=True, help="folder with case-* of heads it never saw")
    parser.add_argument("--cache", type=Path, required=True, help="folder that keeps syntheses")
    add_device(parser)
    arguments = parser.parse_args()
    synthesise = Synthesiser(load_bundle(arguments.bundle), arguments.cache, device=arguments.device)
    folders = sorted(path.parent for path in arguments.cases.glob("case-*/parameters.json"))
    if not folders:
        raise InputError(f"{arguments.cases} holds no case; give a folder that simulate.py wrote.")
    rated = [strength_of(load_case(folder, synthesise)) for folder in folders]
    strength = {name: round(float(np.mean([case[name] for case in rated])), 2) for name in TARGETS}
    write_strength(arguments.bundle, strength)
    print(f"{len(rated)} cases: " + ", ".join(f"{name} {value:.2f}" for name, value in strength.items()))


if __name__ == "__main__":
    run(main)
