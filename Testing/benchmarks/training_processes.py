"""``train.py`` as a user starts it, with one process and with one a core: seconds a step, slices an hour, losses.

The starter's configuration on random cases. Both take turns, round after round; a step's time is that between two
lines of the log, so that neither start nor reading counts.
"""

from __future__ import annotations

import json
import re
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import SimpleITK as sitk
import yaml

ROOT = Path(__file__).resolve().parents[2]
STARTER = ROOT / "Training" / "configs" / "starter.yaml"
MODALITIES = ("us", "t2", "cet1", "flair")
SIDE, WHITE_MATTER = 112, 3  # voxels; label
GOAL = 1.5  # times the slices an hour
WAYS = {"one process": "1", "one process a core": "auto"}
STEP = re.compile(r"step (\d+) of")


def write_case(folder: Path, seed: int) -> None:
    """A ball of random tissue in all modalities, half of it white matter."""
    folder.mkdir(parents=True)
    rng = np.random.default_rng(seed)
    inside = np.linalg.norm(np.stack(np.meshgrid(*[np.linspace(-1, 1, SIDE)] * 3, indexing="ij")), axis=0) < 0.95
    labels = np.where(inside, np.where(np.arange(SIDE)[:, None, None] > SIDE // 2, WHITE_MATTER, 2), 0).astype(np.uint8)
    sitk.WriteImage(sitk.GetImageFromArray(labels), str(folder / "labels.nii.gz"))
    for name in MODALITIES:
        grey = np.where(inside, 100 + 40 * labels + rng.uniform(0, 20, inside.shape), 0).astype(np.float32)
        sitk.WriteImage(sitk.GetImageFromArray(grey), str(folder / f"{name}.nii.gz"))


def train(cases: Path, run: Path, devices: str, steps: int) -> tuple[list[float], list[float]]:
    """Seconds of each step but the first, and the image loss of all."""
    epochs = steps / yaml.safe_load(STARTER.read_text(encoding="utf-8"))["optimisation"]["steps_per_epoch"]
    command = [sys.executable, ROOT / "Training" / "train.py", "--config", STARTER, "--data.cases", cases, "--run", run]
    command += ["--optimisation.epochs", str(epochs), "--output.log_every", "1", "--output.images_every", "1000"]
    command += ["--device.accelerator", "cpu", "--device.devices", devices]
    told: list[float] = []
    with subprocess.Popen([str(part) for part in command], cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        told += [time.monotonic() for line in process.stdout if STEP.match(line)]
    if process.returncode:
        raise SystemExit(f"train.py ended with status {process.returncode}.")
    lines = [json.loads(line) for line in (run / "losses.jsonl").read_text(encoding="utf-8").splitlines()]
    return np.diff(told).tolist(), [line["image"] for line in lines]


def report(rounds: int, steps: int) -> str:
    """Train in turns; Markdown."""
    seconds: dict[str, list[float]] = {way: [] for way in WAYS}
    losses: dict[str, list[float]] = {}
    with tempfile.TemporaryDirectory() as folder:
        for number in range(2):
            write_case(Path(folder) / "cases" / f"case-{number}", number)
        for turn in range(rounds):
            for way in list(WAYS) if turn % 2 == 0 else list(reversed(WAYS)):
                taken, losses[way] = train(Path(folder) / "cases", Path(folder) / f"{way} {turn}", WAYS[way], steps)
                seconds[way].append(statistics.median(taken))
    one, many = seconds.values()
    batch = yaml.safe_load(STARTER.read_text(encoding="utf-8"))["data"]["batch_size"]
    lines = ["| train.py, the starter's configuration | s a step | slices an hour |", "|---|--:|--:|"]
    for way, taken in seconds.items():
        lines.append(f"| {way} | {statistics.median(taken):.2f} | {3600 * batch / statistics.median(taken):.0f} |")
    ratio = statistics.median(a / b for a, b in zip(one, many, strict=True))
    off = max(abs(a - b) for a, b in zip(*losses.values(), strict=True))
    verdict = "met" if ratio >= GOAL else "missed"
    lines.append(f"\n- One process a core makes {ratio:.2f} times the slices an hour; goal {GOAL:g}: {verdict}.")
    return "\n".join([*lines, f"- Largest difference of the image loss over {steps} steps: {off:.1e}."])
