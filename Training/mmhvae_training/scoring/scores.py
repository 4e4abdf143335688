"""Scores slice by slice, as CSV: one file a case, so that a long evaluation can be stopped and gone on with."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from mmhvae.exceptions import InputError
from mmhvae.files import whole_file
from numpy.typing import NDArray

from .judged_case import Images, JudgedCase
from .lesion import REGIONS, region_scores
from .metrics import paper_psnr, paper_ssim, standard_psnr, standard_ssim
from .network_source import SEED, Prediction
from .perceptual import ShiftTolerantLPIPS, perceptual_distance


class Source(Protocol):
    """Where predictions come from."""

    @property
    def modalities(self) -> tuple[str, ...]: ...

    @property
    def spacing(self) -> float: ...

    @property
    def side(self) -> int: ...

    @property
    def facts(self) -> dict[str, Any]: ...

    def predictions(self, case: JudgedCase) -> Iterator[Prediction]: ...


@dataclass(frozen=True)
class SliceScore:
    """One line: inputs are joined by ``+``; what was not computed is NaN, and what a slice shows too little of.

    ``..._lesion`` and ``..._around`` are within the lesion, and the lesion and 5 mm around (:mod:`.lesion`).
    """

    case: str
    inputs: str
    target: str
    slice: int
    psnr_standard: float
    ssim_standard: float
    psnr_paper: float
    ssim_paper: float
    st_lpips: float = float("nan")
    psnr_lesion: float = float("nan")
    mae_lesion: float = float("nan")
    ssim_lesion: float = float("nan")
    psnr_around: float = float("nan")
    mae_around: float = float("nan")
    ssim_around: float = float("nan")


def score_case(source: Source, case: JudgedCase, measure: ShiftTolerantLPIPS | None = None) -> list[SliceScore]:
    """Every subset and target that the source has and whose truth the case knows; empty slices are left out."""
    rows: list[SliceScore] = []
    for prediction in source.predictions(case):
        for target, image in prediction.images.items():
            rows += _rows(case, prediction, target, image, measure)
    return rows


def _rows(
    case: JudgedCase, prediction: Prediction, target: str, image: Images, measure: ShiftTolerantLPIPS | None
) -> Iterable[SliceScore]:
    truth, mask = case.truths[target][prediction.slices], case.mask[prediction.slices]
    seen = np.ptp(truth, axis=(1, 2)) > 0
    if not seen.any():
        return []
    image, truth, mask = image[seen], truth[seen], mask[seen]
    distance = perceptual_distance(measure, image, truth) if measure else np.full(len(image), np.nan)
    columns = (
        case.numbers[prediction.slices][seen],
        standard_psnr(image, truth, mask),
        standard_ssim(image, truth, mask),
        paper_psnr(image, truth),
        paper_ssim(image, truth),
        distance,
        *_lesion_columns(case, prediction, seen, image, truth),
    )
    inputs = "+".join(prediction.subset)
    return [SliceScore(case.name, inputs, target, int(n), *map(float, rest)) for n, *rest in zip(*columns, strict=True)]


def _lesion_columns(
    case: JudgedCase, prediction: Prediction, seen: NDArray[np.bool_], image: Images, truth: Images
) -> list[NDArray[np.float64]]:
    """PSNR, MAE and SSIM of each region, (S,) each; NaN where the case has no label map."""
    columns = []
    for name in REGIONS:
        region = case.regions.get(name)
        where = np.zeros(image.shape, bool) if region is None else region[prediction.slices][seen]
        scores = region_scores(image, truth, where)
        columns += [scores[measure] for measure in ("psnr", "mae", "ssim")]
    return columns


def write_scores(rows: Iterable[SliceScore], path: Path) -> None:
    """Write a CSV, whole or not at all; raises :class:`InputError` where that is impossible."""
    with whole_file(path) as temporary, temporary.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow([field.name for field in fields(SliceScore)])
        writer.writerows([_rounded(value) for value in asdict(row).values()] for row in rows)


def _rounded(value: Any) -> Any:
    return f"{value:.6g}" if isinstance(value, float) else value


def read_scores(folder: Path) -> list[SliceScore]:
    """All slices of an evaluation.

    Raises:
        InputError: the folder holds none, or a file that is not of this kind.
    """
    paths = sorted((folder / "slices").glob("*.csv"))
    if not paths:
        raise InputError(f"{folder} holds no slices/CASE.csv; give a folder that 'evaluate.py table' wrote.")
    return [row for path in paths for row in _read(path)]


def read_seeds(folder: Path) -> dict[str, list[SliceScore]]:
    """A method's evaluations: ``seed-N`` -> its slices, or the folder's own under its name where it holds no such.

    Raises:
        InputError: as :func:`read_scores`, or two seeds judged different cases.
    """
    seeds = sorted(path for path in folder.glob(f"{SEED}*") if path.is_dir())
    found = {path.name: read_scores(path) for path in seeds or [folder]}
    if len({frozenset(row.case for row in rows) for rows in found.values()}) > 1:
        raise InputError(f"The seeds in {folder} were judged on different cases; evaluate the same ones with each.")
    return found


def _read(path: Path) -> list[SliceScore]:
    try:
        with path.open(newline="", encoding="utf-8") as file:
            return [_parsed(row) for row in csv.DictReader(file)]
    except (OSError, ValueError, KeyError, TypeError, csv.Error) as error:
        raise InputError(f"{path} is not a table of scores; remove it and evaluate the case again.") from error


def _parsed(row: Mapping[str, str]) -> SliceScore:
    numbers = [float(row[field.name]) for field in fields(SliceScore)[4:]]
    return SliceScore(row["case"], row["inputs"], row["target"], int(row["slice"]), *numbers)
