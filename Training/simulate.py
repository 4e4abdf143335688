"""Write simulated co-registered cases as NIfTI volumes with a JSON of everything drawn, and their tracked sweeps."""

from __future__ import annotations

import argparse
import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mmhvae_training.script import run

import numpy as np
import SimpleITK as sitk
from mmhvae.exceptions import InputError
from mmhvae.files import whole_file, whole_folder, write_text
from mmhvae.images import write_transform, write_volume
from mmhvae.sweep import write_sequence
from mmhvae_training.data.splits import SPLITS, TRAIN, read_splits
from mmhvae_training.idle_options import Idle, fill_in, refuse_idle
from mmhvae_training.number_options import millimetres, natural, positive, share
from mmhvae_training.records import differing, read_json
from mmhvae_training.simulation import (
    RealHead,
    SimulatedCase,
    head_folders,
    landmarks,
    load_real_head,
    simulate_case,
)

PARAMETERS = "parameters.json"
ASKED = "asked"  # among the parameters: the options that decide what a case is
TEMPLATE_SHARE = 0.25  # of the cases beside real heads
IDLE = (
    Idle(
        ("splits", "split", "template-share"),
        lambda given: given.real_heads is None,
        "There is one template; give --real-heads, or",
    ),
    Idle(("split",), lambda given: given.splits is None, "--split is one of those of --splits; give that, too, or"),
)


def write_case(case: SimulatedCase, folder: Path, asked: dict[str, Any]) -> None:
    """Write the images, landmarks (LPS mm, in the sweep's volume and on the MR) and parameters into ``folder``.

    ``asked`` is what the case was made with, to be told from another one of its name.
    With brain shift also ``us-to-preop.h5``: points of the sweep -> points of the MR, LPS mm.
    """
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
        ASKED: asked,
    }
    write_text(json.dumps(text, indent=2) + "\n", folder / PARAMETERS)


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
    with whole_file(folder / "image-to-probe.txt") as temporary:
        np.savetxt(temporary, tracked.image_to_probe, fmt="%.10g")


def write_true_poses(case: SimulatedCase, folder: Path) -> None:
    """Write where the frames truly lay: a 4 x 4 matrix (RAS mm) for each frame of the sequence."""
    true = json.dumps(case.true_image_to_reference.tolist())
    write_text(true + "\n", folder / "true-image-to-reference.json")


@dataclass(frozen=True)
class Heads:
    """Real heads to draw from; ``template_share`` of the cases are of the template nevertheless."""

    folders: list[Path]
    template_share: float

    def drawn(self, seed: int) -> RealHead | None:
        """The head of a case, or None for the template; heads whose tissue maps failed are passed over.

        Raises:
            InputError: all of them failed.
        """
        rng = np.random.default_rng((seed, 10))
        if rng.random() < self.template_share:
            return None
        for number in rng.permutation(len(self.folders)):
            head = load_real_head(self.folders[int(number)])
            if head.doubt is None:
                return head
            print(f"{head.name} is left out: {head.doubt}", flush=True)
        raise InputError(
            "The tissue maps of every head failed; choose heads with T1, T2, ceT1 and FLAIR of good contrast."
        )


def find_heads(folder: Path, splits: Path | None, split: str, template_share: float) -> Heads:
    """The heads of ``folder`` that the CSV ``splits`` (case,split) puts into ``split``; all of them without one.

    Raises:
        InputError: there is none.
    """
    folders = head_folders(folder)
    if splits is not None:
        chosen = read_splits(splits)
        folders = [path for path in folders if chosen.get(path.name) == split]
        if not folders:
            raise InputError(f"{splits} puts no head of {folder} into '{split}'; choose another split or folder.")
    return Heads(folders, template_share)


def arguments_of_command() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seed", type=natural, default=0, help="of the first case; the next ones count upwards")
    parser.add_argument("--count", type=positive, default=1, help="number of cases")
    parser.add_argument("--spacing", type=millimetres, default=0.5, help="of the ultrasound's grid, mm")
    parser.add_argument("--tumour", choices=("with", "without"), help="of every case; by default as drawn")
    parser.add_argument("--held-out", action="store_true", help="settings that no training case ever has")
    parser.add_argument("--brain-shift", action="store_true", help="between the pre-operative MR and the sweep")
    parser.add_argument("--ventricle", action="store_true", help="aim every sweep at the nearest ventricle")
    parser.add_argument("--real-heads", type=Path, help="folder of patients as BraTS names them; one is drawn a case")
    parser.add_argument("--splits", type=Path, help="CSV with case,split: which of them serve for what")
    parser.add_argument("--split", choices=SPLITS, help=f"of the heads; with --splits (default {TRAIN})")
    beside = f"of the cases beside --real-heads (default {TEMPLATE_SHARE})"
    parser.add_argument("--template-share", type=share, help=beside)
    parser.add_argument("--sweep", action="store_true", help="write the tracked frames, too")
    parser.add_argument("--output", type=Path, required=True, help="folder that receives one folder a case")
    return parser.parse_args()


def asked_of(arguments: argparse.Namespace, heads: Heads | None) -> dict[str, Any]:
    """The options that decide what the case of a seed is; heads by a checksum of their names."""
    names = ("spacing", "tumour", "held_out", "brain_shift", "ventricle", "sweep", "template_share")
    drawn_from = hashlib.sha256("\n".join(path.name for path in heads.folders).encode()).hexdigest() if heads else None
    return {name: getattr(arguments, name) for name in names} | {"heads": drawn_from}


def is_there(folder: Path, asked: dict[str, Any]) -> bool:
    """Whether a case is there already, whole.

    Raises:
        InputError: it was made with other options, or does not say with which; or something else is there.
    """
    if not (folder / PARAMETERS).exists():
        if folder.is_dir() and any(folder.iterdir()):
            raise InputError(f"{folder} holds no whole case; remove it, or choose another folder for --output.")
        return False
    before = read_json(folder / PARAMETERS, dict, "remove the case's folder.").get(ASKED)
    if before is None:
        raise InputError(f"{folder} does not say what it was made with; choose another folder for --output.")
    different = differing(before, asked)
    if different:
        said = ", ".join(name.replace("_", " ") for name in different)
        raise InputError(f"{folder} was made with other {said}; choose another folder for --output.")
    return True


def main() -> None:
    """Write the cases one after the other; those that the same options made already are left as they are."""
    arguments = arguments_of_command()
    refuse_idle(arguments, IDLE)
    fill_in(arguments, split=TRAIN, template_share=TEMPLATE_SHARE)
    heads = None
    if arguments.real_heads:
        heads = find_heads(arguments.real_heads, arguments.splits, arguments.split, arguments.template_share)
    tumour, asked = None if arguments.tumour is None else arguments.tumour == "with", asked_of(arguments, heads)
    cases = {
        seed: arguments.output / f"case-{seed:05d}" for seed in range(arguments.seed, arguments.seed + arguments.count)
    }
    wanted = {seed: folder for seed, folder in cases.items() if not is_there(folder, asked)}
    for seed, folder in wanted.items():
        case = simulate_case(
            seed,
            arguments.spacing,
            tumour,
            held_out=arguments.held_out,
            brain_shift=arguments.brain_shift,
            at_ventricle=arguments.ventricle,
            head=heads.drawn(seed) if heads else None,
        )
        with whole_folder(folder) as temporary:
            if arguments.sweep:
                write_sequence_of(case, temporary)
                write_true_poses(case, temporary)
            write_case(case, temporary, asked)
        print(folder, flush=True)


if __name__ == "__main__":
    run(main)
