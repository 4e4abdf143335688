"""What about an input is unlike what models are trained on; looked at in some of its voxels, in a few milliseconds."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from mmhvae import InputError
from mmhvae.images import CLIPPED_PERCENTILE, MODALITIES
from numpy.typing import NDArray
from slicer.i18n import tr as _

from ..nodes import ijk_to_world, require_volume, voxels
from .request import Request

#: Voxels looked at.
_SAMPLE = 200_000
#: Millimetres; the training volumes have voxels of 0.3 to 1.2 mm, MR slices up to 5.
FINEST, COARSEST_US, COARSEST_MR = 0.1, 1.5, 6.0
#: Share of an ultrasound volume that its fan fills.
SMALLEST_FAN, LARGEST_FAN = 0.03, 0.95
#: Millimetres that the field of view measures at least along every axis.
SMALLEST_EXTENT = 20.0
#: Below this, an image has been made of labels.
FEWEST_GREY_LEVELS = 16
#: Share of the foreground that has the brightest value of all.
MOST_SATURATED = 0.1
#: The foreground's median, as a share of its range.
DARKEST, BRIGHTEST = 0.01, 0.75


def warnings_of(request: Request) -> list[str]:
    """One sentence for each finding, the first modality first."""
    found: list[str] = []
    for name, node in request.volumes.items():
        try:
            require_volume(node)
        except InputError:  # a problem, not a warning
            continue
        found += _of_volume(name, node)
    return found


def _of_volume(name: str, node: Any) -> Iterator[str]:
    array = voxels(node)
    step = max(1, round((array.size / _SAMPLE) ** (1 / 3)))
    sample = array[::step, ::step, ::step].astype(np.float64)
    if not np.isfinite(sample).all():
        return
    spacing = np.linalg.norm(ijk_to_world(node)[:3, :3], axis=0)
    yield from _of_grid(name, spacing, array.shape[::-1])
    yield from _of_values(name, sample)


def _of_grid(name: str, spacing: NDArray[np.float64], size: tuple[int, ...]) -> Iterator[str]:
    shown, coarsest = MODALITIES[name].name, COARSEST_MR if MODALITIES[name].is_mr else COARSEST_US
    if spacing.max() > coarsest or spacing.min() < FINEST:
        text = _("The {name} has voxels of {spacing} mm, unlike the training images ({finest} to {coarsest} mm).")
        values = " x ".join(f"{value:.2g}" for value in spacing)
        yield text.format(name=shown, spacing=values, finest=FINEST, coarsest=coarsest)
    extent = (spacing * size).min()
    if extent < SMALLEST_EXTENT:
        text = _("The {name} is only {extent:.0f} mm thick, so there is little for the model to see.")
        yield text.format(name=shown, extent=extent)


def _of_values(name: str, sample: NDArray[np.float64]) -> Iterator[str]:
    shown = MODALITIES[name].name
    if not MODALITIES[name].is_mr:
        yield from _of_fan(shown, sample)
    else:
        sample = sample - sample.min()
    foreground = sample[sample > 0]
    if not foreground.size:
        return
    if len(np.unique(foreground)) < FEWEST_GREY_LEVELS:
        yield _("The {name} has very few grey levels; is it a label map?").format(name=shown)
        return
    minimum, maximum = foreground.min(), np.percentile(foreground, CLIPPED_PERCENTILE)
    if np.mean(foreground >= maximum) > MOST_SATURATED:
        yield _("Much of the {name} is saturated; results there mean little.").format(name=shown)
    level = (np.median(foreground) - minimum) / max(maximum - minimum, 1e-12)
    # In MR the background may lie above the minimum, and then it is the median.
    if level > BRIGHTEST or (level < DARKEST and not MODALITIES[name].is_mr):
        yield _("The grey levels of the {name} are spread unlike those of the training images.").format(name=shown)


def _of_fan(shown: str, sample: NDArray[np.float64]) -> Iterator[str]:
    share = float(np.mean(sample > 0))
    if share > LARGEST_FAN:
        text = _("{share:.0%} of the {name} is above 0; the background around the fan should be 0.")
        yield text.format(name=shown, share=share)
    elif share < SMALLEST_FAN:
        yield _("Only {share:.0%} of the {name} shows something.").format(name=shown, share=share)
    if (sample < 0).any():
        yield _("The {name} has values below 0, which the model takes for background.").format(name=shown)
