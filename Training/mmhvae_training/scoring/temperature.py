"""Figure 5: what the temperature does to synthesis from ultrasound, seen on one slice and measured over all cases."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch

from .drawing import DARK, new_figure, save_figure, show_slice, shown_name
from .judged_case import Images, JudgedCase, in_unit
from .metrics import standard_psnr, standard_ssim
from .network_source import NetworkSource

TEMPERATURES = (0.0, 0.25, 0.5, 0.75, 1.0)
SAMPLES = 3  # a temperature, for the diversity
MEASURES = ("PSNR (dB)", "SSIM", "spread of samples")
SLICES = 6  # of each case, evenly spaced among those that see much

Curves = dict[str, np.ndarray]  # measure -> (temperatures,)


def sweep(source: NetworkSource, cases: Sequence[JudgedCase], inputs: tuple[str, ...], target: str) -> Curves:
    """PSNR (dB), SSIM and the mean standard deviation over samples, a temperature, mean over cases."""
    usable = [case for case in cases if target in case.truths and all(name in case.inputs for name in inputs)]
    found = [[_measured(source, case, inputs, target, t) for t in TEMPERATURES] for case in usable]
    means = np.mean(found, axis=0)  # (temperatures, 3)
    return {name: means[:, n] for n, name in enumerate(MEASURES)}


def _measured(
    source: NetworkSource, case: JudgedCase, inputs: tuple[str, ...], target: str, temperature: float
) -> tuple[float, float, float]:
    chosen = full_slices(case, SLICES)
    samples = draws(source, case, inputs, target, temperature, chosen)
    truth, mask = case.truths[target][chosen], case.mask[chosen]
    scores = [
        (float(standard_psnr(image, truth, mask).mean()), float(standard_ssim(image, truth, mask).mean()))
        for image in samples
    ]
    spread = float(np.std(samples, axis=0)[mask].mean())
    return (*np.mean(scores, axis=0).tolist(), spread)


def full_slices(case: JudgedCase, count: int) -> np.ndarray:
    """Positions of ``count`` evenly spaced slices among the half that sees most."""
    areas = case.mask.sum((1, 2))
    full = np.flatnonzero(areas >= np.median(areas))
    return full[np.linspace(0, len(full) - 1, min(count, len(full))).round().astype(int)]


@torch.inference_mode()
def draws(
    source: NetworkSource,
    case: JudgedCase,
    inputs: tuple[str, ...],
    target: str,
    temperature: float,
    slices: np.ndarray,
) -> list[Images]:
    """``SAMPLES`` images (S, H, W) of the chosen slices; the same noise at every temperature."""
    generator = torch.Generator(source.device).manual_seed(source.seed)
    batch = {name: case.inputs[name][slices].to(source.device) for name in inputs}
    encodings = source.network.encode(batch)
    images = []
    for _ in range(SAMPLES):
        z1, _ = source.network.fuse(encodings, temperature, generator)
        images.append(in_unit(source.network.decode(z1, [target])[target][:, 0], case.mask[slices]))
    return images


def draw_temperature_figure(
    source: NetworkSource, cases: Sequence[JudgedCase], inputs: tuple[str, ...], targets: Sequence[str], path: Path
) -> dict[str, Curves]:
    """A row of images a target, one a temperature, beside input and truth; below, the measures over all cases."""
    curves = {target: sweep(source, cases, inputs, target) for target in targets}
    figure, axes = new_figure(len(targets) + 1, len(TEMPERATURES) + 2)
    for row, target in enumerate(targets):
        case = next(c for c in cases if target in c.truths and all(name in c.inputs for name in inputs))
        _image_row(axes[row], source, case, inputs, target)
    _curves(axes[-1], curves)
    save_figure(figure, path)
    return curves


def _image_row(axes: Any, source: NetworkSource, case: JudgedCase, inputs: tuple[str, ...], target: str) -> None:
    best = np.array([case.mask.sum((1, 2)).argmax()])
    truth, mask = case.truths[target][best][0], case.mask[best][0]
    limits = (0.0, max(float(np.percentile(truth[mask], 99.5)), 0.05))
    given = case.truths[inputs[0]][best][0]
    show_slice(axes[0], given, f"input: {shown_name(inputs[0])} ({case.name})", mask)
    for axis, temperature in zip(axes[1:-1], TEMPERATURES, strict=True):
        image = draws(source, case, inputs, target, temperature, best)[0][0]
        show_slice(axis, image, f"SYNTHETIC {shown_name(target)}, T = {temperature:g}", mask, limits)
    show_slice(axes[-1], truth, f"true {shown_name(target)}", mask, limits)


def _curves(axes: Any, curves: dict[str, Curves]) -> None:
    for axis, measure in zip(axes, MEASURES, strict=False):
        axis.set_facecolor(DARK)
        for target, found in curves.items():
            axis.plot(TEMPERATURES, found[measure], marker="o", label=shown_name(target))
        axis.set_title(measure, color="white", fontsize=10)
        axis.set_xlabel("temperature", color="white", fontsize=8)
        axis.tick_params(colors="white", labelsize=8)
    axes[0].legend(fontsize=8)
    for axis in axes[3:]:
        axis.set_axis_off()
