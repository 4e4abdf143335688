"""The paper's tables from a trained network: transfer from each modality to all, and segmentation by subsets."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from statistics import mean, stdev
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from skimage.metrics import structural_similarity
from torch import Tensor

from .inputs import Subset, all_subsets

Protocol = Literal["whole", "brain", "released"]
Predict = Callable[[Tensor, Subset], Tensor]
"""(1, M, D, H, W) and what of it is shown -> (1, outputs, D, H, W)."""
REGIONS = ("WT", "TC", "ET")
FEWEST_ENHANCING = 500
EPSILON = 1e-8
SSIM_WINDOW = 7


@dataclass(frozen=True)
class TransferScore:
    """How well one modality of one patient was made from another."""

    patient: str
    source: str
    target: str
    psnr: float
    nmse: float
    ssim: float


def transfer_score(
    output: NDArray[np.float32], truth: NDArray[np.float32], brain: NDArray[np.bool_], protocol: Protocol
) -> tuple[float, float, float]:
    """PSNR (dB), NMSE and SSIM (7^3 uniform windows) of one modality, (D, H, W) each.

    ``whole`` compares all voxels; ``brain`` those within it, SSIM by its map's mean there; ``released`` does as the
    authors' code: the output is z-scored anew, and the background pasted from the truth, which flatters it.
    """
    if protocol == "released":
        output = (output - output.mean()) / max(float(output.std()), EPSILON)
        output = np.where(brain, output, truth)
    inside = brain if protocol == "brain" else np.ones_like(brain)
    span = float(truth.max() - truth.min())
    if protocol == "released":
        span = max(span, float(output.max() - output.min()))
    error = ((output - truth)[inside] ** 2).astype(np.float64)
    psnr = 10 * np.log10(span**2 / max(error.mean(), EPSILON))
    nmse = error.sum() / max(float((truth[inside].astype(np.float64) ** 2).sum()), EPSILON)
    _, similarity = structural_similarity(output, truth, win_size=SSIM_WINDOW, data_range=span, full=True)
    return float(psnr), float(nmse), float(similarity[inside].mean())


def score_transfer(
    predict: Predict, name: str, images: Tensor, brain: Tensor, modalities: Sequence[str], protocol: Protocol
) -> list[TransferScore]:
    """Each modality of a patient, (M, D, H, W), alone to all: M x M scores, the paper's Tables 2 and 9."""
    inside, rows = brain.numpy(), []
    for number, source in enumerate(modalities):
        made = predict(images[None], (number,))[0].numpy()
        for output, truth, target in zip(made, images.numpy(), modalities, strict=True):
            rows.append(TransferScore(name, source, target, *transfer_score(output, truth, inside, protocol)))
    return rows


@dataclass(frozen=True)
class SubsetScore:
    """Dice of one patient's regions with some of the modalities; ``ET*`` without predictions of under 500 voxels."""

    patient: str
    subset: tuple[str, ...]
    dice: dict[str, float]


def dice(found: NDArray[np.bool_], truth: NDArray[np.bool_]) -> float:
    """2 |A and B| / (|A| + |B|); 1 where both are empty, as in the benchmark's code."""
    both, either = int((found & truth).sum()), int(found.sum()) + int(truth.sum())
    return (2 * both + EPSILON) / (either + EPSILON)


def region_dice(found: NDArray[np.integer], truth: NDArray[np.integer]) -> dict[str, float]:
    """Dice of WT, TC, ET and ET*; both are numbers of nested regions."""
    scores = {name: dice(found > level, truth > level) for level, name in enumerate(REGIONS)}
    enhancing = found > 2
    kept = enhancing if enhancing.sum() >= FEWEST_ENHANCING else np.zeros_like(enhancing)
    return scores | {"ET*": dice(kept, truth > 2)}


def score_subsets(
    predict: Predict, name: str, images: Tensor, labels: Tensor, modalities: Sequence[str]
) -> list[SubsetScore]:
    """All non-empty subsets of a patient's modalities, the paper's Table 10."""
    rows = []
    for subset in all_subsets(len(modalities)):
        found = predict(images[None], subset)[0].argmax(dim=0).numpy()
        rows.append(SubsetScore(name, tuple(modalities[i] for i in subset), region_dice(found, labels.numpy())))
    return rows


def by_missing(rows: Sequence[SubsetScore], modalities: int) -> dict[int, dict[str, tuple[float, float]]]:
    """The paper's Table 3: number of missing modalities -> region -> mean and sample deviation over the subsets."""
    result: dict[int, dict[str, tuple[float, float]]] = {}
    subsets = list(dict.fromkeys(row.subset for row in rows))
    for missing in range(modalities):
        chosen = [subset for subset in subsets if len(subset) == modalities - missing]
        result[missing] = {}
        for region in rows[0].dice if chosen else ():
            means = [mean(row.dice[region] for row in rows if row.subset == subset) for subset in chosen]
            result[missing][region] = (mean(means), stdev(means) if len(means) > 1 else 0.0)
    return result


def transfer_table(rows: Sequence[TransferScore], modalities: Sequence[str]) -> str:
    """PSNR / NMSE / SSIM by source (rows) and target, means over patients, as Markdown."""
    lines = ["| from | " + " | ".join(modalities) + " |", "|" + " --- |" * (len(modalities) + 1)]
    for source in modalities:
        cells = []
        for target in modalities:
            own = [row for row in rows if (row.source, row.target) == (source, target)]
            numbers = (mean(getattr(row, name) for row in own) for name in ("psnr", "nmse", "ssim"))
            cells.append("{:.2f} / {:.3f} / {:.3f}".format(*numbers))
        lines.append(f"| {source} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def subset_table(rows: Sequence[SubsetScore], published: Mapping[tuple[str, ...], Mapping[str, float]]) -> str:
    """Dice in per cent by subset, means over patients, beside the paper's, as Markdown."""
    names = list(rows[0].dice)
    lines = ["| modalities | " + " | ".join(names) + " |", "|" + " --- |" * (len(names) + 1)]
    for subset in dict.fromkeys(row.subset for row in rows):
        own = [row for row in rows if row.subset == subset]
        paper = published.get(tuple(sorted(subset)), {})
        cells = [f"{100 * mean(row.dice[name] for row in own):.1f}" for name in names]
        cells = [f"{c} ({paper[n]:.1f})" if n in paper else c for c, n in zip(cells, names, strict=True)]
        lines.append(f"| {', '.join(subset)} | " + " | ".join(cells) + " |")
    return "\n".join(lines)
