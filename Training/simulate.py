"""Write simulated co-registered cases as NIfTI volumes with a JSON of everything drawn, and their tracked sweeps."""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import numpy as np
import SimpleITK as sitk
from mmhvae.images import write_transform, write_volume
from mmhvae.sweep.sequence_file import write_sequence
from mmhvae_training import script
from mmhvae_training.simulation import landmarks
from mmhvae_training.simulation.case import SimulatedCase, simulate_case


def write_case(case: SimulatedCase, folder: Path) -> None:
    """Write the images, landmarks (LPS mm, in the sweep's volume and on the MR) and parameters into ``folder``.

    With brain shift also ``us-to-preop.h5``: points of the sweep -> points of the MR, LPS mm.
    """
    folder.mkdir(parents=True, exist_ok=True)
    images = {"us": case.us, "t2": case.t2, "cet1": case.cet1, "flair": case.flair, "labels": case.labels}
    images |= {f"preop-{name}": image for name, image in case.preop.items()}
    images |= {"field-of-view": case.field_of_view, "preop-tumour": case.preop_tumour}
    for name, image in images.items():
        # Whole numbers, as scanners give them: float32 would take four times the space and most of the time.
        whole = sitk.Cast(sitk.Round(image), sitk.sitkUInt16) if image.GetPixelID() == sitk.sitkFloat32 else image
        write_volume(whole, folder / f"{name}.nii.gz")
    if case.parameters["brain_shift"] is not None:
        write_transform(case.to_preop, folder / "us-to-preop.h5")
    points = landmarks(case, 20, case.parameters["seed"]).tolist()
    text = case.parameters | {
        "landmarks_lps_mm": points,
        "landmarks_preop_lps_mm": [case.to_preop.TransformPoint(point) for point in points],
        "simulated": True,
    }
    (folder / "parameters.json").write_text(json.dumps(text, indent=2) + "\n", encoding="utf-8")


def write_sequence_of(case: SimulatedCase, folder: Path) -> None:
    """Write ``sweep.igs.mha`` as PLUS would, and its calibration (row by row, 16 numbers)."""
    tracked = case.tracked
    transforms = {"ProbeToTracker": tracked.probe_to_tracker, "ReferenceToTracker": tracked.reference_to_tracker}
    write_sequence(
        folder / "sweep.igs.mha",
        case.sweep.frames,
        transforms,
        valid={"ProbeToTracker": tracked.valid},
        timestamps=tracked.timestamps,
    )
    np.savetxt(folder / "image-to-probe.txt", tracked.image_to_probe, fmt="%.10g")


def write_true_poses(case: SimulatedCase, folder: Path) -> None:
    """Write where the frames truly lay: a 4 x 4 matrix (RAS mm) for each frame of the sequence."""
    true = json.dumps(case.true_image_to_reference.tolist())
    (folder / "true-image-to-reference.json").write_text(true + "\n", encoding="utf-8")


def main() -> None:
    """Read the command line and write the cases one after the other."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seed", type=int, default=0, help="of the first case; the next ones count upwards")
    parser.add_argument("--count", type=int, default=1, help="number of cases")
    parser.add_argument("--spacing", type=float, default=0.5, help="of the ultrasound's grid, mm")
    parser.add_argument("--tumour", choices=("with", "without"), help="of every case; by default as drawn")
    parser.add_argument("--held-out", action="store_true", help="settings that no training case ever has")
    parser.add_argument("--brain-shift", action="store_true", help="between the pre-operative MR and the sweep")
    parser.add_argument("--ventricle", action="store_true", help="aim every sweep at the nearest ventricle")
    parser.add_argument("--real-head", type=Path, help="folder of a real multi-contrast MRI to sweep over")
    parser.add_argument("--sweep", action="store_true", help="write the tracked frames, too")
    parser.add_argument("--output", type=Path, required=True, help="folder that receives one folder a case")
    arguments = parser.parse_args()
    tumour = None if arguments.tumour is None else arguments.tumour == "with"
    for seed in range(arguments.seed, arguments.seed + arguments.count):
        folder = arguments.output / f"case-{seed:05d}"
        case = simulate_case(
            seed,
            arguments.spacing,
            tumour,
            held_out=arguments.held_out,
            brain_shift=arguments.brain_shift,
            at_ventricle=arguments.ventricle,
            real_head=arguments.real_head,
        )
        write_case(case, folder)
        if arguments.sweep:
            write_sequence_of(case, folder)
            write_true_poses(case, folder)
        print(folder)


if __name__ == "__main__":
    script.run(main)
