"""Trials become rows: what trust's evidence said of a result, and how far off it was. A JSON line each."""

from __future__ import annotations

import time
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import SimpleITK as sitk
from mmhvae.compute import choose_device
from mmhvae.exceptions import InputError
from mmhvae.registration import PosePrior, Trust, Witness, target_registration_error

from ..judging import SynthesisedCase, Synthesiser, load_case
from ..records import write_line
from .benchmark import MakeCase, benchmark_trials, set_up_benchmark
from .inputs import Setup, half_turned, real_head, set_up
from .trials import BENCHMARK, REAL_HEAD, Trial, trials_of

Row = dict[str, Any]
Key = tuple[str, str, int, PosePrior | None]
CALIBRATION, REPORT = "calibration", "report"
#: What is known of a registration: see :func:`outcome`; older rows name no witnesses.
JUDGED_SHAPE = {
    "prior": (None, PosePrior),
    "error_mm": (float, None),
    "refused": str,
    "evidence": {str: float},
    "?witnesses": [Witness],
}
#: Of a line of a trial.
TRIAL_SHAPE = JUDGED_SHAPE | {
    "group": str,
    "case": str,
    "situation": str,
    "seed": int,
    "contrasts": [str],
    "reach_mm": [float],
    "donor": str,
}


@dataclass
class Source:
    """Where cases come from; the last ones read are kept.

    ``head`` is the folder of a real patient's MRs, ``make_benchmark`` the benchmark's; None where they are not there.
    """

    folders: dict[str, Path]
    synthesise: Synthesiser
    make_benchmark: MakeCase | None
    head: Path | None

    def __post_init__(self) -> None:
        self._read: dict[str, SynthesisedCase] = {}

    def case(self, name: str) -> SynthesisedCase:
        """The case of that name."""
        if name not in self._read:
            while len(self._read) > 1:
                self._read.pop(next(iter(self._read)))
            self._read[name] = load_case(self.folders[name], self.synthesise)
        return self._read[name]

    def set_up(self, trial: Trial) -> Setup:
        """The trial's images and truth."""
        if trial.situation == BENCHMARK:
            assert self.make_benchmark is not None
            return set_up_benchmark(trial, self.make_benchmark)
        case = self.case(trial.case)
        return set_up(trial, case, self.foreign(trial, case) if trial.donor else None)

    def foreign(self, trial: Trial, case: SynthesisedCase) -> dict[str, sitk.Image]:
        """Another patient's MRs, where this one's head is."""
        if trial.donor == REAL_HEAD:
            assert self.head is not None
            return real_head(self.head, case.simulated.preop["t2"])
        return half_turned(self.case(trial.donor).simulated.preop)


def planned(calibration: list[str], report: list[str], benchmark: bool, head: bool) -> list[tuple[str, Trial]]:
    """All trials with their group, with the panel's prior or without any; the benchmark's with both.

    Calibration and report come by turns: a run that is cut short has some of both.
    """
    names, todo = {CALIBRATION: calibration, REPORT: report}, []
    for number in range(max(len(calibration), len(report))):
        for group, cases in names.items():
            if number < len(cases):
                todo += [(group, trial) for trial in trials_of(cases, number, group == REPORT, head)]
    if benchmark:
        todo += [
            (group, replace(trial, prior=prior))
            for group in names
            for trial in benchmark_trials(group == REPORT)
            for prior in (trial.prior, None)
        ]
    return todo


def run_all(todo: Iterable[tuple[str, Trial]], source: Source, done: set[Key], path: Path, device: str) -> None:
    """Do what is not ``done`` yet, and append it to ``path`` row by row."""
    for group, trial in todo:
        if trial.key not in done:
            started = time.monotonic()
            row = {"group": group, **trial.to_json(), **outcome(source.set_up(trial), device)}
            write_line(path, row | {"seconds": round(time.monotonic() - started, 1)})
            print(
                f"{trial.case} {trial.situation}: {row['error_mm']} mm, {row['refused'] or row['reason']}", flush=True
            )


def part_of(todo: Sequence[tuple[str, Trial]], part: int, jobs: int) -> list[tuple[str, Trial]]:
    """Every ``jobs``-th case's trials, so that a case is read by one process."""
    cases = list(dict.fromkeys(trial.case for _, trial in todo))
    return [(group, trial) for group, trial in todo if cases.index(trial.case) % jobs == part]


def key_of(row: Row) -> Key:
    """Which trial a row is of."""
    prior = None if row["prior"] is None else PosePrior(**row["prior"])
    return row["case"], row["situation"], row["seed"], prior


def simulated_cases(rows: Iterable[Row]) -> set[str]:
    """Names of the cases that rows are of; those of the benchmark lie in no folder."""
    return {row["case"] for row in rows if row["situation"] != BENCHMARK}


def rows_of(rows: Iterable[Row], calibration: Collection[str], report: Collection[str]) -> list[Row]:
    """Those of these cases, each in the group that it was tried in, and the benchmark's: a folder may hold more."""
    groups = dict.fromkeys(calibration, CALIBRATION) | dict.fromkeys(report, REPORT)
    return [row for row in rows if row["situation"] == BENCHMARK or groups.get(row["case"]) == row["group"]]


def outcome(setup: Setup, device: str) -> Row:
    """Register and judge.

    ``error_mm`` is the mean over the landmarks, None where nothing would be right (another patient's MR);
    ``refused`` the sentence with which the registration declined, "" where it did not.
    """
    try:
        (result, trust), _ = setup.pairs.run(choose_device(device))
    except InputError as error:
        return {"error_mm": None, "refused": str(error), "evidence": {}, "witnesses": [], "reason": ""}
    off = None
    if setup.truth is not None:
        off = round(float(target_registration_error(result.transform, setup.landmarks, setup.truth).mean()), 3)
    moved = {"moved_mm": round(trust.moved_mm, 2), "moved_deg": round(trust.moved_deg, 2)}
    return {"error_mm": off, "refused": "", **plain_evidence(trust), **moved}


def plain_evidence(trust: Trust) -> Row:
    """Evidence, witnesses and reason in plain values, of four digits."""
    return {
        "evidence": {name: float(f"{value:.4g}") for name, value in trust.evidence.items()},
        "witnesses": [
            {name: value if isinstance(value, str) else float(f"{value:.4g}") for name, value in vars(witness).items()}
            for witness in trust.witnesses
        ],
        "reason": trust.reason,
    }
