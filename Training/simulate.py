"""Write simulated co-registered cases as NIfTI volumes with a JSON of everything drawn."""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import SimpleITK as sitk
from mmhvae_training.simulation import SimulatedCase, landmarks, simulate_case


def write_case(case: SimulatedCase, folder: Path) -> None:
    """Write the images, landmarks (LPS mm) and parameters of ``case`` into ``folder``."""
    folder.mkdir(parents=True, exist_ok=True)
    images = {"us": case.us, "t2": case.t2, "cet1": case.cet1, "flair": case.flair, "labels": case.labels}
    images |= {f"preop-{name}": image for name, image in case.preop.items()}
    images |= {"field-of-view": case.field_of_view, "preop-tumour": case.preop_tumour}
    for name, image in images.items():
        sitk.WriteImage(image, str(folder / f"{name}.nii.gz"), useCompression=True)
    points = landmarks(case, 20, case.parameters["seed"]).tolist()
    text = json.dumps(case.parameters | {"landmarks_lps_mm": points, "simulated": True}, indent=2)
    (folder / "parameters.json").write_text(text + "\n", encoding="utf-8")


def main() -> None:
    """Read the command line and write the cases one after the other."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seed", type=int, default=0, help="of the first case; the next ones count upwards")
    parser.add_argument("--count", type=int, default=1, help="number of cases")
    parser.add_argument("--spacing", type=float, default=0.5, help="of the ultrasound's grid, mm")
    parser.add_argument("--output", type=Path, required=True, help="folder that receives one folder a case")
    arguments = parser.parse_args()
    for seed in range(arguments.seed, arguments.seed + arguments.count):
        folder = arguments.output / f"case-{seed:05d}"
        write_case(simulate_case(seed, arguments.spacing), folder)
        print(folder)


if __name__ == "__main__":
    main()
