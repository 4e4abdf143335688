"""Make nnU-Net data sets of ultrasound and tumours out of sweeps over labelled heads, for segment.py.

python Training/simulate.py --real-heads brats --tumour with --template-share 0 --count 60 --output sweeps
python Training/make_segmentation_dataset.py --cases sweeps --simulator --output nnunet/Dataset100_Simulator
python Training/make_segmentation_dataset.py --cases sweeps --bundle B --output nnunet/Dataset101_MMHVAE
python Training/make_segmentation_dataset.py --cases sweeps --run runs/resvit --output nnunet/Dataset102_ResViT

python Training/make_segmentation_dataset.py --cases RESECT --labelled resect-seg --labels RESECT_segmentation \\
    --output nnunet/Dataset110_RESECT

Each sweep's ultrasound is made of a random non-empty subset of the head's MRs; the same seed draws the same subsets for
every method. Sweeps that see no tumour, or less than outlines keep, are left out. Folds keep heads whole. Work that was
stopped goes on.
Labelled real ultrasound, for the supervised reference, becomes a data set as it is.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from mmhvae_training.script import run

import SimpleITK as sitk
from mmhvae import load_bundle
from mmhvae.exceptions import InputError
from mmhvae.images import image_on, read_volume, same_grid
from mmhvae.overlays import overlay, read_segmentation
from mmhvae_training.device_option import add_device, device_of_table
from mmhvae_training.idle_options import Idle, fill_in, refuse_idle
from mmhvae_training.number_options import natural
from mmhvae_training.records import require_same_cases, require_same_settings
from mmhvae_training.ultrasound_tumours import (
    LAYOUTS,
    BundleMaker,
    LabelledUltrasound,
    Maker,
    Origin,
    SimulatorMaker,
    draw_subset,
    find_cases,
    folds_by_head,
    is_written,
    number_of,
    read_folds,
    read_labelled_sweep,
    run_maker,
    sweep_folders,
    write_case,
    write_description,
    written_cases,
)

#: What a data set is begun with: it goes on with the same alone.
BEGUN = "begun.json"
IDLE = (
    Idle(
        ("labels",),
        lambda given: given.labelled != "resect-seg",
        "--labels belongs to --labelled resect-seg; give that, or",
    ),
    Idle(("device",), lambda given: given.simulator or given.labelled is not None, "No network has to be run;"),
    Idle(
        ("seed",),
        lambda given: (given.simulator or given.labelled is not None) and not given.folds.isdecimal(),
        "Nothing is drawn, with ultrasound as it is and folds of your own;",
    ),
)


def maker_of(arguments: argparse.Namespace) -> Maker:
    """The one that was asked for."""
    if arguments.simulator:
        return SimulatorMaker()
    if arguments.bundle is not None:
        bundle = load_bundle(arguments.bundle)
        if "us" not in bundle.network.config.modalities:
            raise InputError(f"The bundle {arguments.bundle} makes no ultrasound; choose one that does.")
        return BundleMaker(bundle, arguments.device)
    return run_maker(arguments.run, device_of_table(arguments.device))


def require_same_beginning(folder: Path, facts: dict[str, Any], cases: dict[str, list[Path]]) -> None:
    """A data set mixes no two methods or seeds, nor two cases of one name; ``cases`` by name, their files."""
    require_same_settings(folder, facts, folder.is_dir() and any(folder.iterdir()), BEGUN)
    require_same_cases(folder, cases, written_cases(folder))


def add_sweep(folder: Path, output: Path, maker: Maker, seed: int) -> tuple[str, Origin] | None:
    """Add one sweep to the data set, unless it is there; None where it sees no tumour."""
    sweep = read_labelled_sweep(folder)
    if not sweep.has_tumour():
        print(f"{sweep.name} is left out: it sees no tumour.", flush=True)
        return None
    available = [name for name in maker.inputs if name in sweep.contrasts]
    if maker.inputs and not available:
        raise InputError(f"{folder} has none of {', '.join(maker.inputs)}, of which the ultrasound is to be made.")
    subset = draw_subset(available, sweep.name, seed)
    if not is_written(output, sweep.name):
        write_case(output, sweep.name, maker.make(sweep, subset, seed), sweep.tumour)
    print(sweep.name, sweep.head, "+".join(subset), flush=True)
    return sweep.name, Origin(sweep.head, subset)


def add_real(case: LabelledUltrasound, output: Path) -> tuple[str, Origin]:
    """Add one real ultrasound with its annotated tumour, unless it is there."""
    if not is_written(output, case.name):
        image, tumour = read_volume(case.image, "ultrasound"), read_segmentation(case.label).mask
        if not same_grid(tumour, image):
            tumour = overlay(tumour, sitk.Transform(3, sitk.sitkIdentity), image)[0]
        if not sitk.GetArrayViewFromImage(tumour).any():
            raise InputError(f"The tumour {case.label} lies outside its ultrasound; take the case out.")
        write_case(output, case.name, image, image_on(sitk.GetArrayFromImage(tumour), image))
    print(case.name, flush=True)
    return case.name, Origin(case.name)


def add_sweeps(arguments: argparse.Namespace) -> tuple[dict[str, Origin], dict[str, Any]]:
    """Every case's origin, and what the data set is made of."""
    output = arguments.output
    if arguments.labelled is not None:
        facts = {"method": "real ultrasound", "layout": arguments.labelled, "seed": arguments.seed}
        cases = find_cases(arguments.labelled, arguments.cases, arguments.labels)
        require_same_beginning(output, facts, {case.name: [case.image, case.label] for case in cases})
        return dict(add_real(case, output) for case in cases), facts
    maker, folders = maker_of(arguments), sweep_folders(arguments.cases)
    facts = {**maker.facts, "seed": arguments.seed, "simulated_heads": True}
    require_same_beginning(output, facts, {sweep.name: [sweep] for sweep in folders})
    found = [add_sweep(folder, output, maker, arguments.seed) for folder in folders]
    return dict(each for each in found if each is not None), facts


