"""Register a real patient by every route from many starts, and table errors beside trust's verdicts.

python Training/studies/judge_patient.py --real ../shared/data/resect --patient Case2 \\
    --output Training/cards/registration

The MRs lie where the navigation put them (``NAME-MODALITY-navigation.nii.gz``); ``landmarks`` say where they belong.
A JSON line a registration is kept (stop it and start it again at will, with the same bundle and files), and NAME.csv,
.md and .json are made from them; ``--tables`` makes the tables alone anew, as after another calibration of trust.
"""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")  # before torch is imported
sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # where mmhvae_training lies

from mmhvae_training.script import run

from mmhvae import load_bundle
from mmhvae.bundle import Bundle, starter_bundle
from mmhvae.exceptions import InputError
from mmhvae.registration import read_model
from mmhvae_training.idle_options import Idle, refuse_idle
from mmhvae_training.judging import NAVIGATION, find_pairs, navigation_files
from mmhvae_training.records import (
    SETTINGS,
    checksum_of_files,
    has_lines,
    lines_of,
    read_all_lines,
    require_same_settings,
    write_line,
)
from mmhvae_training.single_precision import synthesize
from mmhvae_training.trust import patient as real, read_rows, restated, witnesses_of, write_rows

IDLE = (Idle(("bundle",), lambda given: given.tables, "--tables makes the tables of NAME.json alone;"),)


def main() -> None:
    """Read the command line, register what is not done yet, write the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--real", type=Path, required=True, help="folder with the patient's images and landmarks")
    parser.add_argument("--patient", required=True, help="NAME")
    parser.add_argument("--bundle", type=Path, help="default: the starter")
    parser.add_argument("--output", type=Path, required=True)
    parser.add_argument("--tables", action="store_true", help="from NAME.json alone, without any registration")
    arguments = parser.parse_args()
    refuse_idle(arguments, IDLE)
    name = arguments.patient.lower()
    pairs = find_pairs(arguments.real, [arguments.patient], [NAVIGATION])
    patient = real.read_patient(arguments.real, pairs)
    kept = arguments.output / f"{name}.json"
    if arguments.tables:
        if not kept.is_file():
            raise InputError(f"There is no {kept}; leave --tables out, so that it is made.")
        rows = read_rows(kept, real.ROW_SHAPE)
    else:
        bundle = load_bundle(arguments.bundle or starter_bundle())
        files = checksum_of_files(navigation_files(arguments.real, arguments.patient))
        made = registered(patient, bundle, arguments.output, name, files)
        rows = [restated(row, witnesses_of(row, bundle.manifest.strength)) for row in made]
        write_rows(rows, kept)
    model = read_model()
    real.write_csv(rows, model, arguments.output / f"{name}.csv")
    real.write_words(rows, model, patient, arguments.output / f"{name}.md")
    print(real.summary(rows, model))


def registered(patient: real.Patient, bundle: Bundle, output: Path, name: str, files: str) -> list[real.Row]:
    """The rows of all registrations, those done before with the same bundle and files (a checksum) included."""
    settings = {"bundle": bundle.manifest.weights_sha256, "files": files}
    require_same_settings(output, settings, has_lines(output, name), f"{name}-{SETTINGS}")
    targets, made, path = [pair.modality for pair in patient.pairs], None, lines_of(output, name, 0)
    done = {real.key_of(row) for row in read_all_lines(output, name, real.ROW_SHAPE)}
    for asked, number, start in real.planned(patient):
        if (asked.method, asked.prior, number) not in done:
            made = made or synthesize(bundle, {"us": patient.pairs[0].us}, targets, settings=asked.synthesis)
            row = {"start": number} | real.outcome(patient, bundle, made, asked, start)
            write_line(path, row)
            print(f"{row['route']} from {row['start_mm']} mm: {row['error_mm']} mm, {row['reason']}", flush=True)
    return read_all_lines(output, name, real.ROW_SHAPE)


if __name__ == "__main__":
    run(main)
