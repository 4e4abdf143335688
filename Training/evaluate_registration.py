"""Register through the simulator from end to end, as the paper's Table 3 does: straight to the iUS, and by synthesis.

python Training/evaluate_registration.py --cases HELD_OUT --output DIR
python Training/evaluate_registration.py --cases HELD_OUT --run runs/resvit --output registration/resvit
python Training/evaluate_registration.py --compare registration/mmhvae registration/resvit --output by-method.md

Writes one JSON line a case and method as soon as it is known, and skips those that are there already with the same
prior: stop it and start it again at will. A folder belongs to one network. The tables compare the cases that all
methods have done.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from mmhvae_training.script import run

from mmhvae import load_bundle
from mmhvae.bundle.shipped import starter_bundle
from mmhvae.exceptions import InputError
from mmhvae.files import write_text
from mmhvae.settings import NAVIGATION, PosePrior
from mmhvae_training.device_option import add_device, device_of_table
from mmhvae_training.idle_options import Idle, fill_in, refuse_idle
from mmhvae_training.judging import (
    ERRORS_SHAPE,
    SINGLE,
    SPACING,
    TABLE,
    WORDS,
    Method,
    RunSynthesiser,
    Synthesiser,
    Synthesises,
    compare_registrations,
    evaluate,
    load_case,
    methods,
    read_registrations,
    summary,
    words,
    write_csv,
)
from mmhvae_training.number_options import natural, positive
from mmhvae_training.records import (
    commit,
    has_lines,
    lines_of,
    read_all_lines,
    require_same_cases,
    require_same_settings,
    run_processes,
    write_line,
)
from mmhvae_training.scoring import volumes_of_run

LINES = "lines"
SHAPE = {"case": str, "method": str, "?prior": (None, PosePrior), "tre": ERRORS_SHAPE}
COUNT, JOBS = 40, 2  # where the command line does not say
IDLE = (
    Idle(
        ("count", "bundle", "run", "cache", "lc2", "prior", "jobs", "device"),
        lambda given: given.compare is not None,
        "--compare reads what was registered before;",
    ),
)


def lines_with(prior: dict[str, float] | None, output: Path) -> list[dict[str, Any]]:
    """The lines that are there and say that they were made with this prior."""
    return [row for row in read_all_lines(output, LINES, SHAPE) if "prior" in row and row["prior"] == prior]


def write_tables(output: Path, wanted: set[str], todo: set[str], provenance: dict[str, Any]) -> str:
    """Markdown, JSON and CSV from the lines; returns the Markdown."""
    rows = [r for r in lines_with(provenance["prior"], output) if r["case"] in wanted and r["method"] in todo]
    found = summary(rows)
    numbers = [int(case.split("-")[-1]) for case in found["cases"]] or [0]
    found["provenance"] = provenance | {"seeds": f"{min(numbers)} to {max(numbers)}", "spacing_mm": SPACING}
    text = words(found)
    write_text(json.dumps(found, indent=1) + "\n", output / TABLE)
    write_text(text, output / WORDS)
    write_csv([row for row in rows if row["case"] in found["cases"]], output / SINGLE)
    return text


def prior_of(deviations: Sequence[float] | None) -> PosePrior | None:
    """The prior with these deviations (mm, degrees); without any none, and the panel's where nothing was asked for.

    Raises:
        InputError: there is one number, or there are more than two.
    """
    if deviations is None:
        return NAVIGATION
    if len(deviations) not in (0, 2):
        raise InputError("--prior takes two numbers, mm and degrees, or none for no prior.")
    return PosePrior(*deviations) if deviations else None


def synthesiser_of(arguments: argparse.Namespace) -> tuple[Synthesises, str]:
    """What makes the MRs, and its name in the table's words."""
    cache = arguments.cache or arguments.output / "syntheses"
    if arguments.run is not None:
        made = volumes_of_run(arguments.run, device_of_table(arguments.device))
        of_run = RunSynthesiser(made, cache)
        facts = made.facts
        return of_run, f"Run {facts['run']} of {facts['method']}, {facts['step']} steps, weights {of_run.weights[:16]}"
    bundle = load_bundle(arguments.bundle or starter_bundle())
    return Synthesiser(bundle, cache, device=arguments.device), f"Bundle {bundle.manifest.weights_sha256[:16]}"


