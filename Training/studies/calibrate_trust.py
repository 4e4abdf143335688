"""Calibrate how far a registration is trusted, and report on other cases.

python Training/studies/calibrate_trust.py --calibration CASES --report OTHERS --output DIR [--ship]

Registers simulated cases, many of them set up to fail, and keeps a JSON line a result in ``trials-*.jsonl`` (stop it
and start it again at will, with the same inputs); fits the model on the calibration's; reports on the others.
``--ship`` puts the model into the core; ``--keep`` fits none, and reports how the one that ships judges all of the
cases. Cases are what simulate.py writes, those of the report over other heads or with ``--held-out``. The figure also
shows the patient whom ``judge_patient.py`` has registered.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # where mmhvae_training lies

from mmhvae_training.script import run

from mmhvae import load_bundle
from mmhvae.bundle.shipped import starter_bundle
from mmhvae.exceptions import InputError
from mmhvae.registration import read_model
from mmhvae_training.device_option import add_device
from mmhvae_training.idle_options import Idle, fill_in, refuse_idle
from mmhvae_training.judging import Synthesiser
from mmhvae_training.number_options import natural, positive
from mmhvae_training.records import (
    checksum_of_files,
    commit,
    has_lines,
    lines_of,
    read_all_lines,
    read_json,
    refuse_other_cases,
    refuse_other_settings,
    require_same_cases,
    require_same_settings,
    run_processes,
)
from mmhvae_training.trust import (
    TEMPLATE,
    TRIAL_SHAPE,
    Source,
    draw,
    head_files,
    key_of,
    load_benchmark,
    part_of,
    patient as real,
    planned,
    read_report,
    read_rows,
    restated,
    rows_of,
    run_all,
    ship,
    simulated_cases,
    witnesses_of,
    write_report,
)

TRIALS = "trials"
REPOSITORY = Path(__file__).resolve().parents[2]
BENCHMARK = REPOSITORY / "Testing" / "benchmarks" / "registration_cases.py"
PATIENT = REPOSITORY / "Training" / "cards" / "registration" / "case2.json"
FIGURE = "trust.png"
HEAD = REPOSITORY.parent / "shared" / "data" / "tcga-fg-6692"
JOBS = 2  # where the command line does not say
IDLE = (
    Idle(
        ("cache", "benchmark", "head", "device", "jobs"),
        lambda given: given.tables,
        "--tables makes tables of the trials that are there, without any registration;",
    ),
)


def find(folder: Path, count: int) -> dict[str, Path]:
    """Name -> folder of the first cases.

    Raises:
        InputError: there are fewer than two, and another patient's MR is needed.
    """
    found = sorted(path.parent for path in folder.glob("case-*/parameters.json"))[:count]
    if len(found) < 2:
        raise InputError(f"{folder} holds fewer than two cases; give a folder that simulate.py wrote.")
    return {path.name: path for path in found}


def if_there(given: Path | None, usual: Path) -> Path | None:
    """What was named, or what is used unless something is; None where that is not there.

    Raises:
        InputError: what was named is not there.
    """
    if given is not None and not given.exists():
        raise InputError(f"There is no {given}; name another, or leave the option out.")
    return given or (usual if usual.exists() else None)


def head_of(case: Path) -> str:
    """Whose head the sweep of a case goes over: a patient's name, or the template."""
    drawn = read_json(case / "parameters.json", dict, "simulate the case again.").get("head")
    return TEMPLATE if drawn is None else str(drawn["name"])


def both(calibration: Mapping[str, Path], report: Mapping[str, Path]) -> dict[str, Path]:
    """Name -> folder of all cases.

    Raises:
        InputError: two have one name, by which trials know their case.
    """
    twice = sorted(calibration.keys() & report.keys())
    if twice:
        raise InputError(f"Calibration and report both have a {twice[0]}; simulate one of them with other seeds.")
    return {**calibration, **report}


def beside_cases(benchmark: Path | None, head: Path | None) -> dict[str, str | None]:
    """What else trials are of: name -> checksum, None where it is not there."""
    return {
        "benchmark": None if benchmark is None else checksum_of_files([benchmark]),
        "head": None if head is None else checksum_of_files(head_files(head).values()),
    }


