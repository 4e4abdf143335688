"""T2, contrast-enhanced T1 and FLAIR from shares of tissues: mean signal a tissue, then the acquisition."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from mmhvae.images import MR_MODALITIES

from .draws import Draws
from .fields import smooth_field
from .geometry import Array
from .mr_acquisition import MrAcquisition, apply_mr_acquisition, draw_mr_acquisition
from .tissues import TISSUE, values, weighted

#: The contrasts there are.
CLINICAL = MR_MODALITIES
#: Range of the contrast between grey and white matter relative to the clinical one.
_GREY_WHITE = {"t2": (0.75, 1.25), "cet1": (0.5, 1.15), "flair": (0.6, 1.3)}
#: Tissues whose contrast with white matter varies so.
_PARENCHYMA = ("grey", "deep")
#: Spread of a tissue's mean, relative: healthy tissues keep their order, lesions vary more.
_HEALTHY_SPREAD, _LESION_SPREAD = 0.05, 0.14
#: Knot distance (mm) of the tissue's own unevenness.
_TEXTURE_KNOTS = 5


@dataclass(frozen=True)
class Contrast:
    """One sequence: mean signal a tissue, the tissue's own unevenness (relative), acquisition, grey-level scale."""

    means: dict[str, float]
    texture: float
    acquisition: MrAcquisition
    scale: float
    seed: int


def draw_contrast(rng: np.random.Generator, modality: str, held_out: bool = False) -> Contrast:
    """Draw a contrast around the clinical one of ``modality`` (t2, cet1 or flair)."""
    draws = Draws(rng, held_out)
    gamma, grey_white = draws.reserved(0.8, 1.2), rng.uniform(*_GREY_WHITE[modality])
    clinical = values(modality)
    means = {}
    for tissue, mean in clinical.items():
        spread = _LESION_SPREAD if TISSUE[tissue].lesion else _HEALTHY_SPREAD
        if tissue in _PARENCHYMA:
            mean, spread = clinical["white"] + grey_white * (mean - clinical["white"]), 0.02
        means[tissue] = float(mean**gamma * np.exp(rng.normal(0, spread)))
    return Contrast(
        means=means,
        texture=rng.uniform(0.01, 0.04),
        acquisition=draw_mr_acquisition(rng, modality, held_out),
        scale=rng.uniform(300, 1200),
        seed=int(rng.integers(2**31)),
    )


def render_contrast(contrast: Contrast, shares: Array) -> Array:
    """The image (nz, ny, nx) of tissue shares (C, nz, ny, nx) on the 1 mm grid; 0 outside the head."""
    signal = weighted(contrast.means, shares)
    signal *= 1 + contrast.texture * smooth_field(contrast.seed, signal.shape, _TEXTURE_KNOTS)
    return np.float32(contrast.scale) * apply_mr_acquisition(contrast.acquisition, signal)
