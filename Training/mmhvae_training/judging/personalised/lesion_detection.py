"""AutoPET's metrics as the paper's Tables 5 and 7 have them.

The text says that Dice is zero for false negatives and true negatives; no row of the tables fits that. All fit this:
the sum of Dice over the cases with lesions is divided by their number for Dice-, and by their number and that of the
false positives for Dice; cases without a lesion, rightly left empty, do not count.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from mmhvae import InputError

from ...personalised import PatientVolume
from .transfer import Predict


@dataclass(frozen=True)
class LesionScore:
    """Voxels of one patient's lesions: true ones, found ones, and those that are both."""

    patient: str
    truth: int
    found: int
    both: int

    @property
    def dice(self) -> float:
        """Of a case with lesions; 0 where none was found."""
        return 2 * self.both / (self.truth + self.found)


@dataclass(frozen=True)
class LesionMetrics:
    """Per cent; ``dice_minus`` is Dice over the cases with lesions alone."""

    dice: float
    dice_minus: float
    tpr: float
    tnr: float
    fnr: float
    fpr: float


def score_lesions(predict: Predict, volume: PatientVolume) -> list[LesionScore]:
    """One patient with all modalities shown; the network's first class is the background."""
    assert volume.labels is not None
    found = predict(volume.images[None], tuple(range(len(volume.images))))[0].argmax(dim=0) > 0
    truth = volume.labels > 0
    return [LesionScore(volume.name, int(truth.sum()), int(found.sum()), int((truth & found).sum()))]


def lesion_metrics(scores: Sequence[LesionScore]) -> LesionMetrics:
    """Metrics over cases; a case is positive where any voxel is.

    Raises:
        InputError: no case has a lesion, or none has none, so that a rate is undefined.
    """
    positive, negative = [row for row in scores if row.truth], [row for row in scores if not row.truth]
    if not positive or not negative:
        raise InputError("There should be patients with and without lesions, for both rates; judge some of both.")
    total = sum(row.dice for row in positive)
    hits, false_alarms = sum(row.found > 0 for row in positive), sum(row.found > 0 for row in negative)
    tpr, fpr = hits / len(positive), false_alarms / len(negative)
    return LesionMetrics(
        dice=100 * total / (len(positive) + false_alarms),
        dice_minus=100 * total / len(positive),
        tpr=100 * tpr,
        tnr=100 * (1 - fpr),
        fnr=100 * (1 - tpr),
        fpr=100 * fpr,
    )
