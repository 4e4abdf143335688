"""Figure 4: do all inputs lead to the same z_1? Its first three principal components as red, green and blue."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from .drawing import new_figure, save_figure, show_slice, shown_name
from .judged_case import JudgedCase
from .network_source import NetworkSource
from .temperature import full_slices

PIXELS = 10_000  # drawn from all slices and inputs together, as in the paper
SLICES = 8
COMPONENTS = 3

Latents = NDArray[np.float32]  # (S, H, W, F)


@torch.inference_mode()
def latents(source: NetworkSource, case: JudgedCase, inputs: tuple[str, ...], slices: np.ndarray) -> Latents:
    """The most probable z_1 of some slices."""
    batch = {name: case.inputs[name][slices].to(source.device) for name in inputs}
    z1, _ = source.network.fuse(source.network.encode(batch), temperature=0.0)
    return np.asarray(z1.movedim(1, -1).cpu().numpy(), np.float32)


def principal_components(
    samples: NDArray[np.float32], count: int = COMPONENTS
) -> tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.float64]]:
    """Mean (F,), components (count, F) and shares of the variance (count,) of samples (N, F).

    The sign of a component is chosen so that its largest entry is positive.
    """
    mean = samples.mean(0)
    _, singular, axes = np.linalg.svd(samples - mean, full_matrices=False)
    axes = axes * np.sign(axes[np.arange(len(axes)), np.abs(axes).argmax(1)])[:, None]
    return mean, axes[:count], (singular**2 / (singular**2).sum())[:count]


def draw_latent_figure(source: NetworkSource, case: JudgedCase, path: Path) -> NDArray[np.float64]:
    """One column for all inputs together and one each: the image, and z_1 in colours; shares of the variance.

    Components and colours come from all inputs together, so that equal colours mean equal latents.
    """
    observed = tuple(name for name in source.modalities if name in case.inputs)
    choices = [*([observed] if len(observed) > 1 else []), *((name,) for name in observed)]
    slices = full_slices(case, SLICES)
    found = {inputs: latents(source, case, inputs, slices) for inputs in choices}
    inside = case.mask[slices]
    pixels = np.concatenate([z[inside] for z in found.values()])
    drawn = np.random.default_rng(0).choice(len(pixels), min(PIXELS, len(pixels)), replace=False)
    mean, axes, shares = principal_components(pixels[drawn])
    low, high = np.percentile((pixels[drawn] - mean) @ axes.T, (1, 99), axis=0)
    middle = int(np.argmax(inside.sum((1, 2))))
    figure, panels = new_figure(2, len(choices))
    for column, (inputs, z) in enumerate(found.items()):
        colours = np.clip(((z[middle] - mean) @ axes.T - low) / np.maximum(high - low, 1e-6), 0, 1)
        colours = np.pad(colours, [(0, 0), (0, 0), (0, COMPONENTS - colours.shape[-1])])  # z_1 of fewer than 3 channels
        name = " + ".join(map(shown_name, inputs))
        show_slice(panels[0, column], case.truths[inputs[0]][slices][middle], f"from {name}", inside[middle])
        show_slice(panels[1, column], colours.astype(np.float32), "z_1: PC 1, 2, 3 as RGB", inside[middle])
    told = ", ".join(f"PC{n} {100 * share:.0f}%" for n, share in enumerate(shares, start=1))
    figure.suptitle(f"{case.name}: {told}. Equal colours mean equal latents.", color="white", fontsize=11)
    save_figure(figure, path)
    return shares
