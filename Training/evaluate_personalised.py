"""The second paper's tables from runs of train_personalised.py, beside its numbers, several runs compared.

python Training/evaluate_personalised.py transfer runs/all runs/plain --data BRATS --split S.json --output E
python Training/evaluate_personalised.py subsets runs/all-tumour --data BRATS --split S.json --output E
python Training/evaluate_personalised.py lesions runs/all-lesions --data prepared --split prepared/split.json --output E

``transfer`` makes all modalities of each alone (Tables 1, 2, 8, 9), ``subsets`` outlines tumours with every subset of
modalities (Tables 3, 10). Of what prepare_pet_ct.py wrote: ``pet-ct-transfer`` (Tables 4, 6), ``lesions`` (5, 7). Every
patient's scores lie in ``E/RUN/transfer/PATIENT.csv``, the table in ``E/transfer.md``. An evaluation that was stopped
goes on where it was.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from mmhvae_training.script import run

from mmhvae.compute import kept_heap
from mmhvae.exceptions import InputError
from mmhvae.files import write_text
from mmhvae_training.device_option import add_device, device_of_table
from mmhvae_training.judging.personalised import (
    PROTOCOLS,
    LesionScore,
    Predict,
    SubsetScore,
    TransferScore,
    lesion_report,
    score_lesions,
    score_subsets,
    score_transfer,
    subset_report,
    transfer_report,
)
from mmhvae_training.personalised import (
    VALIDATION_OVERLAP,
    PatientVolume,
    TrainedNetwork,
    load_run,
    predict,
    read_volume,
    within_foreground,
)
from mmhvae_training.records import read_rows, require_same_cases, require_same_settings, write_rows
from mmhvae_training.segmentation import named_patients

Options = argparse.Namespace
Scored = Mapping[str, Sequence[Any]]


@dataclass(frozen=True)
class Table:
    """A command: which runs it takes, how a patient is scored, and what is written of all.

    Args:
        classes: that the runs' networks have; None: of those that make images.
        row: what a patient's CSV holds.
    """

    about: str
    classes: int | None
    row: type
    score: Callable[[TrainedNetwork, PatientVolume, Predict, Options], Sequence[Any]]
    report: Callable[[Scored, str, Options], str]


TABLES = {
    "transfer": Table(
        "Tables 1, 2, 8, 9: PSNR, NMSE and SSIM of all modalities made of each",
        None,
        TransferScore,
        lambda run, volume, seen, options: score_transfer(seen, volume, run.config.modalities, options.protocol),
        lambda rows, above, options: transfer_report(rows, above, options.protocol),
    ),
    "pet-ct-transfer": Table(
        "Tables 4 and 6: the same of PET/CT, or of NAC-PET, AC-PET and CT",
        None,
        TransferScore,
        lambda run, volume, seen, options: score_transfer(seen, volume, run.config.modalities, options.protocol),
        lambda rows, above, options: transfer_report(rows, above, options.protocol, pet_ct=True),
    ),
    "subsets": Table(
        "Tables 3 and 10: Dice of tumour regions by every subset of modalities",
        4,
        SubsetScore,
        lambda run, volume, seen, options: score_subsets(seen, volume, run.config.modalities, run.spacing),
        lambda rows, above, options: subset_report(rows, above),
    ),
    "lesions": Table(
        "Tables 5 and 7: Dice and rates of detection of lesions in PET/CT",
        2,
        LesionScore,
        lambda run, volume, seen, options: score_lesions(seen, volume),
        lambda rows, above, options: lesion_report(rows, above),
    ),
}


def load_runs(folders: Sequence[Path], command: str) -> dict[str, TrainedNetwork]:
    """The runs by their folders' names.

    Raises:
        InputError: two of one name, one that the command is not for, or runs of different modalities.
    """
    if len({folder.resolve().name for folder in folders}) < len(folders):
        raise InputError("Two runs have folders of the same name; rename one, it names its run.")
    runs = {folder.resolve().name: load_run(folder) for folder in folders}
    classes = TABLES[command].classes
    for name, found in runs.items():
        if found.config.classes != classes:
            needed = "makes images" if classes is None else f"has {classes} classes"
            raise InputError(
                f"{name} is a run of task {found.facts['task']}; {command} takes one whose network {needed}."
            )
    if len({found.config.modalities for found in runs.values()}) > 1:
        raise InputError("The runs are of different modalities; compare such as have the same ones.")
    return runs


def score_run(name: str, run: TrainedNetwork, patients: Sequence[str], options: Options) -> list[Any]:
    """All patients' scores; those that are there already are read."""
    table, folder = TABLES[options.command], options.output / name / options.command
    settings = {**run.facts, "spacing_mm": run.spacing, "crop": list(run.config.crop), "overlap": options.overlap}
    if "protocol" in options:
        settings["protocol"] = list(options.protocol)
    done = [path.stem for path in folder.glob("*.csv")]
    require_same_settings(folder, settings, begun=bool(done))
    require_same_cases(folder, {patient: [options.data / patient] for patient in patients}, done)
    run.network.to(options.device)
    seen = partial(predict, run.network, overlap=options.overlap)
    rows = []
    for patient in patients:
        path = folder / f"{patient}.csv"
        if not path.exists():
            volume = read_volume(options.data / patient, run.config, run.spacing)
            write_rows(table.score(run, within_foreground(volume, run.config.crop), seen, options), path)
        rows += read_rows(table.row, path)
        print(name, patient, flush=True)
    return rows


