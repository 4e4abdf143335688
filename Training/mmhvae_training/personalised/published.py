"""Numbers of the paper's tables, to stand beside our own. Dice in per cent."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import combinations

#: Table 10, columns in its own order, by the reading that its dots were lost: 3 missing, 2 missing, 1 missing, full.
_ORDER = ("flair", "t1", "cet1", "t2")
_TABLE_10 = {
    "TC": (75.83, 71.2, 75.29, 75.71, 80.66, 83.6, 79.23, 74.83, 79.51, 79.52, 83.92, 82.78, 86.65, 81.22, 86.72),
    "ET": (67.45, 54.83, 70.86, 47.63, 69.38, 52.91, 70.1, 59.45, 67.44, 63.91, 70.79, 57.78, 69.42, 59.76, 70.64),
    "WT": (89.23, 81.73, 82.26, 87.45, 89.74, 89.03, 88.0, 81.92, 89.72, 86.27, 89.12, 90.5, 91.25, 87.1, 91.19),
}


def single_and_full() -> Mapping[tuple[str, ...], Mapping[str, float]]:
    """Those columns of Table 10 whose modalities are known: each alone, and all four; which pair is which is not."""
    sets = [*combinations(_ORDER, 1), _ORDER]
    columns = (0, 1, 2, 3, 14)
    return {
        tuple(sorted(names)): {region: values[column] for region, values in _TABLE_10.items()}
        for names, column in zip(sets, columns, strict=True)
    }


#: Tables 5 and 7 (AutoPET-II): Dice, Dice-, TPR, TNR, FNR, FPR.
AUTOPET = {
    "UNETR": (10.81, 23.14, 80.65, 3.64, 19.35, 96.36),
    "SwinUNETR": (43.45, 62.60, 90.32, 62.73, 9.68, 37.27),
    "SwinUNETR, Tang's pre-training": (44.06, 57.79, 89.25, 73.64, 10.75, 26.36),
    "X_h": (48.20, 61.16, 88.17, 77.27, 11.83, 22.72),
    "without invariance and prior": (40.85, 55.79, 81.72, 69.09, 18.28, 30.91),
    "without equivariance and prior": (44.34, 48.63, 77.42, 91.82, 22.58, 8.18),
    "without prior": (42.42, 60.67, 89.25, 63.64, 10.75, 36.36),
    "without invariance": (46.31, 55.77, 83.87, 82.73, 16.13, 17.27),
    "without equivariance": (44.42, 57.80, 88.17, 74.55, 11.83, 25.45),
}
#: Test cases with and without lesions: the only numbers that all rows above agree with.
AUTOPET_CASES = (93, 110)
