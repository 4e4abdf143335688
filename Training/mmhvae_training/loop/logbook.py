"""What a run tells while it runs: ``losses.jsonl``, TensorBoard, and a line on the terminal."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

from mmhvae.files import write_text
from torch import Tensor
from torch.utils.tensorboard import SummaryWriter

from ..records import read_lines

LOSSES = "losses.jsonl"


class Logbook:
    """The log of a run that begins or resumes at ``step``; what a killed run wrote after it is dropped.

    Raises:
        InputError: the folder cannot be written, or the log that it holds is damaged.
    """

    def __init__(self, folder: Path, step: int) -> None:
        self.path = folder / LOSSES
        write_text("".join(json.dumps(row) + "\n" for row in _rows_until(self.path, step)), self.path)
        self.writer = SummaryWriter(str(folder / "tensorboard"), purge_step=step + 1)
        self.started = time.monotonic()

    def write(self, step: int, total: int, losses: dict[str, float]) -> None:
        """Log the losses of a step of ``total``; names hold a slash where TensorBoard shall group them."""
        minutes = (time.monotonic() - self.started) / 60
        record = {"step": step, "minutes": round(minutes, 2), **{n: round(v, 7) for n, v in losses.items()}}
        with self.path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(record) + "\n")
        for name, value in losses.items():
            self.writer.add_scalar(name, value, step)
        main = "  ".join(f"{name} {value:.4f}" for name, value in losses.items() if "/" not in name)
        print(f"step {step} of {total}  {main}  {minutes:.1f} min", flush=True)

    def show(self, step: int, grid: Tensor) -> None:
        """Log an image (1, H, W) in [0, 1]."""
        self.writer.add_image("subsets x targets", grid, step)

    def close(self) -> None:
        """Write what is still in memory."""
        self.writer.close()


def _rows_until(path: Path, step: int) -> list[dict[str, Any]]:
    """What was logged of steps up to ``step``."""
    return [row for row in read_lines(path, {"step": int}) if row["step"] <= step]
