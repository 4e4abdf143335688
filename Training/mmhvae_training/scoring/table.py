"""Table 1 of the paper as Markdown: case by case first, since the slices of one case are not independent."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence

import numpy as np
from mmhvae.images import MODALITIES

from ..objective import subsets_of
from .lesion import LEAST_PIXELS, REGIONS
from .scores import SliceScore

METRICS = {
    "standard": ("psnr_standard", "ssim_standard", "st_lpips"),
    "paper-compatible": ("psnr_paper", "ssim_paper", "st_lpips"),
}
#: Of the scores in the lesion, and in it with what is around.
LESION_TITLES = {
    "psnr_lesion": "PSNR in the lesion (dB)",
    "mae_lesion": "MAE in the lesion (%)",
    "ssim_lesion": "SSIM in the lesion (%)",
    "psnr_around": "PSNR in the lesion and 5 mm around (dB)",
    "mae_around": "MAE in the lesion and 5 mm around (%)",
    "ssim_around": "SSIM in the lesion and 5 mm around (%)",
}
LESION_METRICS = {"PSNR (dB)": "psnr", "MAE (%)": "mae", "SSIM (%)": "ssim"}
PERCENT = {"ssim_standard", "ssim_paper", "st_lpips", "mae", "ssim"}
PERCENT |= {name for name in LESION_TITLES if not name.startswith("psnr")}
TITLES = {
    "psnr_standard": "PSNR (dB)",
    "psnr_paper": "PSNR (dB)",
    "ssim_standard": "SSIM (%)",
    "ssim_paper": "SSIM (%)",
    "st_lpips": "ST-LPIPS (%)",
}
NOT_COMPUTED = "not computed"
EXPLAINED = {
    "standard": "**standard**: pixels in the field of view; range fixed to the harmonised [0, 1]; 2-D Gaussian SSIM.",
    "paper-compatible": "**paper-compatible**, as the authors' evaluation script computes it: whole slices, each with "
    "its own range; SSIM along each slice's rows, one-dimensional.",
}

Cell = tuple[str, str]  # inputs, target
CaseMeans = dict[Cell, dict[str, float]]  # case -> mean over its slices


def case_means(rows: Iterable[SliceScore], metric: str) -> CaseMeans:
    """Mean of a metric over the slices of each case, a cell of the table; cells without any value are left out."""
    values: dict[Cell, dict[str, list[float]]] = defaultdict(lambda: defaultdict(list))
    for row in rows:
        value = getattr(row, metric)
        if not np.isnan(value):
            values[row.inputs, row.target][row.case].append(value)
    return {
        cell: {case: float(np.mean(found)) for case, found in sorted(cases.items())} for cell, cases in values.items()
    }


def table(rows: Sequence[SliceScore], variant: str) -> str:
    """Markdown of one variant: a row an input subset, three columns a target; mean (standard deviation) over cases."""
    means = {metric: case_means(rows, metric) for metric in METRICS[variant]}
    lines = [f"Variant: {EXPLAINED[variant]}", "", *_header("ST-LPIPS" if means["st_lpips"] else "LPIPS")]
    subsets = sorted(subsets_of(tuple(MODALITIES)), key=len)
    for subset in subsets:
        cells = [_cell(means[m].get(("+".join(subset), t), {}), m, means) for t in MODALITIES for m in METRICS[variant]]
        counts = [len(means[METRICS[variant][0]].get(("+".join(subset), t), {})) for t in MODALITIES]
        marks = ["●" if name in subset else "○" for name in MODALITIES]
        lines.append("| " + " | ".join([*marks, *cells, "/".join(map(str, counts))]) + " |")
    everything = [_cell(_pooled(means[m], t), m, means) for t in MODALITIES for m in METRICS[variant]]
    counts = [len({case for cell in _of(means[METRICS[variant][0]], t) for case in cell}) for t in MODALITIES]
    lines.append("| " + " | ".join(["**all**", "", "", "", *everything, "/".join(map(str, counts))]) + " |")
    return "\n".join(lines) + "\n"


def _header(perceptual: str) -> list[str]:
    names = [known.name for known in MODALITIES.values()]
    measures = [f"{name} {what}" for name in names for what in ("PSNR (dB)", "SSIM (%)", f"{perceptual} (%)")]
    titles = [*(f"in: {name}" for name in names), *measures, "cases"]
    return ["| " + " | ".join(titles) + " |", "|" + "---|" * len(titles)]


def _cell(cases: dict[str, float], metric: str, means: dict[str, CaseMeans]) -> str:
    if metric == "st_lpips" and not means[metric]:
        return NOT_COMPUTED
    return summary(list(cases.values()), metric)


def summary(values: Sequence[float], metric: str) -> str:
    """``mean (sd)`` over cases, in dB or per cent; a dash where there is none, no sd of one case."""
    if not values:
        return "-"
    scaled = np.array(values) * (100 if metric in PERCENT else 1)
    spread = f" ({scaled.std(ddof=1):.1f})" if len(scaled) > 1 else ""
    return f"{scaled.mean():.1f}{spread}"


def cell_order(cell: Cell) -> tuple[int, int, int]:
    """Key to sort cells by: few inputs first, then the modalities' own order."""
    subset, target = tuple(cell[0].split("+")), cell[1]
    return len(subset), subsets_of(tuple(MODALITIES)).index(subset), list(MODALITIES).index(target)


