"""Figure 6: grey values of every case before and after harmonisation, one curve a case."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from mmhvae.images import MODALITIES, WHITE_MATTER_LEVEL
from numpy.typing import NDArray

from .drawing import DARK, new_figure, save_figure
from .judged_case import JudgedCase

BINS = np.linspace(0, 1, 101)
CENTRES = (BINS[1:] + BINS[:-1]) / 2
Curve = NDArray[np.float64]


def densities(case: JudgedCase, modality: str) -> tuple[Curve, Curve]:
    """Histograms (100 bins, area 1) in the field of view: normalised from minimum to maximum, and harmonised."""
    inside = case.mask & (case.truths[modality] > 0)
    raw = (case.inputs[modality][:, 0].numpy()[inside] + 1) / 2
    return _density(raw), _density(case.truths[modality][inside])


def _density(values: NDArray[np.floating[Any]]) -> Curve:
    return np.asarray(np.histogram(values, BINS, density=True)[0], np.float64)


def spread(curves: list[Curve]) -> float:
    """How far the cases' distributions lie apart: mean over pairs of half the area between them, 0 to 1."""
    width = BINS[1] - BINS[0]
    pairs = [(a, b) for n, a in enumerate(curves) for b in curves[n + 1 :]]
    return float(np.mean([np.abs(a - b).sum() * width / 2 for a, b in pairs])) if pairs else 0.0


def draw_harmonisation_figure(cases: list[JudgedCase], path: Path) -> Mapping[str, tuple[float, float]]:
    """A column an MR modality, without harmonisation above and with it below; the spreads before and after."""
    figure, axes = new_figure(2, len(WHITE_MATTER_LEVEL), size=3.2)
    spreads = {}
    for column, (name, level) in enumerate(WHITE_MATTER_LEVEL.items()):
        found = [densities(case, name) for case in cases if name in case.truths]
        before, after = [a for a, _ in found], [b for _, b in found]
        spreads[name] = (spread(before), spread(after))
        _curves(axes[0, column], before, f"{MODALITIES[name].name}, minimum to maximum")
        _curves(axes[1, column], after, f"{MODALITIES[name].name}, harmonised (dashed: white matter)")
        axes[1, column].axvline(level, color="white", linestyle="dashed", linewidth=1)
    figure.suptitle("Grey values in the field of view, one curve a case", color="white", fontsize=11)
    save_figure(figure, path)
    return spreads


def _curves(axis: Any, curves: list[Curve], title: str) -> None:
    axis.set_facecolor(DARK)
    for curve in curves:
        axis.plot(CENTRES, curve, linewidth=1)
    axis.set_xlim(0, 1)
    axis.set_yticks([])
    axis.set_title(title, color="white", fontsize=9)
    axis.tick_params(colors="white", labelsize=8)
