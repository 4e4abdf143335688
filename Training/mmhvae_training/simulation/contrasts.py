"""T2, contrast-enhanced T1 and FLAIR from shares of tissues: mean signal a tissue, then the acquisition."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .anatomy import TISSUES
from .draws import Draws
from .fields import smooth_field
from .geometry import Array
from .mr_acquisition import MrAcquisition, apply_mr_acquisition, draw_mr_acquisition

#: Mean signal of each tissue relative to the brightest, about which contrasts are drawn.
CLINICAL: dict[str, dict[str, float]] = {
    "t2": {
        "white": 0.36, "grey": 0.53, "deep": 0.43, "sulcal": 0.92, "ventricle": 1.0, "falx": 0.2, "vessel": 0.15,
        "choroid": 0.75, "core": 0.75, "necrosis": 0.92, "rim": 0.6, "oedema": 0.74, "cyst": 0.98,
    },
    "cet1": {
        "white": 0.62, "grey": 0.49, "deep": 0.55, "sulcal": 0.22, "ventricle": 0.16, "falx": 0.7, "vessel": 1.0,
        "choroid": 0.9, "core": 0.44, "necrosis": 0.28, "rim": 1.0, "oedema": 0.47, "cyst": 0.2,
    },
    "flair": {
        "white": 0.46, "grey": 0.56, "deep": 0.53, "sulcal": 0.3, "ventricle": 0.13, "falx": 0.4, "vessel": 0.25,
        "choroid": 0.5, "core": 0.78, "necrosis": 0.4, "rim": 0.75, "oedema": 0.85, "cyst": 0.22,
    },
}  # fmt: skip
#: Range of the contrast between grey and white matter relative to the clinical one.
_GREY_WHITE = {"t2": (0.75, 1.25), "cet1": (0.5, 1.15), "flair": (0.6, 1.3)}
#: Tissues whose contrast with white matter varies so, and lesions, whose signal varies most.
_PARENCHYMA, _LESION = ("grey", "deep"), ("core", "necrosis", "rim", "oedema", "cyst")
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
    clinical = CLINICAL[modality]
    means = {}
    for tissue, mean in clinical.items():
        spread = _LESION_SPREAD if tissue in _LESION else _HEALTHY_SPREAD
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
    means = np.array([contrast.means[tissue] for tissue in TISSUES], np.float32)
    signal = np.tensordot(means, shares, 1)
    signal *= 1 + contrast.texture * smooth_field(contrast.seed, signal.shape, _TEXTURE_KNOTS)
    return np.float32(contrast.scale) * apply_mr_acquisition(contrast.acquisition, signal)
