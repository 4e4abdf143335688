"""Make the demo case that ships with the software: a simulated sweep, and pre-operative images displaced from it.

    python Training/studies/make_demo_case.py --seed 7 --output MMHVAESynthesis/Resources/Samples/demo

The pre-operative images are displaced by their headers alone, as a patient's are against the navigation: by 6 mm
and 5 degrees about the centre of the field of view.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import math
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # where mmhvae_training lies

from mmhvae_training.script import run

import numpy as np
import SimpleITK as sitk
from mmhvae.files import write_text
from mmhvae.images import bounding_box, write_transform, write_volume
from mmhvae_training.number_options import natural
from mmhvae_training.simulation import SimulatedCase, landmarks, simulate_case
from mmhvae_training.simulation.displacement import displace
from simulate import write_sequence_of

DISTANCE_MM, ANGLE_DEG, LANDMARKS = 6.0, 5.0, 15
GREY_LEVELS = 150  # of the MRs up to their 99.9th percentile: enough, and the whole case stays under 8 MiB
CHECKSUMS = "checksums.json"
NOTICE = """# The demo case

Simulated, not a patient: anatomy derived from the MNI ICBM152 2009a T1 template and its tissue maps as distributed
with nilearn (Copyright (C) 1993-2009 Louis Collins, McConnell Brain Imaging Centre, Montreal Neurological Institute,
McGill University; permission to use, copy, modify and distribute with this notice; provided "as is"),
deformed, with an invented tumour; images by this project's simulator (MIT).

`sweep.igs.mha` is the tracked ultrasound sweep as PLUS would write it, `image-to-probe.txt` its calibration (16
numbers, row by row); its Reference is the patient, RAS mm. `preop-*.nii.gz` lie displaced against it;
`us-to-preop.tfm` is the true transform (ultrasound points to pre-operative points, LPS mm); `landmarks.mrk.json` lies
in the ultrasound, and `preop-landmarks.mrk.json` has the same points where the pre-operative MR shows them.
`parameters.json` holds everything drawn; remade with
`python Training/studies/make_demo_case.py --seed {seed} --output FOLDER`.
"""


def displacement(case: SimulatedCase, seed: int) -> sitk.Euler3DTransform:
    """A rigid motion of 6 mm and 5 degrees in random directions, about the centre of the field of view."""
    rng = np.random.default_rng(seed)
    axis, shift = (v / np.linalg.norm(v) for v in rng.standard_normal((2, 3)))
    start, size = bounding_box(case.field_of_view)
    centre = case.us.TransformContinuousIndexToPhysicalPoint([a + n / 2 for a, n in zip(start, size, strict=True)])
    versor = sitk.VersorRigid3DTransform()
    versor.SetCenter(centre)
    versor.SetRotation(axis.tolist(), math.radians(ANGLE_DEG))
    euler = sitk.Euler3DTransform()
    euler.SetCenter(centre)
    euler.SetMatrix(versor.GetMatrix())
    euler.SetTranslation((DISTANCE_MM * shift).tolist())
    return euler


def write_demo(case: SimulatedCase, seed: int, folder: Path) -> None:
    """Write the case, compactly: grey levels as whole numbers."""
    folder.mkdir(parents=True, exist_ok=True)
    motion = displacement(case, seed)
    write_sequence_of(case, folder)
    images = {}
    for name, image in case.preop.items():
        levels = image * (GREY_LEVELS / float(np.percentile(sitk.GetArrayViewFromImage(image), 99.9)))
        images[f"preop-{name}"] = displace(sitk.Cast(sitk.Clamp(levels + 0.5, upperBound=255), sitk.sitkUInt8), motion)
    images["preop-tumour"] = displace(sitk.Cast(case.preop_tumour, sitk.sitkUInt8), motion)
    for name, image in images.items():
        write_volume(image, folder / f"{name}.nii.gz")
    write_transform(motion, folder / "us-to-preop.tfm")
    points = [point.tolist() for point in landmarks(case, LANDMARKS, seed)]
    write_points(points, folder / "landmarks.mrk.json")
    write_points([motion.TransformPoint(point) for point in points], folder / "preop-landmarks.mrk.json")
    write_text(json.dumps(case.parameters, indent=1) + "\n", folder / "parameters.json")
    write_text(NOTICE.format(seed=seed), folder / "README.md")
    write_checksums(folder)


def write_points(points: Iterable[Sequence[float]], path: Path) -> None:
    """Write points (LPS mm) as a list of Slicer's."""
    control_points = [{"id": str(i + 1), "label": f"L-{i + 1}", "position": [*point]} for i, point in enumerate(points)]
    markup = {"type": "Fiducial", "coordinateSystem": "LPS", "coordinateUnits": "mm", "controlPoints": control_points}
    schema = "https://raw.githubusercontent.com/slicer/slicer/master/Modules/Loadable/Markups/Resources/Schema/markups-schema-v1.0.3.json#"
    text = json.dumps({"@schema": schema, "markups": [markup]}, indent=1)
    write_text(text + "\n", path)


def write_checksums(folder: Path) -> None:
    """Write SHA-256 of every file of the case into ``checksums.json``, by which Slicer's Sample Data verifies it."""
    files = sorted(path for path in folder.iterdir() if path.name != CHECKSUMS)
    digests = {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in files}
    write_text(json.dumps(digests, indent=1) + "\n", folder / CHECKSUMS)


def main() -> None:
    """Read the command line and write the case."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seed", type=natural, required=True)
    parser.add_argument("--output", type=Path, required=True)
    arguments = parser.parse_args()
    case = simulate_case(arguments.seed, 0.5, tumour=True)
    write_demo(case, arguments.seed, arguments.output)


if __name__ == "__main__":
    run(main)
