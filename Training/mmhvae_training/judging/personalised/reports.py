"""What evaluate_personalised.py writes: several runs in the form of the paper's tables."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from statistics import mean, stdev

from .compared_table import TESTS_TOLD, Cell, Measure, compared_table
from .lesion_detection import LesionScore, lesion_metrics
from .published import AUTOPET, OTHERS, TABLE_3, published_pet_ct, published_subsets, published_transfer
from .subsets import JOINT, SubsetScore
from .transfer import EXPLAINED, TransferScore

TRANSFER_MEASURES = (Measure("psnr", "PSNR (dB)", 2), Measure("nmse", "NMSE", 3), Measure("ssim", "SSIM", 3))
SUBSET_MEASURES = (
    Measure("wt", "WT, Dice (%)", 1, 100),
    Measure("tc", "TC, Dice (%)", 1, 100),
    Measure("et", "ET, Dice (%)", 1, 100),
    Measure("et_star", "ET*, Dice (%), predictions of under 500 mm^3 removed", 1, 100),
)
LESION_DICE = Measure("dice", "Dice of the patients with lesions (%)", 2, 100)
PAPERS_PROTOCOL = (
    "By its authors' code the paper's numbers of X_h and SwinUNETR (219 patients, 1 mm) are of the protocol released: "
    "compare them with those tables alone. MS-SPADE's are its own authors'."
)
Runs = Mapping[str, Sequence[TransferScore]]


def transfer_report(runs: Runs, told: str, protocols: Sequence[str], pet_ct: bool = False) -> str:
    """Tables 1, 2, 8 and 9: each protocol's PSNR, NMSE and SSIM by source and target, and true transfers' mean."""
    published = published_pet_ct if pet_ct else published_transfer
    paper = "The paper does not say by which protocol its numbers were computed." if pet_ct else PAPERS_PROTOCOL
    lines = ["# Transfer from one modality to all", "", told, TESTS_TOLD, paper, ""]
    for protocol in protocols:
        lines += [f"## Protocol {protocol}: {EXPLAINED[protocol]}", ""]
        for measure in TRANSFER_MEASURES:
            cells: dict[Cell, dict[str, dict[str, float]]] = {}
            for name, rows in runs.items():
                for cell, values in _transfers(rows, protocol, measure.name).items():
                    cells.setdefault(cell, {})[name] = values
            lines.append(compared_table(measure, ("from", "to"), cells, published(measure.name)))
    return "\n".join(lines)


def _transfers(rows: Sequence[TransferScore], protocol: str, name: str) -> dict[Cell, dict[str, float]]:
    cells: dict[Cell, dict[str, float]] = {}
    others: dict[str, list[float]] = defaultdict(list)
    for row in rows:
        if row.protocol == protocol:
            cells.setdefault((row.source, row.target), {})[row.patient] = getattr(row, name)
            if row.source != row.target:
                others[row.patient].append(getattr(row, name))
    return cells | {OTHERS: _means(others)}


def subset_report(runs: Mapping[str, Sequence[SubsetScore]], told: str) -> str:
    """Table 10, Dice by subset and region, and Table 3, by how many are missing."""
    lines = ["# Tumour segmentation from whichever modalities there are", "", told, TESTS_TOLD, "", *_grouped(runs)]
    modalities = max((row.subset.split(JOINT) for row in next(iter(runs.values()))), key=len)
    lines += ["", "## By subset", ""]
    for measure in SUBSET_MEASURES:
        cells: dict[Cell, dict[str, dict[str, float]]] = {}
        for name, rows in runs.items():
            for cell, values in _subsets(rows, len(modalities), measure.name).items():
                cells.setdefault(cell, {})[name] = values
        paper = published_subsets(measure.name, modalities)
        lines.append(compared_table(measure, ("modalities", "missing"), cells, paper))
    return "\n".join(lines)


def _subsets(rows: Sequence[SubsetScore], modalities: int, name: str) -> dict[Cell, dict[str, float]]:
    cells: dict[Cell, dict[str, float]] = {}
    groups: dict[str, dict[str, list[float]]] = {}
    for row in rows:
        missing = str(modalities - len(row.subset.split(JOINT)))
        cells.setdefault((row.subset, missing), {})[row.patient] = getattr(row, name)
        for group in (missing, "all"):
            groups.setdefault(group, defaultdict(list))[row.patient].append(getattr(row, name))
    return cells | {("mean", group): _means(groups[group]) for group in sorted(groups) if group != "0"}


def _means(values: Mapping[str, Sequence[float]]) -> dict[str, float]:
    return {patient: mean(found) for patient, found in values.items()}


def by_missing(rows: Sequence[SubsetScore], region: str) -> dict[str, tuple[float, float]]:
    """Table 3, per cent: number of missing modalities, and "all" -> mean and sample deviation of the subsets' means."""
    subsets: dict[str, list[float]] = defaultdict(list)
    for row in rows:
        subsets[row.subset].append(100 * getattr(row, region))
    most = max(len(subset.split(JOINT)) for subset in subsets)
    groups: dict[str, list[float]] = defaultdict(list)
    for subset, values in subsets.items():
        for group in (str(most - len(subset.split(JOINT))), "all"):
            groups[group].append(mean(values))
    return {name: (mean(found), stdev(found) if len(found) > 1 else 0.0) for name, found in sorted(groups.items())}


def _grouped(runs: Mapping[str, Sequence[SubsetScore]]) -> list[str]:
    """Markdown of Table 3: a row a region and run, the paper's below."""
    columns = list(by_missing(next(iter(runs.values())), "wt"))
    titles = [f"{name} missing" if name != "all" else "all subsets" for name in columns]
    lines = ["## By number of missing modalities: mean (standard deviation) over the subsets", ""]
    lines += ["| region | run | " + " | ".join(titles) + " |", "|" + "---|" * (2 + len(columns))]
    for measure in SUBSET_MEASURES:
        found = {name: by_missing(rows, measure.name) for name, rows in runs.items()}
        found |= {"*X_h, paper*": TABLE_3[measure.name]} if measure.name in TABLE_3 else {}
        for name, groups in found.items():
            cells = [f"{center:.1f}" + (f" ({spread:.1f})" if spread else "") for center, spread in groups.values()]
            lines.append("| " + " | ".join([measure.title.split(",")[0], name, *cells]) + " |")
    return lines


def lesion_report(runs: Mapping[str, Sequence[LesionScore]], told: str) -> str:
    """Tables 5 and 7: a row a run, the paper's below; and Dice of the cases with lesions, run against run."""
    titles = ("run", "Dice", "Dice-", "TPR", "TNR", "FNR", "FPR")
    lines = ["# Lesions in PET/CT", "", f"{told} In per cent; a case counts as positive where any voxel does.", ""]
    lines += ["| " + " | ".join(titles) + " |", "|" + "---|" * len(titles)]
    found = {name: tuple(vars(lesion_metrics(rows)).values()) for name, rows in runs.items()}
    for name, numbers in (found | {f"*{method}, paper*": numbers for method, numbers in AUTOPET.items()}).items():
        lines.append("| " + " | ".join([name, *(f"{number:.2f}" for number in numbers)]) + " |")
    positive = {name: {row.patient: row.dice for row in rows if row.truth} for name, rows in runs.items()}
    table = compared_table(LESION_DICE, ("patients", "measure"), {("with lesions", "Dice-"): positive})
    return "\n".join([*lines, "", TESTS_TOLD, "", table])