def require_same_trials(
    output: Path, synthesise: Synthesiser, cases: Mapping[str, Path], beside: Mapping[str, str | None] | None
) -> None:
    """See that a folder's trials are of one network, of these cases, and of what is ``beside`` them.

    None adds no trials: older ones do not say what they are of.
    """
    network = {"bundle": synthesise.weights, "samples": synthesise.samples}
    done = simulated_cases(read_all_lines(output, TRIALS, TRIAL_SHAPE))
    files = {name: [folder] for name, folder in cases.items()}
    if beside is None:
        refuse_other_settings(output, network)
        refuse_other_cases(output, files, done)
    else:
        require_same_settings(output, {**network, **beside}, has_lines(output, TRIALS))
        require_same_cases(output, files, done)


def arguments_of_command() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--calibration", type=Path, required=True, help="folder with case-* of the training range")
    parser.add_argument("--report", type=Path, required=True, help="folder with case-* made with --held-out")
    parser.add_argument("--count", type=positive, nargs=2, default=(10, 14), help="cases of calibration and report")
    parser.add_argument("--bundle", type=Path, help="default: the starter")
    parser.add_argument("--cache", type=Path, help="folder that keeps syntheses; default: OUTPUT/syntheses")
    parser.add_argument("--benchmark", type=Path, help="default: the repository's, if it is there")
    parser.add_argument(
        "--head", type=Path, help="another patient's MRs; default: one beside the repository, if it is there"
    )
    parser.add_argument("--patient", type=Path, help="rows of judge_patient.py; default: the card's, if they are there")
    parser.add_argument("--output", type=Path, required=True)
    add_device(parser)
    parser.add_argument("--jobs", type=positive, help=f"processes, of one thread each (default {JOBS})")
    parser.add_argument("--part", type=natural, help=argparse.SUPPRESS)
    parser.add_argument("--remark", default="", help="a sentence that the report has to say")
    parser.add_argument("--tables", action="store_true", help="from the lines that are there, without registering")
    what = parser.add_mutually_exclusive_group()
    what.add_argument("--ship", action="store_true", help="write the model into the core, too")
    what.add_argument("--keep", action="store_true", help="fit none: report on the model that ships")
    arguments = parser.parse_args()
    refuse_idle(arguments, IDLE)
    fill_in(arguments, jobs=JOBS)
    return arguments


def main() -> None:
    """Do what is not done yet, fit, report."""
    arguments = arguments_of_command()
    patient = if_there(arguments.patient, PATIENT)
    benchmark, head = if_there(arguments.benchmark, BENCHMARK), if_there(arguments.head, HEAD)
    calibration, report = (
        find(folder, n) for folder, n in zip((arguments.calibration, arguments.report), arguments.count, strict=True)
    )
    cases = both(calibration, report)
    bundle = load_bundle(arguments.bundle or starter_bundle())
    cache = arguments.cache or arguments.output / "syntheses"
    synthesise = Synthesiser(bundle, cache, device=arguments.device)
    if arguments.part is None:
        made = {"commit": commit(), "syntheses": synthesise.settings, "remark": arguments.remark}
        heads = {name: head_of(folder) for name, folder in cases.items()}
        beside = None if arguments.tables else beside_cases(benchmark, head)
        require_same_trials(arguments.output, synthesise, cases, beside)
        if not arguments.tables:
            run_processes(sys.argv[1:], arguments.jobs)
        known = bundle.manifest.strength  # it may have been rated since the trials
        rows = [
            restated(row, witnesses_of(row, known)) | {"head": heads.get(row["case"])}  # none is the benchmark's
            for row in rows_of(read_all_lines(arguments.output, TRIALS, TRIAL_SHAPE), calibration, report)
        ]
        model = write_report(rows, arguments.output, made, read_model() if arguments.keep else None)
        others = read_rows(patient, real.ROW_SHAPE) if patient is not None else []
        draw(read_report(arguments.output)[0], others, model, arguments.output / FIGURE)
        if arguments.ship:
            ship(arguments.output)
        return
    make = load_benchmark(benchmark) if benchmark is not None else None
    todo = planned(list(calibration), list(report), make is not None, head is not None)
    run_all(
        part_of(todo, arguments.part, arguments.jobs),
        Source(cases, synthesise, make, head),
        {key_of(row) for row in read_all_lines(arguments.output, TRIALS, TRIAL_SHAPE)},
        lines_of(arguments.output, TRIALS, arguments.part),
        arguments.device,
    )


if __name__ == "__main__":
    run(main)
