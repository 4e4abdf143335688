"""Table 1 of the paper for a bundle, a training run or another program's predictions; comparisons; figures 4 to 6; use.

python Training/evaluate.py table --cases prepared --splits fold-0.csv --bundle B --output evaluation/B
python Training/evaluate.py table --cases prepared --predictions DIR --output evaluation/other
python Training/evaluate.py compare evaluation/B evaluation/other --output comparison.md
python Training/evaluate.py compare-methods evaluation/mmhvae evaluation/resvit --costs costs.json --output methods.md
    (folders that 'table' wrote, or folders of such with the names seed-1, seed-2, ..., whose slices count together)
python Training/evaluate.py figures --cases prepared --bundle B --output figures
python Training/evaluate.py retention --cases simulated --bundle A --run runs/resvit --output retention

Predictions lie in ``DIR/CASE/INPUTS/TARGET.nii.gz`` (``Case001/us+t2/flair.nii.gz``): harmonised to [0, 1], on the
grid of the prepared case. An evaluation that was stopped goes on where it was.
"""

from __future__ import annotations

import argparse
from dataclasses import asdict
from pathlib import Path
from typing import Any

from mmhvae_training.script import run

import SimpleITK as sitk
from mmhvae import load_bundle
from mmhvae.bundle import Bundle, starter_bundle
from mmhvae.exceptions import InputError
from mmhvae.files import write_text
from mmhvae.images.modalities import MODALITIES
from mmhvae.segmentation import load_segmenter
from mmhvae.settings import SynthesisSettings
from mmhvae_training.data import SPLITS, TEST, case_folders, read_splits
from mmhvae_training.device_option import add_device, device_of_table
from mmhvae_training.idle_options import Idle, refuse_idle, was_given
from mmhvae_training.judging import (
    CONTROL,
    RETENTION_TARGETS,
    TRUE,
    EvaluationCase,
    Outlining,
    RunSynthesiser,
    control,
    has_lesion,
    load_evaluation_case,
    outlinings,
    retention_table,
)
from mmhvae_training.number_options import millimetres, natural, positive
from mmhvae_training.records import read_lines, require_same_cases, require_same_settings, write_line
from mmhvae_training.scoring import (
    SIDE,
    SPACING_MM,
    BaselineSource,
    ConstantSource,
    NetworkSource,
    NiftiSource,
    Source,
    baseline_source,
    bundle_source,
    comparison_report,
    draw_harmonisation_figure,
    draw_latent_figure,
    draw_temperature_figure,
    is_baseline,
    load_perceptual,
    name_of_run,
    name_with_weights,
    read_costs,
    read_judged_case,
    read_scores,
    read_seeds,
    report,
    run_source,
    score_case,
    seeds_table,
    table_by_method,
    thinned,
    volumes_of_run,
    write_scores,
)
from mmhvae_training.single_precision import synthesize


def _of_network(arguments: argparse.Namespace) -> bool:
    return bool(arguments.bundle or arguments.run)


#: Of the tables and figures.
IDLE = (
    # A bundle has one set of weights: its table would stand under the name of others.
    Idle(
        ("weights",), lambda given: not given.run, "--weights chooses among a run's kept averages; give its --run, or"
    ),
    Idle(("spacing", "side"), _of_network, "A bundle or run is judged at its own spacing and size;"),
    Idle(
        ("temperature", "seed"),
        lambda given: not _of_network(given),
        "Predictions and constants are scored as they are;",
    ),
    Idle(
        ("device",),
        lambda given: not _of_network(given) and not given.perceptual,
        "No network has to be run; give --perceptual, or",
    ),
    Idle(("temperature",), lambda given: given.run and is_baseline(given.run), "A baseline's run has no temperature;"),
    Idle(("split",), lambda given: not given.splits, "--split is one of those of --splits; give that, too, or"),
)
IDLE_IN_RETENTION = (
    Idle(("seed",), lambda given: given.run and not given.bundle, "Runs draw once, with seed 0; give a --bundle, or"),
    Idle(("cache",), lambda given: not given.run, "--cache keeps what runs make; give a --run, or"),
)


