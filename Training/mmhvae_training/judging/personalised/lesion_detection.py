"""AutoPET's metrics as the paper's Tables 5 and 7 have them.

The text says that Dice is zero for false negatives and true negatives; no row of the tables fits that. All fit this:
the sum of Dice over the cases with lesions is divided by their number for Dice-, and by their number and that of the
false positives for Dice; cases without a lesion, rightly left empty, do not count.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class LesionMetrics:
    """Per cent; ``dice_minus`` is Dice over the cases with lesions alone."""

    dice: float
    dice_minus: float
    tpr: float
    tnr: float
    fnr: float
    fpr: float


def lesion_metrics(found: Sequence[NDArray[np.bool_]], truth: Sequence[NDArray[np.bool_]]) -> LesionMetrics:
    """Metrics over cases; a case is positive where any voxel is.

    Raises:
        ValueError: no case has a lesion, or none has none, so that a rate is undefined.
    """
    pairs = list(zip(found, truth, strict=True))
    positive = [(f, t) for f, t in pairs if t.any()]
    negative = [f for f, t in pairs if not t.any()]
    if not positive or not negative:
        raise ValueError("There should be cases with and without lesions; give both.")
    total = sum(2 * int((f & t).sum()) / (int(f.sum()) + int(t.sum())) for f, t in positive)
    hits, false_alarms = sum(bool(f.any()) for f, _ in positive), sum(bool(f.any()) for f in negative)
    tpr, fpr = hits / len(positive), false_alarms / len(negative)
    return LesionMetrics(
        dice=100 * total / (len(positive) + false_alarms),
        dice_minus=100 * total / len(positive),
        tpr=100 * tpr,
        tnr=100 * (1 - fpr),
        fnr=100 * (1 - tpr),
        fpr=100 * fpr,
    )