def compare(folders: Sequence[Path], output: Path) -> None:
    """Write Table 3 by method; a method is named by its folder."""
    names = [folder.resolve().name for folder in folders]
    if len(set(names)) < len(names):
        raise InputError("Two folders have the same name; rename one, it names its method.")
    found = {name: read_registrations(folder) for name, folder in zip(names, folders, strict=True)}
    text = compare_registrations(found)
    write_text(text, output)
    print(text)


def parser() -> argparse.ArgumentParser:
    """Two ways: cases are registered, or folders of registrations compared."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    what = parser.add_mutually_exclusive_group(required=True)
    what.add_argument("--cases", type=Path, help="folder with case-* made with --held-out")
    what.add_argument("--compare", type=Path, nargs="+", metavar="DIR", help="folders this script wrote, one a method")
    parser.add_argument(
        "--count", type=positive, help=f"of cases, the first ones; each at all four ranges (default {COUNT})"
    )
    source = parser.add_mutually_exclusive_group()
    source.add_argument("--bundle", type=Path, help="default: the starter")
    source.add_argument("--run", type=Path, help="folder of train.py or train_baseline.py, judged slice by slice")
    parser.add_argument("--cache", type=Path, help="folder that keeps syntheses; default: OUTPUT/syntheses")
    parser.add_argument("--lc2", action="store_true", help="LC2 straight to the iUS, too")
    parser.add_argument(
        "--prior",
        type=float,
        nargs="*",
        metavar="MM DEG",
        help="how far the start may be off, standard deviations; nothing: no prior; default: the panel's",
    )
    parser.add_argument("--output", type=Path, required=True, help="folder; with --compare a Markdown file")
    parser.add_argument("--jobs", type=positive, help=f"processes, of one thread each (default {JOBS})")
    parser.add_argument("--part", type=natural, help=argparse.SUPPRESS)
    add_device(parser)
    return parser


def main() -> None:
    """Read the command line, do what is not done yet, write the tables."""
    arguments = parser().parse_args()
    refuse_idle(arguments, IDLE)
    fill_in(arguments, count=COUNT, jobs=JOBS)
    if arguments.compare:
        compare(arguments.compare, arguments.output)
        return
    folders = sorted(path.parent for path in arguments.cases.glob("case-*/parameters.json"))[: arguments.count]
    if not folders:
        raise InputError(f"{arguments.cases} holds no case-*; give the folder that simulate.py wrote.")
    prior = prior_of(arguments.prior)
    todo = methods(arguments.lc2, arguments.device, prior)
    synthesise, network = synthesiser_of(arguments)
    if arguments.part is not None:
        register(folders[arguments.part :: arguments.jobs], todo, synthesise, prior, arguments)
        return
    of_network = {"network": network, "syntheses": synthesise.settings}
    require_same_settings(arguments.output, of_network, begun=has_lines(arguments.output, LINES))
    known = read_all_lines(arguments.output, LINES, SHAPE)
    require_same_cases(arguments.output, {path.name: [path] for path in folders}, (row["case"] for row in known))
    made = {"commit": commit(), **of_network, "prior": said(prior)}
    run_processes(sys.argv[1:], arguments.jobs)
    print(write_tables(arguments.output, {folder.name for folder in folders}, set(todo), made))


def said(prior: PosePrior | None) -> dict[str, float] | None:
    """A prior as lines and tables hold it."""
    return None if prior is None else asdict(prior)


def register(
    folders: Sequence[Path],
    todo: Mapping[str, Method],
    synthesise: Synthesises,
    prior: PosePrior | None,
    arguments: argparse.Namespace,
) -> None:
    """Register what has no line yet, a line each."""
    done = {(row["case"], row["method"]) for row in lines_with(said(prior), arguments.output)}
    for folder in folders:
        missing = [name for name in todo if (folder.name, name) not in done]
        case = load_case(folder, synthesise) if missing else None
        for name in missing:
            started = time.monotonic()
            assert case is not None
            row = {"case": folder.name, "method": name, "prior": said(prior), "tre": evaluate(case, todo[name])}
            row["seconds"] = round(time.monotonic() - started, 1)
            write_line(lines_of(arguments.output, LINES, arguments.part), row)
            print(f"{folder.name} {name}: {row['seconds']} s", flush=True)


if __name__ == "__main__":
    run(main)