def chosen_cases(arguments: argparse.Namespace) -> list[str]:
    """Names of the cases to judge: all, or those of a split; the first ``--count``."""
    names = list(case_folders(arguments.cases, tuple(MODALITIES)))
    if arguments.splits:
        splits, split = read_splits(arguments.splits, names), arguments.split or TEST
        names = [name for name in names if splits.get(name) == split]
        if not names:
            raise InputError(f"{arguments.splits} puts no case into the split '{split}'; name another.")
    return names[: arguments.count]


def source_of(arguments: argparse.Namespace) -> Source:
    """The one source that was named."""
    if arguments.constant:
        return ConstantSource(**_given(arguments, "spacing", "side"))
    if arguments.predictions:
        return NiftiSource(arguments.predictions, arguments.cases, **_given(arguments, "spacing", "side"))
    if arguments.run and is_baseline(arguments.run):
        source = baseline_source(arguments.run, arguments.weights, **_given(arguments, "seed", "device"))
        if was_given(arguments, "seed") and not source.baseline.DRAWS:
            raise InputError(f"{source.facts['method']} draws nothing; leave out --seed.")
        return source
    return network_of(arguments)


def network_of(arguments: argparse.Namespace) -> NetworkSource:
    options = _given(arguments, "temperature", "seed", "device")
    if arguments.bundle:
        return bundle_source(arguments.bundle, **options)
    return run_source(arguments.run, arguments.weights, **options)


def _given(arguments: argparse.Namespace, *names: str) -> dict[str, Any]:
    """What of the options was given; the rest is the source's to say."""
    return {name: getattr(arguments, name) for name in names if was_given(arguments, name)}


def make_table(arguments: argparse.Namespace) -> None:
    """Score every case that is not scored yet, then write ``table.md``."""
    source, names = source_of(arguments), chosen_cases(arguments)
    measure = load_perceptual(arguments.device) if arguments.perceptual else None
    settings = {**source.facts, "spacing_mm": source.spacing, "side": source.side, "perceptual": arguments.perceptual}
    settings["slices"] = arguments.slices or "all"
    if isinstance(source, NetworkSource):
        settings |= {"temperature": source.temperature}
    if isinstance(source, (NetworkSource, BaselineSource)):
        settings |= {"seed": source.seed}
    slices = arguments.output / "slices"
    require_same_settings(arguments.output, settings, begun=slices.exists())
    given = [arguments.cases, *([arguments.predictions] if arguments.predictions else [])]
    judged = {name: [folder / name for folder in given] for name in names}
    require_same_cases(arguments.output, judged, (path.stem for path in slices.glob("*.csv")))
    for name in names:
        path = slices / f"{name}.csv"
        if not path.exists():
            case = read_judged_case(arguments.cases / name, source.modalities, source.spacing, source.side)
            case = thinned(case, arguments.slices) if arguments.slices else case
            write_scores(score_case(source, case, measure), path)
        print(name, flush=True)
    rows = [row for row in read_scores(arguments.output) if row.case in names]
    told = ", ".join(f"{key} {value}" for key, value in settings.items())
    text = report(rows, told)
    write_text(text, arguments.output / "table.md")
    print(text)


def make_comparison(arguments: argparse.Namespace) -> None:
    """Write the Markdown of the paired tests, for methods below the table of their averages."""
    names = [folder.resolve().name for folder in arguments.evaluations]
    if len(set(names)) < len(names):
        raise InputError("Two evaluations have folders of the same name; rename one, it names its run.")
    seeds = {name: read_seeds(folder) for name, folder in zip(names, arguments.evaluations, strict=True)}
    runs = {name: [row for rows in of.values() for row in rows] for name, of in seeds.items()}
    text = comparison_report(runs, arguments.variant)
    if arguments.averages:
        costs = read_costs(arguments.costs) if arguments.costs else None
        averages = table_by_method(runs, arguments.variant, costs)
        text = f"# Table 1 by method\n\n{averages}\n{seeds_table(seeds, arguments.variant)}{text}"
    try:
        write_text(text, arguments.output)
    except OSError as error:
        raise InputError(f"{arguments.output} cannot be written; choose a folder that exists.") from error
    print(text)


