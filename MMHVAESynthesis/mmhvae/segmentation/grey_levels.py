"""Grey levels of an MR, of a whole head or of a brain alone, brought to what the segmenter has learnt from."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

BRIGHT_QUANTILE = 0.995
AIR_SHARE = 0.1
LOWEST, HIGHEST = -4.0, 6.0


def intensity_rules() -> dict[str, Any]:
    """How images become the network's numbers, as written into every manifest."""
    return {
        "tissue": "voxels above air_share of the bright_quantile of those above 0, clipped there",
        "bright_quantile": BRIGHT_QUANTILE,
        "air_share": AIR_SHARE,
        "normalised": "zero mean and unit deviation of the tissue, clamped",
        "clamped": [LOWEST, HIGHEST],
        "missing": 0.0,
    }


@dataclass(frozen=True)
class GreyLevels:
    """Mean and standard deviation of what is not air, in the image's own unit."""

    mean: float
    deviation: float

    def normalise(self, image: Tensor) -> Tensor:
        """Zero mean and unit deviation of what is not air; clamped, so that one bright voxel can't weigh much."""
        return ((image - self.mean) / self.deviation).clamp(LOWEST, HIGHEST)


def measure_grey_levels(image: Tensor) -> GreyLevels | None:
    """Grey levels of all voxels above a tenth of the bright ones; None where the image shows nothing.

    Args:
        image: of any shape, 0 in air and outside the field of view.
    """
    positive = image[image > 0]
    if positive.numel() < 2:
        return None
    bright = positive.kthvalue(int(BRIGHT_QUANTILE * (positive.numel() - 1)) + 1).values
    tissue = positive[positive > AIR_SHARE * bright].clamp(max=bright)
    deviation = tissue.std() if tissue.numel() > 1 else torch.zeros(())
    return GreyLevels(float(tissue.mean()), float(deviation)) if deviation > 0 else None


def is_tissue(image: NDArray[np.float32]) -> NDArray[np.bool_]:
    """Which voxels are brighter than air by that rule."""
    positive = image[image > 0]
    return np.asarray(image > (AIR_SHARE * np.quantile(positive, BRIGHT_QUANTILE) if positive.size else 0))
