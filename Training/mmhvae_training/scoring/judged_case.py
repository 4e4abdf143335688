"""The slices of one case that are judged: truth in [0, 1], inputs as the network sees them, and the field of view."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from mmhvae.network import MMHVAEConfig
from numpy.typing import NDArray
from torch import Tensor

from ..data import Batch, TrainingCase, all_slices, load_case
from .lesion import regions

#: mm and pixels of the paper's slices, in which is judged what has no grid of its own.
SPACING_MM, SIDE = 0.5, MMHVAEConfig.image_size

Images = NDArray[np.float32]  # (S, H, W) in [0, 1], 0 outside the field of view


@dataclass(frozen=True)
class JudgedCase:
    """All slices of a case along its third axis, centred in the network's square.

    Attributes:
        numbers: of the slices in the case that show something, (S,).
        inputs: observed modality -> (S, 1, H, W) in [-1, 1], background -1.
        truths: the same modalities, harmonised (MR) or normalised (iUS).
        mask: field of view (S, H, W).
        regions: the lesion and its surroundings (:data:`REGIONS`), (S, H, W) each; empty without a label map.
    """

    name: str
    numbers: NDArray[np.intp]
    inputs: Mapping[str, Tensor]
    truths: Mapping[str, Images]
    mask: NDArray[np.bool_]
    regions: Mapping[str, NDArray[np.bool_]] = field(default_factory=dict)


def read_judged_case(folder: Path, modalities: Sequence[str], spacing: float, side: int) -> JudgedCase:
    """Read a prepared or simulated case at the network's spacing (mm) and image size.

    Raises:
        InputError: the case cannot be used, see :func:`load_case`.
    """
    return judged(load_case(folder, modalities, spacing), side)


def judged(case: TrainingCase, side: int) -> JudgedCase:
    """The slices of a case in memory."""
    batch: Batch = all_slices(case, side)
    shown = np.flatnonzero(batch.mask.flatten(1).any(1).numpy())
    mask = batch.mask[shown, 0].numpy().astype(bool)
    return JudgedCase(
        name=case.name,
        numbers=shown,
        inputs={name: tensor[shown].float() for name, tensor in batch.inputs.items()},
        truths={name: in_unit(tensor[shown, 0].float(), mask) for name, tensor in batch.targets.items()},
        mask=mask,
        regions={name: sliced[shown] for name, sliced in _regions(case, side).items()},
    )


def _regions(case: TrainingCase, side: int) -> dict[str, NDArray[np.bool_]]:
    if case.lesion is None:
        return {}
    volumes = {name: np.float16(where) for name, where in regions(case.lesion, case.mask, case.spacing).items()}
    sliced = all_slices(TrainingCase(case.name, case.mask, volumes, {}), side).inputs
    return {name: tensor[:, 0].numpy() > 0.5 for name, tensor in sliced.items()}


def thinned(case: JudgedCase, count: int) -> JudgedCase:
    """About ``count`` slices of a case, evenly spread over those whose field of view is at least half the largest."""
    area = case.mask.sum((1, 2))
    wide = np.flatnonzero(area >= area.max() / 2)
    chosen = wide[np.linspace(0, len(wide) - 1, min(count, len(wide))).round().astype(int)]
    inputs = {name: image[chosen] for name, image in case.inputs.items()}
    truths = {name: image[chosen] for name, image in case.truths.items()}
    where = {name: region[chosen] for name, region in case.regions.items()}
    return JudgedCase(case.name, case.numbers[chosen], inputs, truths, case.mask[chosen], where)


def in_unit(image: Tensor, mask: NDArray[np.bool_]) -> Images:
    """(S, H, W) in [-1, 1] -> [0, 1], 0 outside the mask."""
    return np.where(mask, (image.cpu().numpy() + 1) / 2, 0).astype(np.float32)