def make_figures(arguments: argparse.Namespace) -> None:
    """Figures 4 (z_1), 5 (temperature) and 6 (harmonisation) as PNG."""
    source = network_of(arguments)
    cases = [
        read_judged_case(arguments.cases / name, source.modalities, source.spacing, source.side)
        for name in chosen_cases(arguments)
    ]
    most = max(cases, key=lambda case: len(case.inputs))
    shares = draw_latent_figure(source, most, arguments.output / "latents.png")
    print("z_1: " + ", ".join(f"PC{n} {share:.0%}" for n, share in enumerate(shares, start=1)))
    inputs = tuple(arguments.inputs.split("+"))
    targets = [t for t in source.modalities if t not in inputs and any(_has(case, (*inputs, t)) for case in cases)]
    if targets:
        draw_temperature_figure(source, cases, inputs, targets, arguments.output / "temperature.png")
    spreads = draw_harmonisation_figure(cases, arguments.output / "harmonisation.png")
    for name, (before, after) in spreads.items() if len(cases) > 1 else ():
        print(f"{name}: distributions lie {before:.2f} apart before harmonisation, {after:.2f} after")


def make_retention(arguments: argparse.Namespace) -> None:
    """Outline the tumour in true and synthetic MR of every case that shows one; a line each, then the table."""
    segmenter = load_segmenter(arguments.segmenter)
    sources = retention_sources(arguments)
    seed = SynthesisSettings.seed if arguments.seed is None else arguments.seed
    settings = {"segmenter": segmenter.manifest.weights_sha256, "seed": seed}
    lines, rows = arguments.output / "retention.jsonl", []
    require_same_settings(arguments.output, settings, begun=lines.exists())
    known = [Outlining(**row) for row in read_lines(lines, Outlining)]
    folders = sorted(arguments.cases.glob("case-*"))[: arguments.count]
    require_same_cases(arguments.output, {path.name: [path] for path in folders}, (row.case for row in known))
    for folder in folders:
        done = [row for row in known if row.case == folder.name]
        there = {(row.method, row.target) for row in done}
        missing = [m for m in (TRUE, CONTROL, *sources) if any((m, t) not in there for t in RETENTION_TARGETS)]
        case = load_evaluation_case(folder) if missing else None
        for name in missing if case is not None and has_lesion(case) else ():
            assert case is not None
            images = _images(case, sources.get(name), arguments) if name != CONTROL else {}
            for row in control(case) if name == CONTROL else outlinings(case, segmenter, name, images):
                if (row.method, row.target) not in there:  # all but where a stop came between a method's two
                    write_line(lines, asdict(row))
                    done.append(row)
        rows += [row for row in done if row.method in (TRUE, CONTROL, *sources)]
        print(folder.name, flush=True)
    if not rows:
        raise InputError(f"{arguments.cases} holds no case-* with a tumour in view; give what simulate.py wrote.")
    text = retention_table(rows)
    write_text(text, arguments.output / "retention.md")
    print(text)


def retention_sources(arguments: argparse.Namespace) -> dict[str, Bundle | RunSynthesiser]:
    """Name and weights -> bundle or run; without any, the starter.

    Raises:
        InputError: one cannot be read, or two have one name.
    """
    bundles = arguments.bundle or ([] if arguments.run else [starter_bundle()])
    names = [*(path.name for path in bundles), *map(name_of_run, arguments.run)]
    if len(set(names)) < len(names):
        raise InputError("Two of the bundles and runs have folders of the same name; rename one, it names its images.")
    cache = arguments.cache or arguments.output / "syntheses"
    found: dict[str, Bundle | RunSynthesiser] = {}
    for path in bundles:
        bundle = load_bundle(path)
        found[name_with_weights(path.name, bundle.manifest.weights_sha256)] = bundle
    for path in arguments.run:
        made = RunSynthesiser(volumes_of_run(path, arguments.device), cache)
        found[name_with_weights(name_of_run(path), made.weights)] = made
    return found


def _images(
    case: EvaluationCase, source: Bundle | RunSynthesiser | None, arguments: argparse.Namespace
) -> dict[str, sitk.Image]:
    """The true images, or those that a bundle or run makes of the ultrasound alone."""
    if source is None:
        return {name: case.truths[name] for name in RETENTION_TARGETS}
    if isinstance(source, RunSynthesiser):
        made = source(case.name, case.us).images
        return {name: made[name] for name in RETENTION_TARGETS}
    settings = SynthesisSettings(slice_axis="all", **_given(arguments, "seed"))
    result = synthesize(source, {"us": case.us}, RETENTION_TARGETS, device=arguments.device, settings=settings)
    return dict(result.images)


def _has(case: Any, names: tuple[str, ...]) -> bool:
    return all(name in case.truths for name in names)