def main() -> None:
    """Add every sweep, then describe them all."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cases", type=Path, required=True, help="folder that simulate.py filled, or of --labelled")
    source = parser.add_mutually_exclusive_group(required=True)
    source.add_argument("--simulator", action="store_true", help="the simulated ultrasound itself")
    source.add_argument("--bundle", type=Path, help="bundle folder, zip, or released .pth")
    source.add_argument("--run", type=Path, help="folder of train.py or train_baseline.py")
    source.add_argument("--labelled", choices=LAYOUTS[1:], help="real ultrasound with annotated tumours, as it is")
    parser.add_argument("--labels", type=Path, help="resect-seg: folder of the label maps (default: --cases)")
    parser.add_argument("--folds", default="5", help="how many, or a splits_final.json of your own (default: 5)")
    parser.add_argument("--seed", type=natural, help="of subsets, noise and folds (default 0)")
    add_device(parser)
    parser.add_argument("--output", type=Path, required=True, help="folder named like Dataset101_Starter")
    arguments = parser.parse_args()
    refuse_idle(arguments, IDLE)
    fill_in(arguments, seed=0)
    number_of(arguments.output.name)
    origins, facts = add_sweeps(arguments)
    if not origins:
        raise InputError(f"No sweep of {arguments.cases} sees a tumour; simulate some with --tumour with.")
    heads = {case: origin.head for case, origin in origins.items()}
    if arguments.folds.isdecimal():
        folds = folds_by_head(heads, int(arguments.folds), arguments.seed)
    else:
        folds = read_folds(Path(arguments.folds), heads)
    write_description(arguments.output, origins, folds, facts)
    print(f"{arguments.output}: {len(origins)} sweeps of {len(set(heads.values()))} heads in {len(folds)} folds.")


if __name__ == "__main__":
    run(main)
