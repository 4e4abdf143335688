"""Kill a training run (SIGKILL) at random moments, resume it each time, and compare its end with an undisturbed run.

python Testing/acceptance/killed_training.py --output acceptance-output

The runs are of ``Training/configs/tiny.yaml``, through every phase, with a checkpoint after every step. After each kill
the checkpoint must be readable and not older than before; at the end everything in it must be bit for bit what the
undisturbed run has: weights, averages, optimisers, discriminators, pools, random states. Writes ``killed-training.md``.
"""

from __future__ import annotations

import argparse
import os
import signal
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")  # before torch is imported

import numpy as np
import SimpleITK as sitk
import torch

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "Training"))

from mmhvae_training.loop.run_state import same_content

ROOT = Path(__file__).resolve().parents[2]
STEPS = 80
CASES = (("us", "t2", "cet1", "flair"), ("us", "flair"), ("t2",))
START = 6.0  # seconds: kills before the first new checkpoint fall anywhere within these
STEP = 0.4  # seconds: later kills fall this long after a checkpoint at most


@dataclass(frozen=True)
class Kill:
    """When a run was killed, and what its folder held then."""

    moment: str
    step: int
    half_written: bool


def write_cases(folder: Path) -> None:
    """Three small balls of tissue, two of them incomplete."""
    grid = np.stack(np.meshgrid(*[np.linspace(-1, 1, n) for n in (20, 22, 24)], indexing="ij"))
    inside = np.linalg.norm(grid, axis=0) < 0.95
    labels = np.where(inside, np.where(grid[0] > 0, 3, 2), 0).astype(np.uint8)  # 3: white matter
    for number, names in enumerate(CASES):
        case, rng = folder / f"case-{number}", np.random.default_rng(number)
        case.mkdir(parents=True)
        for name in names:
            values = np.where(inside, 100 + 40.0 * labels + rng.uniform(0, 20, inside.shape), 0)
            sitk.WriteImage(sitk.GetImageFromArray(values.astype(np.float32)), str(case / f"{name}.nii.gz"))
        sitk.WriteImage(sitk.GetImageFromArray(labels), str(case / "labels.nii.gz"))


def start(cases: Path, run: Path) -> subprocess.Popen[bytes]:
    """Begin or resume the run, in a process of its own."""
    command = [sys.executable, ROOT / "Training/train.py", "--config", ROOT / "Training/configs/tiny.yaml"]
    command += ["--data.cases", cases, "--run", run, "--optimisation.steps_per_epoch", str(STEPS // 4)]
    command += ["--device.accelerator", "cpu", "--output.images_every", str(STEPS)]
    return subprocess.Popen([str(part) for part in command], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)


def step_of(run: Path) -> int:
    """Step of the run's checkpoint, 0 without one; raises if it is damaged."""
    path = run / "checkpoint.pt"
    return int(torch.load(path, weights_only=True)["step"]) if path.exists() else 0


def kill_at_random(process: subprocess.Popen[bytes], run: Path, rng: np.random.Generator) -> Kill:
    """Wait for none to four new checkpoints and a little longer, then kill."""
    path, wanted = run / "checkpoint.pt", int(rng.integers(5))
    seen, last = 0, path.stat().st_mtime_ns if path.exists() else 0
    while seen < wanted and process.poll() is None:
        now = path.stat().st_mtime_ns if path.exists() else 0
        seen, last = seen + (now != last), now
        time.sleep(0.002)
    more = float(rng.uniform(0, STEP if wanted else START))
    time.sleep(more)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    moment = f"{more:.2f} s after " + (f"checkpoint {wanted} of this start" if wanted else "the start")
    return Kill(moment, step_of(run), any(run.glob(".writing-*")))


def finish(cases: Path, run: Path) -> dict[str, Any]:
    """Let the run come to its end; its last checkpoint."""
    process = start(cases, run)
    _, errors = process.communicate()
    if process.returncode:
        raise SystemExit(f"The run did not end well:\n{errors.decode()}")
    content: dict[str, Any] = torch.load(run / "checkpoint.pt", weights_only=True)
    return content


def report(kills: list[Kill], different: list[str], parts: list[str]) -> str:
    """Markdown."""
    lines = [f"# {len(kills)} kills (SIGKILL) of a training run of {STEPS} steps", ""]
    lines += ["| kill | moment | readable checkpoint of step | a file was half written |", "|--:|---|--:|---|"]
    for number, kill in enumerate(kills, start=1):
        half = "yes, under its temporary name" if kill.half_written else "no"
        lines.append(f"| {number} | {kill.moment} | {kill.step} | {half} |")
    verdict = "differs in " + ", ".join(different) if different else f"equal bit for bit: {', '.join(parts)}"
    return "\n".join([*lines, "", f"Resumed after every kill. Beside an undisturbed run, the end is {verdict}."]) + "\n"


def main() -> None:
    """Kill, resume, compare; exit status 1 where anything is not as it should be."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--output", type=Path, required=True)
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    rng = np.random.default_rng(arguments.seed)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write_cases(folder / "cases")
        kills, run = [], folder / "killed"
        for number in range(arguments.kills):
            kills.append(kill_at_random(start(folder / "cases", run), run, rng))
            print(f"kill {number + 1}: {kills[-1]}", flush=True)
        steps = [kill.step for kill in kills]
        if steps != sorted(steps) or steps[-1] >= STEPS:
            raise SystemExit(f"A checkpoint went backwards, or the run was over before the last kill: {steps}")
        found, expected = finish(folder / "cases", run), finish(folder / "cases", folder / "undisturbed")
    different = [part for part in expected if not same_content(expected[part], found.get(part))]
    arguments.output.mkdir(parents=True, exist_ok=True)
    text = report(kills, different, list(expected))
    (arguments.output / "killed-training.md").write_text(text, encoding="utf-8")
    print(text)
    sys.exit(bool(different))


if __name__ == "__main__":
    main()
