"""T2, contrast-enhanced T1 and FLAIR from tissue maps: mean signal a tissue, shading, noise."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import ndimage

from .anatomy import TISSUES
from .fields import smooth_field
from .geometry import Array

#: Mean signal of each tissue relative to the brightest, about which contrasts are drawn.
CLINICAL: dict[str, dict[str, float]] = {
    "t2": {
        "white": 0.36, "grey": 0.55, "deep": 0.44, "sulcal": 0.95, "ventricle": 1.0, "falx": 0.15, "vessel": 0.2,
        "choroid": 0.75, "core": 0.75, "necrosis": 0.95, "rim": 0.6, "oedema": 0.76,
    },
    "cet1": {
        "white": 0.62, "grey": 0.48, "deep": 0.55, "sulcal": 0.18, "ventricle": 0.15, "falx": 0.85, "vessel": 1.0,
        "choroid": 0.9, "core": 0.42, "necrosis": 0.25, "rim": 1.0, "oedema": 0.46,
    },
    "flair": {
        "white": 0.46, "grey": 0.56, "deep": 0.53, "sulcal": 0.26, "ventricle": 0.12, "falx": 0.4, "vessel": 0.25,
        "choroid": 0.5, "core": 0.8, "necrosis": 0.35, "rim": 0.75, "oedema": 0.9,
    },
}  # fmt: skip
#: Spread of a tissue's mean, relative: healthy tissues keep their order, lesions vary more.
_HEALTHY, _LESION = 0.05, 0.14


@dataclass(frozen=True)
class Contrast:
    """One sequence: mean signal a tissue, bias field (relative standard deviation), blur (mm), noise, scale."""

    means: dict[str, float]
    bias: float
    texture: float
    blur: float
    noise: float
    scale: float
    seed: int


def draw_contrast(rng: np.random.Generator, modality: str) -> Contrast:
    """Draw a contrast around the clinical one of ``modality`` (t2, cet1 or flair)."""
    gamma = rng.uniform(0.85, 1.15)
    means = {}
    for tissue, mean in CLINICAL[modality].items():
        spread = _LESION if tissue in ("core", "necrosis", "rim", "oedema") else _HEALTHY
        means[tissue] = float(mean**gamma * np.exp(rng.normal(0, spread)))
    return Contrast(
        means=means,
        bias=rng.uniform(0.02, 0.08),
        texture=rng.uniform(0.01, 0.04),
        blur=rng.uniform(0.3, 0.6),
        noise=rng.uniform(0.005, 0.025),
        scale=rng.uniform(300, 1200),
        seed=int(rng.integers(2**31)),
    )


def render_contrast(contrast: Contrast, shares: Array) -> Array:
    """The image (nz, ny, nx) of tissue shares (C, nz, ny, nx) on the 1 mm grid; 0 outside the head."""
    means = np.array([contrast.means[tissue] for tissue in TISSUES], np.float32)
    image = np.tensordot(means, shares, 1)
    head = image > 0.01
    image *= np.exp(contrast.bias * smooth_field(contrast.seed, image.shape, 50))
    image *= 1 + contrast.texture * smooth_field(contrast.seed + 1, image.shape, 5)
    image = ndimage.gaussian_filter(image, contrast.blur, truncate=3)
    rng = np.random.default_rng(contrast.seed + 2)
    image += contrast.noise * rng.standard_normal(image.shape, dtype=np.float32) * head
    return np.asarray(np.float32(contrast.scale) * np.maximum(image, 0), np.float32)
