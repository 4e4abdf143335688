"""Rigid registration beside its peers, on cases with a known answer.

    python Testing/benchmarks/bench_registration_table.py --n 1

The cases are those of ``registration_cases.py``: an ultrasound-like sector cut out of the MNI152 T1, and a displaced,
differently contrasted copy to find it in. Peers run where their package is
installed: SimpleITK always, greedy (``picsl-greedy``), ANTs (``antspyx``), elastix (``itk-elastix``). For each case the
engines take turns, so that other work on the machine slows all of them alike; trust the ratios. ``--rows FILE`` keeps
a row a case and engine and goes on where an earlier run ended.
"""

from __future__ import annotations

import os

# Threads that spin while they wait make shared cores many times slower; OpenMP reads this once, when torch loads it.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

import argparse
import csv
import platform
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np
import registration_engine
import torch
from registration_cases import PAIRS, RANGES_MM, Case, make_case
from registration_peers import PEERS, Engine, installed
from registration_reference import reference

OURS = ("mmhvae_rigid", "mmhvae_preview", "mmhvae_signed", "mmhvae_adam")
TITLES = {
    "mmhvae_rigid": "**MMHVAE**, Gauss-Newton",
    "mmhvae_preview": "its preview, stopping at 2 mm",
    "mmhvae_signed": "the same, contrasts known to be equal",
    "mmhvae_adam": "the same correlation by Adam, from the start alone",
    "reference": "the reference, written down plainly (L-BFGS)",
} | {engine: title for engine, (title, _, _) in PEERS.items()}
SUCCESS = 2.0  # mm


@dataclass(frozen=True)
class Row:
    """One registration: the case, the target registration error over its field of view, and what it took."""

    engine: str
    pair: str
    range: int
    repeat: int
    spacing: float
    tre_mean: float
    seconds: float
    processor_seconds: float

    @property
    def key(self) -> tuple[str, str, int, int, float]:
        return self.engine, self.pair, self.range, self.repeat, self.spacing


def available() -> list[str]:
    """Our engines, and the peers that are installed."""
    return [
        "mmhvae_rigid",
        "mmhvae_preview",
        "reference",
        *(e for e, (_, module, _) in PEERS.items() if installed(module)),
    ]


def run(engine: Engine, case: Case) -> tuple[float, float, float]:
    """Mean error in mm (that of the start where the engine fails), seconds, and seconds of processor time."""
    started, worked = time.perf_counter(), time.process_time()
    try:
        matrix = np.asarray(engine(case), dtype=np.float64)
    except Exception as error:  # a peer that fails is a result, not the end of the benchmark
        print(f"{case.name}: {error!r}", file=sys.stderr)
        matrix = np.eye(4)
    times = time.perf_counter() - started, time.process_time() - worked
    return float(case.tre(matrix).mean()), *times


def read_rows(path: Path | None) -> list[Row]:
    """What an earlier run left."""
    if path is None or not path.exists():
        return []
    with path.open(newline="") as file:
        return [Row(**{f.name: _parsed(f.type, row[f.name]) for f in fields(Row)}) for row in csv.DictReader(file)]


def _parsed(kind: Any, text: str) -> Any:
    return {"str": str, "int": int, "float": float}[kind](text)


def load_engine(name: str) -> Engine:
    """One of ours, the reference, or a peer."""
    if name == "reference":
        return reference
    return PEERS[name][2] if name in PEERS else getattr(registration_engine, name)


def measure(options: argparse.Namespace, known: Sequence[Row]) -> Iterator[Row]:
    """The rows that are missing, a case at a time, engines in turn."""
    engines = {name: load_engine(name) for name in options.engines}
    done = {row.key for row in known}
    for repeat in range(options.first, options.first + options.n):
        for pair in options.pairs:
            for number in options.ranges:
                wanted = [e for e in engines if (e, pair, number, repeat, options.spacing) not in done]
                if wanted:
                    case = make_case(pair, number, repeat, options.spacing)
                for name in wanted:
                    yield Row(name, pair, number, repeat, options.spacing, *run(engines[name], case))


def summary(rows: Sequence[Row]) -> str:
    """Share under 2 mm and median of the mean errors."""
    if not rows:
        return "-"
    errors = np.array([row.tre_mean for row in rows])
    return f"{np.sum(errors < SUCCESS)}/{len(errors)}, {np.median(errors):.2f}"


