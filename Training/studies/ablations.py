"""Ablations on one small budget and several seeds, scored on held-out cases; a table beside the paper's Table 2.

python Training/studies/ablations.py --cases CASES --held-out CASES --output DIR

One line of runs.jsonl a seed and arm, written as soon as it is known: stop it and start it again at will, with the
same budget and cases.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections import defaultdict
from dataclasses import replace
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # where mmhvae_training lies

from mmhvae_training.script import run

import numpy as np
from mmhvae.files import write_text
from mmhvae_training.configuration import Configuration, parse_settings
from mmhvae_training.data import Sampler, TrainingCase, TrainingSet, case_folders, load_case
from mmhvae_training.loop import Schedule, launch, new_state, training_step, update_average
from mmhvae_training.number_options import positive
from mmhvae_training.records import checksum_of_files, read_lines, require_same_settings, write_line
from mmhvae_training.scoring import (
    ARMS,
    RUN_SHAPE,
    Arm,
    JudgedCase,
    NetworkSource,
    ShiftTolerantLPIPS,
    ablation_table,
    complete_seeds,
    judged,
    load_perceptual,
    score_case,
    thinned,
)

BUDGET = Path(__file__).resolve().parents[1] / "configs" / "ablations" / "budget.yaml"


def configured(base: Configuration, arm: Arm, seed: int) -> Configuration:
    """The budget's configuration, changed to be one arm."""
    adversarial = base.adversarial if arm.adversarial else replace(base.adversarial, weight=0.0)
    variant = arm.variant(base.architecture.num_pools + 1)
    return replace(base, variant=variant, adversarial=adversarial, seed=seed)


def train_and_score(
    config: Configuration, found: TrainingSet, cases: list[JudgedCase], measure: ShiftTolerantLPIPS
) -> dict[str, dict[str, float]]:
    """Target -> PSNR (dB) and ST-LPIPS (%), means over all subsets of inputs, slices and cases."""
    fabric = launch(config)
    state, sampler = new_state(config, fabric), Sampler(found, config)
    schedule = Schedule(config, sampler.steps_per_epoch)
    while state.step < schedule.steps:
        training_step(fabric, state, sampler, schedule.at(state.step), config)
        state.step += 1
        update_average(state, config.optimisation.average_decay)
    source = NetworkSource(state.average.eval(), config.data.spacing, {})
    scores = defaultdict(list)
    for case in cases:
        for row in score_case(source, case, measure):
            scores[row.target].append((row.psnr_standard, 100 * row.st_lpips))
    means = {target: np.mean(rows, axis=0) for target, rows in scores.items()}
    return {target: {"psnr": float(psnr), "perceptual": float(lpips)} for target, (psnr, lpips) in means.items()}


def settings_of(
    base: Configuration, found: TrainingSet, cases: list[JudgedCase], arguments: argparse.Namespace
) -> dict[str, Any]:
    """What a run's scores depend on beside its arm and seed; cases go by name and content, wherever they lie."""
    plain = base.plain()
    settings = {name: part for name, part in plain.items() if name not in ("run", "output", "device", "seed", "data")}
    data = {name: part for name, part in plain["data"].items() if name != "cases"}
    learnt_from = {case.name: checksum_of_files([arguments.cases / case.name]) for case in found.cases}
    judged_by = {case.name: checksum_of_files([arguments.held_out / case.name]) for case in cases}
    judged_slices = {case.name: case.numbers.tolist() for case in cases}
    return settings | {"data": data, "cases": learnt_from, "held-out": judged_by, "judged slices": judged_slices}


def load(folder: Path, count: int, config: Configuration) -> list[TrainingCase]:
    """The first ``count`` cases of a folder."""
    names = list(case_folders(folder, config.architecture.modalities))[:count]
    return [load_case(folder / name, config.architecture.modalities, config.data.spacing) for name in names]


def heading(config: Configuration, found: TrainingSet, cases: list[JudgedCase], seeds: list[int]) -> str:
    """What the table shows, and how little was spent on it."""
    steps = Schedule(config, Sampler(found, config).steps_per_epoch).steps
    side, spacing = config.architecture.image_size, config.data.spacing
    judged_slices = sum(len(case.numbers) for case in cases)
    return (
        "# Ablations on a small budget\n\n"
        f"Beside the paper's Table 2. Ours: {steps} steps of {config.data.batch_size} slices of {side} x {side} pixels "
        f"at {spacing:g} mm on {len(found.cases)} simulated cases, the same for every setting; mean (standard "
        f"deviation) over {len(seeds)} seeds of the mean over all subsets of inputs, {judged_slices} slices of "
        f"{len(cases)} held-out cases. The paper's networks saw real images, at full size and for far longer: where "
        "the two disagree, this budget says that it is too small, not that the paper is wrong.\n\n"
    )


def main() -> None:
    """Read the command line, do what is not done yet, write the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cases", type=Path, required=True, help="folder with training cases")
    parser.add_argument("--held-out", type=Path, required=True, help="folder with cases to be judged by")
    parser.add_argument("--output", type=Path, required=True, help="folder for runs.jsonl and table.md")
    parser.add_argument("--count", type=positive, default=12, help="training cases, the first ones")
    parser.add_argument("--held-out-count", type=positive, default=5)
    parser.add_argument("--slices", type=positive, default=2, help="judged slices a held-out case")
    parser.add_argument("--seeds", type=positive, default=3)
    parser.add_argument("--config", type=Path, default=BUDGET, help="the budget, YAML")
    arguments = parser.parse_args()
    given = ["--config", str(arguments.config), "--data.cases", str(arguments.cases), "--run", str(arguments.output)]
    base = parse_settings([*given, "--device.accelerator", "cpu", "--device.devices", "1"], Configuration).configuration
    found = TrainingSet(load(arguments.cases, arguments.count, base))
    side = base.architecture.image_size
    held_out = load(arguments.held_out, arguments.held_out_count, base)
    cases = [thinned(judged(case, side), arguments.slices) for case in held_out]
    log = arguments.output / "runs.jsonl"
    require_same_settings(arguments.output, settings_of(base, found, cases, arguments), begun=log.exists())
    measure = load_perceptual()
    for seed in range(arguments.seeds):
        for name, arm in ARMS.items():
            if any((run["arm"], run["seed"]) == (name, seed) for run in read_lines(log, RUN_SHAPE)):
                continue
            started = time.process_time()
            scores = train_and_score(configured(base, arm, seed), found, cases, measure)
            record = {"arm": name, "seed": seed, "cpu_seconds": round(time.process_time() - started), "scores": scores}
            write_line(log, record)
            print(f"seed {seed}, {name}: {record['cpu_seconds']} s of processor time", flush=True)
    runs = read_lines(log, RUN_SHAPE)
    if complete_seeds(runs):
        text = heading(base, found, cases, complete_seeds(runs)) + ablation_table(runs)
        write_text(text, arguments.output / "table.md")
        print(text)


if __name__ == "__main__":
    run(main)