def _of(means: CaseMeans, target: str) -> list[dict[str, float]]:
    return [cases for (_, found), cases in means.items() if found == target]


def _pooled(means: CaseMeans, target: str) -> dict[str, float]:
    """Every case's mean over the subsets that it has."""
    values: dict[str, list[float]] = defaultdict(list)
    for cases in _of(means, target):
        for case, value in cases.items():
            values[case].append(value)
    return {case: float(np.mean(found)) for case, found in values.items()}


def pooled_means(rows: Iterable[SliceScore], metric: str) -> dict[str, dict[str, float]]:
    """Target -> case -> mean of a metric over the input subsets that the case has."""
    means = case_means(rows, metric)
    return {target: found for target in MODALITIES if (found := _pooled(means, target))}


def report(rows: Sequence[SliceScore], source: str) -> str:
    """Both variants, and what the numbers are."""
    cases = sorted({row.case for row in rows})
    perceptual = any(not np.isnan(row.st_lpips) for row in rows)
    lpips = (
        "ST-LPIPS is shift-tolerant LPIPS (Ghildyal and Liu, 2022), another measure than the paper's LPIPS."
        if perceptual
        else "LPIPS: not computed. It needs ImageNet weights that are not here; --perceptual computes ST-LPIPS instead."
    )
    lines = [
        f"# Table 1 for {source}",
        "",
        f"{len(cases)} cases, {len({(row.case, row.slice) for row in rows})} slices. Mean (standard deviation) over "
        "cases of each case's mean over its slices. ● given as input, ○ not; 'cases': with truth, a target each. "
        "A target among the inputs is harmonised, not synthesised. 'all': each case's mean over its subsets.",
        lpips,
        "",
    ]
    return "\n".join([*lines, *(f"{table(rows, variant)}" for variant in METRICS), *lesion_tables(rows)])


def lesion_tables(rows: Sequence[SliceScore]) -> list[str]:
    """Markdown of each region: a row an input subset, PSNR, MAE and SSIM a target; none without a lesion."""
    tables = []
    for region, reach in REGIONS.items():
        metrics = {title: case_means(rows, f"{metric}_{region}") for title, metric in LESION_METRICS.items()}
        cells = sorted(next(iter(metrics.values())), key=cell_order)
        if not cells:
            continue
        where = f"the lesion and {reach:.0f} mm around" if reach else "the lesion"
        lines = [f"In {where}, over the slices that show {LEAST_PIXELS} pixels of it; SSIM over its box:", ""]
        lines += ["| in | out | " + " | ".join([*metrics, "cases"]) + " |", "|---" * (len(metrics) + 3) + "|"]
        for cell in cells:
            found = [list(means[cell].values()) for means in metrics.values()]
            numbers = [summary(values, LESION_METRICS[title]) for title, values in zip(metrics, found, strict=True)]
            lines.append("| " + " | ".join([*cell, *numbers, str(len(found[0]))]) + " |")
        tables.append("\n".join(lines) + "\n")
    return tables
