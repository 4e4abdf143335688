"""Whole volumes by a training run of any method: slice by slice along the third axis, as its tables judge it."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import SimpleITK as sitk
import torch
from mmhvae.images import WayBack, field_of_view, from_slices, image_on
from numpy.typing import NDArray

from ..baselines import MMHVAESynthesiser, Synthesiser
from ..data import Batch, TrainingCase, all_slices, on_working_grid
from ..loop import checksum_of
from .baseline_runs import baseline_source, is_baseline
from .network_source import load_run


@dataclass(frozen=True)
class MadeVolumes:
    """Float32 images in [0, 1] by target, 0 outside ``field_of_view`` (uint8, 0 or 1), all on the inputs' grid."""

    images: dict[str, sitk.Image]
    field_of_view: sitk.Image


@dataclass(frozen=True)
class RunVolumes:
    """A method's network as it was trained: slices of ``side`` pixels of ``spacing`` mm.

    ``facts`` say which run it is.
    """

    synthesiser: Synthesiser
    modalities: tuple[str, ...]
    side: int
    spacing: float
    facts: dict[str, Any]
    device: str = "cpu"
    batch_size: int = 8

    @property
    def checksum(self) -> str:
        """SHA-256 of the weights."""
        return checksum_of(self.synthesiser.network.state_dict())

    def volumes(
        self, images: Mapping[str, sitk.Image], shown: Sequence[str], targets: Collection[str], seed: int = 0
    ) -> MadeVolumes:
        """The targets, of one draw.

        Slices wider than the network's square are made in its middle alone: beyond it there is no image.

        Args:
            images: of one grid; an ultrasound among them gives the field of view, else the first image does.
            shown: those of them that the network sees.
            targets: what is made.
            seed: of the noise, where the method has any.

        Raises:
            InputError: the field of view is empty, or an image shows nothing in it.
        """
        case = on_working_grid(images, self.spacing)
        batch = all_slices(TrainingCase("", case.mask, {name: case.inputs[name] for name in shown}, {}), self.side)
        slices = self._slices(batch, targets, seed)
        seen = _uncut(batch.mask[:, 0].numpy(), case.mask.shape)
        visible = field_of_view(images.get("us", next(iter(images.values()))))
        inside = from_slices(seen, 2) > 0
        back = WayBack(inside, case.grid, visible)

        def volume(planes: NDArray[np.float32]) -> sitk.Image:
            unit = np.clip(_uncut(planes, case.mask.shape) * seen, 0, 1)
            return back.image(from_slices(unit, 2).astype(np.float32))

        covered = sitk.Resample(
            image_on(inside.astype(np.uint8), case.grid), visible, sitk.Transform(), sitk.sitkNearestNeighbor
        )
        return MadeVolumes({name: volume(slices[name]) for name in targets}, covered * (visible != 0))

    def _slices(self, batch: Batch, targets: Collection[str], seed: int) -> dict[str, NDArray[np.float32]]:
        """Target -> (S, side, side), 0 and 1 where the network's range ends."""
        generator = torch.Generator(self.device).manual_seed(seed)
        made: dict[str, list[NDArray[np.float32]]] = {name: [] for name in targets}
        for start in range(0, len(batch.mask), self.batch_size):
            chosen = slice(start, start + self.batch_size)
            inputs = {name: tensor[chosen].float().to(self.device) for name, tensor in batch.inputs.items()}
            images = self.synthesiser.synthesise(inputs, targets, batch.mask[chosen].to(self.device), generator)
            for name in targets:
                made[name].append(((images[name][:, 0].float().cpu() + 1) / 2).numpy())
        return {name: np.concatenate(parts) for name, parts in made.items()}


def volumes_of_run(folder: Path, device: str = "cpu") -> RunVolumes:
    """The averaged weights of a run of train.py or train_baseline.py.

    Raises:
        InputError: the folder holds none.
    """
    if is_baseline(folder):
        source = baseline_source(folder, device=device)
        return RunVolumes(source.baseline, source.modalities, source.side, source.spacing, source.facts, device)
    network, spacing, facts = load_run(folder)
    made = MMHVAESynthesiser(network.to(device))
    facts = {"method": "mmhvae"} | facts
    return RunVolumes(made, made.modalities, network.config.image_size, spacing, facts, device)


def _uncut(slices: NDArray[np.generic], shape: tuple[int, ...]) -> NDArray[np.float32]:
    """Squares (S, side, side) from the middle of slices, put back into slices of the case's (k, j, i) shape."""
    count, columns, rows = shape
    side, result = slices.shape[-1], np.zeros((count, rows, columns), np.float32)
    target, source = [], []
    for length in (rows, columns):
        first = (length - side) // 2
        low, high = max(first, 0), min(first + side, length)
        target.append(slice(low, high))
        source.append(slice(low - first, high - first))
    result[:, target[0], target[1]] = slices[:, source[0], source[1]]
    return result
