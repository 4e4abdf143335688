"""Compare bundles on held-out simulated cases: PSNR, SSIM, and TRE at four ranges of displacement.

python Training/evaluate_simulated.py --cases CASES --bundle A --bundle B --output DIR

Writes one JSON line a case and method as soon as it is known, and skips those that are there already: stop it and
start it again at will, with as many samples. ``evaluation.md`` compares the cases that all methods have done.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from mmhvae_training.script import run

from mmhvae import load_bundle
from mmhvae.bundle.shipped import starter_bundle
from mmhvae.exceptions import InputError
from mmhvae.files import write_text
from mmhvae_training.device_option import add_device
from mmhvae_training.judging import (
    DIRECT,
    ERRORS_SHAPE,
    JUDGED_SAMPLES,
    QUALITY_SHAPE,
    EvaluationCase,
    evaluate_bundle,
    evaluate_direct,
    evaluation_table,
    load_evaluation_case,
)
from mmhvae_training.number_options import positive
from mmhvae_training.records import read_lines, require_same_cases, require_same_settings, write_line
from mmhvae_training.scoring import name_with_weights

#: Of a line.
SHAPE = {"case": str, "method": str, "tre": ERRORS_SHAPE, "?quality": QUALITY_SHAPE}
Method = Callable[[EvaluationCase], dict[str, Any]]


def methods(paths: list[Path], samples: int, device: str) -> dict[str, Method]:
    """Name -> what to run on a case: every bundle under its folder's name and weights, and the direct way."""
    found: dict[str, Method] = {DIRECT: partial(evaluate_direct, device=device)}
    for path in paths:
        bundle = load_bundle(path)
        name = name_with_weights(path.name, bundle.manifest.weights_sha256)
        found[name] = partial(evaluate_bundle, bundle, samples=samples, device=device)
    return found


def main() -> None:
    """Read the command line, do what is not done yet, write the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cases", type=Path, required=True, help="folder with case-*, as simulate.py writes them")
    parser.add_argument("--bundle", type=Path, action="append", help="several are compared; default: the starter")
    parser.add_argument("--output", type=Path, required=True)
    parser.add_argument("--count", type=positive, default=10, help="of cases, the first ones; each at all four ranges")
    parser.add_argument("--samples", type=positive, default=JUDGED_SAMPLES, help=f"draws (default {JUDGED_SAMPLES})")
    add_device(parser)
    arguments = parser.parse_args()
    folders = sorted(arguments.cases.glob("case-*"))[: arguments.count]
    if not folders:
        raise InputError(f"{arguments.cases} holds no case-*; give the folder that simulate.py wrote.")
    lines = arguments.output / "evaluation.jsonl"
    require_same_settings(arguments.output, {"samples": arguments.samples}, begun=lines.exists())
    known = read_lines(lines, SHAPE)
    require_same_cases(arguments.output, {path.name: [path] for path in folders}, (row["case"] for row in known))
    todo = methods(arguments.bundle or [starter_bundle()], arguments.samples, arguments.device)
    done = {(row["case"], row["method"]) for row in known}
    for folder in folders:
        missing = [name for name in todo if (folder.name, name) not in done]
        case = load_evaluation_case(folder) if missing else None
        for name in missing:
            started = time.monotonic()
            assert case is not None
            row = {"case": folder.name, "method": name, **todo[name](case)}
            write_line(lines, row | {"seconds": round(time.monotonic() - started, 1)})
            print(f"{folder.name} {name}: {time.monotonic() - started:.0f} s", flush=True)
    wanted = {folder.name for folder in folders}
    rows = [row for row in read_lines(lines, SHAPE) if row["case"] in wanted and row["method"] in todo]
    text = evaluation_table(rows)
    write_text(text, arguments.output / "evaluation.md")
    print(text)


if __name__ == "__main__":
    run(main)