def parser() -> argparse.ArgumentParser:
    """The five commands."""
    common = argparse.ArgumentParser(add_help=False)
    common.add_argument("--cases", type=Path, required=True, help="folder with one folder a prepared or simulated case")
    common.add_argument("--splits", type=Path, help="CSV case,split; only cases of --split are judged")
    common.add_argument("--split", choices=SPLITS, help=f"of --splits (default {TEST})")
    common.add_argument("--count", type=positive, help="of cases, the first ones")
    common.add_argument("--weights", type=Path, help="one of the run's kept averages (default: its last)")
    common.add_argument("--seed", type=natural, help="of what is drawn (default 0)")
    add_device(common)
    common.add_argument("--output", type=Path, required=True)
    top = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = top.add_subparsers(required=True, metavar="table|compare|compare-methods|figures|retention")
    table = commands.add_parser("table", parents=[common], help="Table 1: all input subsets by all targets")
    sources = table.add_mutually_exclusive_group(required=True)
    sources.add_argument("--predictions", type=Path, help="another program's, as NIfTI")
    sources.add_argument("--constant", action="store_true", help="one grey level a volume, the best there is")
    temperature = f"of MMHVAE's noise (default {SynthesisSettings.temperature})"
    table.add_argument("--temperature", type=float, help=temperature)
    where = "of predictions and constants"
    table.add_argument("--spacing", type=millimetres, help=f"mm, {where} (default {SPACING_MM})")
    table.add_argument("--side", type=positive, help=f"pixels of the slices, {where} (default {SIDE})")
    table.add_argument(
        "--slices", type=positive, help="so many a case, evenly spread; default: all that show something"
    )
    table.add_argument("--perceptual", action="store_true", help="ST-LPIPS too; needs stlpips-pytorch, and time")
    table.set_defaults(command=make_table, idle=IDLE)
    figures = commands.add_parser("figures", parents=[common], help="latents, temperature, harmonisation")
    figures.add_argument("--inputs", default="us", help="of the temperature sweep, joined by +")
    figures.set_defaults(command=make_figures, idle=IDLE)
    for group in (sources, figures.add_mutually_exclusive_group(required=True)):
        group.add_argument("--bundle", type=Path, help="bundle folder, zip, or released .pth")
        group.add_argument("--run", type=Path, help="folder that train.py wrote")
    comparisons = {
        "compare": "paired Wilcoxon tests with Bonferroni's correction",
        "compare-methods": "the same below Table 1's averages, beside the paper's; folders are named by method",
    }
    for name, about in comparisons.items():
        compare = commands.add_parser(name, help=about)
        compare.add_argument("evaluations", type=Path, nargs="+", help="folders that 'table' wrote")
        compare.add_argument("--variant", choices=("standard", "paper-compatible"), default="standard")
        compare.add_argument("--output", type=Path, required=True, help="Markdown file")
        compare.set_defaults(command=make_comparison, averages=name == "compare-methods", costs=None, idle=())
    compare.add_argument("--costs", type=Path, help="JSON of measure_methods.py")
    retention = commands.add_parser("retention", help="what a segmenter of real MR finds in synthetic MR")
    retention.add_argument("--cases", type=Path, required=True, help="folder with case-*, as simulate.py writes them")
    retention.add_argument("--segmenter", type=Path, help="folder, zip or name (default: the one that ships)")
    retention.add_argument("--bundle", type=Path, action="append", help="several are compared; default: the starter")
    retention.add_argument("--run", type=Path, action="append", default=[], help="of train.py or train_baseline.py")
    retention.add_argument("--cache", type=Path, help="keeps what runs make, as evaluate_registration.py's")
    retention.add_argument("--count", type=positive, help="of cases, the first ones")
    retention.add_argument("--seed", type=natural, help="of what bundles draw (default 0); runs draw once, with seed 0")
    add_device(retention)
    retention.add_argument("--output", type=Path, required=True)
    retention.set_defaults(command=make_retention, idle=IDLE_IN_RETENTION)
    return top


def main() -> None:
    """Read the command line and run the command."""
    arguments = parser().parse_args()
    refuse_idle(arguments, arguments.idle)
    if "device" in arguments:
        arguments.device = device_of_table(arguments.device)
    arguments.command(arguments)


if __name__ == "__main__":
    run(main)
