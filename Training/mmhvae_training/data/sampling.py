"""The training set: which cases there are, and which of them a step draws its slices from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Protocol

import numpy as np
from mmhvae.exceptions import InputError

from ..configuration import DataConfig
from .augmentation import (
    apply_intensity_change,
    apply_ultrasound_change,
    draw_intensity_change,
    draw_ultrasound_change,
)
from .cases import case_folders
from .slices import Batch, TrainingCase, draw_consecutive, draw_scattered, load_case
from .splits import read_splits


class ImagesConfiguration(Protocol):
    """Which images a method's slices have, and their pixels a side."""

    @property
    def modalities(self) -> tuple[str, ...]: ...
    @property
    def image_size(self) -> int: ...


class EpochConfiguration(Protocol):
    """How many steps an epoch has; None: one a case."""

    @property
    def steps_per_epoch(self) -> int | None: ...


class SamplingConfiguration(Protocol):
    """What of a method's configuration decides which slices a step sees."""

    @property
    def data(self) -> DataConfig: ...
    @property
    def architecture(self) -> ImagesConfiguration: ...
    @property
    def optimisation(self) -> EpochConfiguration: ...
    @property
    def seed(self) -> int: ...


@dataclass(frozen=True)
class TrainingSet:
    """Cases in memory; ``incomplete`` ones are drawn by their own share."""

    cases: Sequence[TrainingCase]
    incomplete: Sequence[TrainingCase] = ()

    @property
    def all_cases(self) -> list[TrainingCase]:
        return [*self.cases, *self.incomplete]

    @property
    def modalities(self) -> set[str]:
        """Those that at least one case has."""
        return {name for case in self.all_cases for name in case.inputs}

    def __str__(self) -> str:
        return f"{len(self.cases)} cases, and {len(self.incomplete)} incomplete ones"

    def described(self) -> dict[str, dict[str, list[str]]]:
        """What a run's record says of it: the modalities of every case."""
        return {
            kind: {case.name: list(case.inputs) for case in cases}
            for kind, cases in (("cases", self.cases), ("incomplete", self.incomplete))
        }


def load_training_set(config: DataConfig, architecture: ImagesConfiguration, limit: int | None = None) -> TrainingSet:
    """Read every case of the split, or the first ``limit``.

    Raises:
        InputError: there is none, one cannot be used, or no case has one of the modalities and ``unseen_modality``
            refuses that.
    """
    found = TrainingSet(
        _load(config.cases, config, architecture, limit),
        _load(config.incomplete, config, architecture, limit) if config.incomplete else [],
    )
    unseen = [name for name in architecture.modalities if name not in found.modalities]
    if unseen and limit is None and config.unseen_modality == "refuse":
        raise InputError(
            f"No case has {' or '.join(unseen)}; add cases that do, take it out of architecture.modalities, "
            "or set data.unseen_modality to train_the_rest."
        )
    return found


def _load(folder: Path, config: DataConfig, architecture: ImagesConfiguration, limit: int | None) -> list[TrainingCase]:
    names = list(case_folders(folder, architecture.modalities))
    if config.splits and folder == config.cases:
        splits = read_splits(config.splits, names)
        names = [name for name in names if splits.get(name) == config.split]
        if not names:
            raise InputError(f"{config.splits} puts no case of {folder} into the split '{config.split}'.")
    return [load_case(folder / name, architecture.modalities, config.spacing) for name in names[:limit]]


@dataclass(frozen=True)
class Sampler:
    """Draws the batch of a step. All devices draw the same whole batch, and each works on its share of it."""

    training_set: TrainingSet
    configuration: SamplingConfiguration

    @property
    def steps_per_epoch(self) -> int:
        """As configured, or one step a case."""
        return self.configuration.optimisation.steps_per_epoch or len(self.training_set.all_cases)

    def draw(self, step: int, rng: np.random.Generator) -> Batch:
        """Algorithm 1, lines 3 and 4: a case, which decides what is observed, and B of its slices."""
        config, side = self.configuration.data, self.configuration.architecture.image_size
        case = self._case(step, rng)
        draw = draw_consecutive if config.slices == "consecutive" else draw_scattered
        batch = draw(case, config.batch_size, side, rng)
        batch = _with_intensity_changes(batch, rng) if config.intensity_changes else batch
        return _with_ultrasound_change(batch, rng) if config.ultrasound_changes else batch

    def _case(self, step: int, rng: np.random.Generator) -> TrainingCase:
        config, found = self.configuration.data, self.training_set
        if config.order == "each_case":
            epoch, place = divmod(step, len(found.all_cases))
            order = np.random.default_rng([self.configuration.seed, epoch]).permutation(len(found.all_cases))
            return found.all_cases[int(order[place])]
        # No draw where there is nothing to choose, so that such runs keep their order of cases.
        incomplete = bool(found.incomplete) and rng.random() < config.incomplete_share
        chosen = found.incomplete if incomplete else found.cases
        return chosen[int(rng.integers(len(chosen)))]


def _with_intensity_changes(batch: Batch, rng: np.random.Generator) -> Batch:
    changed = {
        name: apply_intensity_change(image, batch.mask, draw_intensity_change(rng))
        for name, image in batch.inputs.items()
    }
    return replace(batch, inputs=changed)


def _with_ultrasound_change(batch: Batch, rng: np.random.Generator) -> Batch:
    change = draw_ultrasound_change(rng)
    if "us" not in batch.inputs:
        return batch
    return replace(
        batch, inputs={**batch.inputs, "us": apply_ultrasound_change(batch.inputs["us"], batch.mask, change)}
    )