def evaluate(options: Options) -> None:
    """Score every run, then write the table."""
    runs, patients = load_runs(options.runs, options.command), named_patients(options.split, options.part)
    with kept_heap():
        scored = {name: score_run(name, run, patients, options) for name, run in runs.items()}
    text = TABLES[options.command].report(scored, told(runs, len(patients), options), options)
    write_text(text, options.output / f"{options.command}.md")
    print(text)


def told(runs: Mapping[str, TrainedNetwork], patients: int, options: Options) -> str:
    """What stands above the table."""
    spacings = " and ".join(sorted({f"{run.spacing} mm" for run in runs.values()}))
    which = "; ".join(f"{name}: {run.facts['task']}, step {run.facts['step']}" for name, run in runs.items())
    return (
        f"{patients} patients ({options.part}), {spacings}, in the box around each patient; sliding windows, overlap "
        f"{options.overlap:g}. Mean (standard deviation) over patients. {which}."
    )


def parser() -> argparse.ArgumentParser:
    """One command a table."""
    common = argparse.ArgumentParser(add_help=False)
    common.add_argument("runs", type=Path, nargs="+", help="folders that train_personalised.py wrote")
    common.add_argument("--data", type=Path, required=True, help="folder of BraTS' layout, or prepared")
    common.add_argument("--split", type=Path, required=True, help="JSON with lists of names")
    common.add_argument("--part", default="judge", help="which list of the split")
    common.add_argument("--overlap", type=overlap, default=VALIDATION_OVERLAP, help="of windows, of their side")
    add_device(common)
    common.add_argument("--output", type=Path, required=True, help="folder for scores and tables")
    top = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = top.add_subparsers(required=True, dest="command", metavar="|".join(TABLES))
    for name, table in TABLES.items():
        command = commands.add_parser(name, parents=[common], help=table.about)
        if table.row is TransferScore:
            command.add_argument("--protocol", choices=PROTOCOLS, nargs="+", default=PROTOCOLS, help="default: all")
    return top


def overlap(text: str) -> float:
    """A share from 0 to below 1."""
    value = float(text)
    if not 0 <= value < 1:
        raise argparse.ArgumentTypeError(f"it is {text}; give a number from 0 to below 1, such as 0.5.")
    return value


def main() -> None:
    """Read the command line and run the command."""
    options = parser().parse_args()
    options.device = device_of_table(options.device)
    evaluate(options)


if __name__ == "__main__":
    run(main)