def table(rows: Sequence[Row]) -> str:
    """The table in Markdown: an engine a row."""
    head = "| engine | " + " | ".join(f"{pair}: TRE < 2 mm, median" for pair in PAIRS)
    lines = [head + " | seconds, median | processor seconds, median |", "| --- " * (len(PAIRS) + 3) + "|"]
    for engine in dict.fromkeys(row.engine for row in rows):
        own = [row for row in rows if row.engine == engine]
        cells = [summary([row for row in own if row.pair == pair]) for pair in PAIRS]
        times = (np.median([getattr(row, which) for row in own]) for which in ("seconds", "processor_seconds"))
        lines.append(" | ".join([f"| {TITLES[engine]}", *cells, *(f"{t:.2f}" for t in times)]) + " |")
    return "\n".join(lines)


def by_range(rows: Sequence[Row], ranges: Sequence[tuple[float, float]]) -> str:
    """The first engine's errors, pair by pair and range by range."""
    lines = ["| pair | start off by, mm | n | TRE < 2 mm | mean | median | largest |", "| --- " * 7 + "|"]
    for pair in PAIRS:
        for number, (low, high) in enumerate(ranges):
            errors = np.array([row.tre_mean for row in rows if (row.pair, row.range) == (pair, number)])
            if errors.size:
                share = 100 * np.mean(errors < SUCCESS)
                numbers = f"{errors.mean():.3f} | {np.median(errors):.3f} | {errors.max():.2f}"
                lines.append(f"| {pair} | {low}-{high} | {errors.size} | {share:.0f} % | {numbers} |")
    return "\n".join(lines)


def ratios(rows: Sequence[Row]) -> str:
    """How many times the first engine's time each other engine takes, case by case: the median."""
    first = {row.key[1:]: row for row in rows if row.engine == rows[0].engine}
    lines = []
    for engine in dict.fromkeys(row.engine for row in rows if row.engine != rows[0].engine):
        both = [(row, first[row.key[1:]]) for row in rows if row.engine == engine and row.key[1:] in first]
        if both:
            wall = np.median([a.seconds / b.seconds for a, b in both])
            processor = np.median([a.processor_seconds / b.processor_seconds for a, b in both])
            lines.append(
                f"- {TITLES[engine]}: {wall:.1f} times the seconds of {TITLES[rows[0].engine]}, {processor:.1f} times "
                f"its processor time (median of {len(both)} cases)."
            )
    return "\n".join(lines)


def machine(threads: int) -> str:
    """Where and with what the numbers were measured."""
    cpuinfo = Path("/proc/cpuinfo")
    lines = cpuinfo.read_text().splitlines() if cpuinfo.exists() else []
    names = [line.split(":", 1)[1].strip() for line in lines if "model name" in line] or [platform.processor()]
    command = ["git", "describe", "--always", "--dirty", "--exclude", "*"]
    done = subprocess.run(command, cwd=Path(__file__).parent, capture_output=True, text=True, check=False)
    return (
        f"{names[0]}, {os.cpu_count()} cores, {threads} threads, torch {torch.__version__}, "
        f"commit {done.stdout.strip() or 'unknown'}"
    )


def parser() -> argparse.ArgumentParser:
    """The command line's."""
    result = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    result.add_argument("--engines", nargs="+", choices=list(TITLES), default=available(), metavar="NAME")
    result.add_argument("--pairs", nargs="+", choices=PAIRS, default=list(PAIRS))
    result.add_argument("--ranges", nargs="+", type=int, choices=range(5), default=[0, 1, 2, 3], help="4: 16-24 mm")
    result.add_argument("--n", type=int, default=1, help="cases a range and pair (default 1)")
    result.add_argument("--first", type=int, default=900, help="number of the first case (default 900)")
    result.add_argument("--spacing", type=float, default=1.0, help="of the field of view's grid, mm")
    result.add_argument("--rows", type=Path, help="CSV with a row a registration; an earlier run goes on")
    result.add_argument("--threads", type=int, default=2)
    return result


def main() -> None:
    """Run what is missing, print the tables."""
    options = parser().parse_args()
    torch.set_num_threads(options.threads)
    rows = read_rows(options.rows)
    for row in measure(options, rows):
        rows.append(row)
        if options.rows:
            new = not options.rows.exists()
            with options.rows.open("a", newline="") as file:
                writer = csv.DictWriter(file, [f.name for f in fields(Row)])
                if new:
                    writer.writeheader()
                writer.writerow(asdict(row))
    if not rows:
        raise SystemExit("There is nothing to report.")
    first = [row for row in rows if row.engine == rows[0].engine]
    print(f"{machine(options.threads)}; field of view at {options.spacing:g} mm\n\n{table(rows)}\n")
    print(f"{TITLES[rows[0].engine]}:\n\n{by_range(first, RANGES_MM)}\n\n{ratios(rows)}")


if __name__ == "__main__":
    main()
