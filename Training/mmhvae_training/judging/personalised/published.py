"""Numbers of the paper's tables, to stand beside our own. Dice in per cent."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import combinations, product
from statistics import mean

from .compared_table import Cell, Published
from .subsets import JOINT

OTHERS: Cell = ("each", "others")
"""The mean of all true transfers."""
METRICS = ("psnr", "nmse", "ssim")
_ORDER = ("t1", "cet1", "t2", "flair")
#: Table 9, whose means are Table 2: PSNR, NMSE, SSIM; rows are sources, targets in `_ORDER`. Tables 1 and 8 pick cells.
_TABLE_9 = {
    "X_h": (
        (43.472, 0.003, 0.996, 34.547, 0.045, 0.955, 30.756, 0.065, 0.944, 31.693, 0.049, 0.937),
        (34.077, 0.020, 0.962, 46.663, 0.003, 0.996, 30.775, 0.063, 0.942, 32.224, 0.046, 0.941),
        (32.646, 0.028, 0.955, 33.857, 0.051, 0.949, 43.653, 0.006, 0.991, 32.224, 0.046, 0.941),
        (32.752, 0.026, 0.951, 33.471, 0.055, 0.944, 30.571, 0.068, 0.940, 43.624, 0.004, 0.995),
    ),
    "SwinUNETR": (
        (32.815, 0.092, 0.941, 31.655, 0.202, 0.912, 24.650, 0.361, 0.857, 27.593, 0.202, 0.883),
        (32.456, 0.100, 0.929, 33.001, 0.156, 0.926, 25.125, 0.366, 0.859, 27.699, 0.211, 0.882),
        (30.102, 0.171, 0.896, 30.354, 0.283, 0.883, 26.831, 0.268, 0.887, 27.234, 0.242, 0.872),
        (31.371, 0.135, 0.916, 31.285, 0.240, 0.905, 25.579, 0.338, 0.867, 29.092, 0.148, 0.923),
    ),
    "MS-SPADE": (
        (29.001, 0.055, 0.942, 26.119, 0.078, 0.912, 25.818, 0.103, 0.904, 24.842, 0.113, 0.859),
        (26.228, 0.076, 0.922, 28.759, 0.060, 0.937, 25.990, 0.092, 0.907, 25.204, 0.092, 0.881),
        (25.422, 0.085, 0.908, 25.234, 0.087, 0.895, 29.230, 0.048, 0.942, 25.074, 0.098, 0.867),
        (25.186, 0.090, 0.905, 25.899, 0.094, 0.906, 26.146, 0.086, 0.913, 28.608, 0.058, 0.938),
    ),
}


def published_transfer(metric: str) -> Published:
    """Of MR: method -> (source, target) -> PSNR, NMSE or SSIM; and the mean of those with another target."""
    column, found = METRICS.index(metric), {}
    for method, rows in _TABLE_9.items():
        pairs = product(range(len(_ORDER)), repeat=2)
        cells: dict[Cell, float] = {(_ORDER[i], _ORDER[j]): rows[i][3 * j + column] for i, j in pairs}
        found[method] = cells | {OTHERS: mean(value for (source, target), value in cells.items() if source != target)}
    return found


#: Table 10 of X_h, by the reading that its dots were lost; modalities in this order: 3 missing, 2, 1, none.
_TABLE_10_ORDER = ("flair", "t1", "cet1", "t2")
_TABLE_10 = {
    "tc": (75.83, 71.2, 75.29, 75.71, 80.66, 83.6, 79.23, 74.83, 79.51, 79.52, 83.92, 82.78, 86.65, 81.22, 86.72),
    "et": (67.45, 54.83, 70.86, 47.63, 69.38, 52.91, 70.1, 59.45, 67.44, 63.91, 70.79, 57.78, 69.42, 59.76, 70.64),
    "wt": (89.23, 81.73, 82.26, 87.45, 89.74, 89.03, 88.0, 81.92, 89.72, 86.27, 89.12, 90.5, 91.25, 87.1, 91.19),
}
#: Table 3 of X_h: mean and deviation over the subsets with 0 to 3 missing, and over all 15.
TABLE_3 = {
    "tc": {"0": (86.72, 0.0), "1": (83.64, 2.29), "2": (79.56, 3.28), "3": (74.51, 3.87), "all": (79.78, 4.55)},
    "et": {"0": (70.64, 0.0), "1": (64.44, 6.62), "2": (63.87, 11.45), "3": (60.19, 11.31), "all": (63.49, 7.58)},
    "wt": {"0": (91.19, 0.0), "1": (89.49, 1.82), "2": (87.45, 1.03), "3": (85.17, 3.93), "all": (87.63, 3.25)},
}


def published_subsets(region: str, modalities: Sequence[str]) -> Published:
    """X_h's Dice by (subset, number missing), where it is known which subset it is: each alone, all, and groups' means.

    Which of the columns with one or two missing is which is not known.
    """
    values = _TABLE_10.get(region)
    if values is None:
        return {}
    sets = [*combinations(_TABLE_10_ORDER, 1), _TABLE_10_ORDER]
    found: dict[Cell, float] = {}
    for names, column in zip(sets, (0, 1, 2, 3, 14), strict=True):
        subset = JOINT.join(name for name in modalities if name in names)
        found[subset, str(len(modalities) - len(names))] = values[column]
    groups = {("mean", missing): center for missing, (center, _) in TABLE_3[region].items() if missing != "0"}
    return {"X_h": found | groups}


#: Table 4 (AutoPET-II): SSIM and PSNR of PET -> PET, CT -> CT, PET -> CT, CT -> PET.
_TABLE_4_CELLS: tuple[Cell, ...] = (("pet", "pet"), ("ct", "ct"), ("pet", "ct"), ("ct", "pet"))
_TABLE_4 = {
    "X_h": ((0.9969, 49.547), (0.9780, 37.098), (0.9282, 30.154), (0.9883, 41.584)),
    "without invariance and prior": ((0.9903, 44.8811), (0.9739, 37.2309), (0.9161, 28.1046), (0.9884, 39.8490)),
    "without equivariance and prior": ((0.9835, 42.2223), (0.9475, 32.0777), (0.9148, 29.3181), (0.9824, 39.0795)),
    "without prior": ((0.9955, 46.5603), (0.9419, 31.2692), (0.9215, 29.6694), (0.9851, 39.1718)),
    "without invariance": ((0.9931, 45.5829), (0.9437, 33.1866), (0.9070, 26.8885), (0.9834, 39.4528)),
    "without equivariance": ((0.9957, 47.4198), (0.9664, 35.4194), (0.9121, 27.2708), (0.9842, 39.4348)),
}
#: Table 6 (HNSCC, NSCLC): SSIM and PSNR of NAC -> CT, NAC -> AC. UNETR's and SwinUNETR's first SSIM of NSCLC is a copy.
_TABLE_6_CELLS: tuple[Cell, ...] = (("nac", "ct"), ("nac", "ac"))
_TABLE_6 = {
    "X_h, HNSCC": ((0.6939, 25.8498), (0.9516, 46.4658)),
    "SwinUNETR, HNSCC": ((0.5853, 23.5628), (0.9265, 42.5495)),
    "UNETR, HNSCC": ((0.4899, 21.7330), (0.8998, 42.8557)),
    "X_h, NSCLC": ((0.4744, 22.7791), (0.8853, 42.7687)),
    "SwinUNETR, NSCLC": ((0.4476, 22.5086), (0.8705, 41.3272)),
    "UNETR, NSCLC": ((0.4476, 20.6182), (0.8703, 40.8570)),
}


def published_pet_ct(metric: str) -> Published:
    """Of PET/CT: method -> (source, target) -> SSIM or PSNR; the paper has no NMSE."""
    if metric not in ("ssim", "psnr"):
        return {}
    column = ("ssim", "psnr").index(metric)
    return {
        method: {cell: numbers[column] for cell, numbers in zip(cells, rows, strict=True)}
        for cells, table in ((_TABLE_4_CELLS, _TABLE_4), (_TABLE_6_CELLS, _TABLE_6))
        for method, rows in table.items()
    }


#: Tables 5 and 7 (AutoPET-II): Dice, Dice-, TPR, TNR, FNR, FPR.
AUTOPET: Mapping[str, tuple[float, ...]] = {
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
