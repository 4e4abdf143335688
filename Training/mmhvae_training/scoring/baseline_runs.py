"""What a baseline's training run makes of a case."""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from mmhvae.exceptions import InputError

from ..baselines import Baseline, load_baseline
from ..loop import CHECKPOINT, RUN, checksum_of, read_average, read_checkpoint, read_run, spacing_of
from ..objective import subsets_of
from .judged_case import JudgedCase, in_unit
from .network_source import Prediction, name_of_run


@dataclass(frozen=True)
class BaselineSource:
    """A baseline, the grid it works on, and ``facts`` that say which one it is."""

    baseline: Baseline[Any]
    side: int
    spacing: float
    facts: dict[str, Any]
    seed: int = 0
    device: str = "cpu"
    batch_size: int = 8

    @property
    def modalities(self) -> tuple[str, ...]:
        return self.baseline.modalities

    def predictions(self, case: JudgedCase) -> Iterator[Prediction]:
        """Every subset of the observed modalities, batch by batch, as :class:`.network_source.NetworkSource` does."""
        seed = zlib.crc32(case.name.encode()) ^ self.seed
        generator = torch.Generator(self.device).manual_seed(seed)
        observed = [name for name in self.modalities if name in case.inputs]
        for start in range(0, len(case.numbers), self.batch_size):
            chosen = slice(start, start + self.batch_size)
            mask = torch.as_tensor(case.mask[chosen])[:, None].to(self.device)
            batch = {name: image[chosen].to(self.device) for name, image in case.inputs.items()}
            for subset in sorted(subsets_of(observed), key=len):
                part = {name: batch[name] for name in subset}
                made = self.baseline.synthesise(part, observed, mask, generator)
                images = {name: in_unit(image[:, 0], case.mask[chosen]) for name, image in made.items()}
                yield Prediction(subset, chosen, images)


def is_baseline(folder: Path) -> bool:
    """Whether the folder holds a baseline's run.

    Raises:
        InputError: it holds a run whose record is damaged.
    """
    return (folder / RUN).is_file() and "method" in read_run(folder)["config"]


def baseline_source(folder: Path, weights: Path | None = None, **options: Any) -> BaselineSource:
    """The averaged weights of a baseline's run: its last, or one of the kept averages.

    Raises:
        InputError: the folder holds no such run, or the weights are of another run or network.
    """
    if not is_baseline(folder):
        raise InputError(f"{folder} holds no run of a baseline; give a folder that train_baseline.py made.")
    described = read_run(folder)
    checkpoint = read_checkpoint(folder / CHECKPOINT, "method", "settings", "architecture", "average", "step")
    chosen, step = read_average(folder, weights) if weights else (checkpoint, checkpoint["step"])
    baseline = load_baseline(checkpoint, chosen)
    baseline.network.to(options.get("device", "cpu"))
    facts = {"run": name_of_run(folder), "step": step, "commit": described["commit"], "method": checkpoint["method"]}
    facts["weights_sha256"] = checksum_of(baseline.network.state_dict())
    side = int(checkpoint["architecture"]["image_size"])
    return BaselineSource(baseline, side, spacing_of(folder, described), facts, **options)
