"""Segmentation from whichever modalities there are: the paper's Tables 3 and 10."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ...personalised import PatientVolume, all_subsets
from .transfer import Predict

JOINT = "+"
FEWEST_ENHANCING = 500
"""Voxels of the enhancing tumour, below which a prediction counts as none for ET*."""
EPSILON = 1e-8


@dataclass(frozen=True)
class SubsetScore:
    """Dice of one patient's regions with some of the modalities, joined by ``+``; ET* without small predictions."""

    patient: str
    subset: str
    wt: float
    tc: float
    et: float
    et_star: float


def dice(found: NDArray[np.bool_], truth: NDArray[np.bool_]) -> float:
    """2 |A and B| / (|A| + |B|); 1 where both are empty, as in the benchmark's code."""
    both, either = int((found & truth).sum()), int(found.sum()) + int(truth.sum())
    return (2 * both + EPSILON) / (either + EPSILON)


def region_dice(
    found: NDArray[np.integer], truth: NDArray[np.integer], fewest: int = FEWEST_ENHANCING
) -> tuple[float, float, float, float]:
    """Dice of WT, TC, ET, and of ET with predictions of under ``fewest`` voxels removed; maps are of nested regions."""
    whole, core, enhancing = (dice(found > level, truth > level) for level in range(3))
    kept = found > 2
    if kept.sum() < fewest:
        kept = np.zeros_like(kept)
    return whole, core, enhancing, dice(kept, truth > 2)


def score_subsets(
    predict: Predict, volume: PatientVolume, modalities: Sequence[str], spacing: int
) -> list[SubsetScore]:
    """All non-empty subsets of a patient's modalities; ``spacing`` in mm, since ET* counts voxels of 1 mm."""
    assert volume.labels is not None
    rows, truth, fewest = [], volume.labels.numpy(), round(FEWEST_ENHANCING / spacing**3)
    for subset in all_subsets(len(modalities)):
        found = predict(volume.images[None], subset)[0].argmax(dim=0).numpy()
        name = JOINT.join(modalities[i] for i in subset)
        rows.append(SubsetScore(volume.name, name, *region_dice(found, truth, fewest)))
    return rows
