"""How well a segmenter outlines patients that it has not learnt from: Dice by contrasts, with and without a head."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import SimpleITK as sitk
import torch
from mmhvae.segmentation import REGIONS, SegmenterBundle
from mmhvae.settings import SegmentationSettings
from numpy.typing import NDArray

from ..single_precision import segment_tumour
from .patients import Patient
from .scene import Scene, draw_scene

HEAD_MARGIN = 40
"""Voxels around the brain's box that a simulated head is shown in."""


@dataclass(frozen=True)
class Judged:
    """One outline of one patient, and its Dice (None: neither outlines anything)."""

    patient: str
    contrasts: tuple[str, ...]
    head: bool
    dice: dict[str, float | None]
    volumes_ml: dict[str, float]
    seconds: float


def dice(found: NDArray[np.bool_], truth: NDArray[np.bool_]) -> float | None:
    """2 |A and B| / (|A| + |B|); None where both are empty."""
    total = int(found.sum()) + int(truth.sum())
    return 2 * int((found & truth).sum()) / total if total else None


def images_of(patient: Patient, modalities: Sequence[str], head: bool, seed: int = 0) -> dict[str, sitk.Image]:
    """The patient's MRs at 1 mm, skull-stripped or with a simulated head around the brain."""
    if not head:
        arrays = patient.images.astype(np.float32)
        return {name: sitk.GetImageFromArray(array) for name, array in zip(modalities, arrays, strict=True)}
    shape = tuple(side + 2 * HEAD_MARGIN for side in patient.regions.shape)
    scene = _plain_scene(patient, seed)
    rendered = scene.render(scene.points(shape, 1.0, around=(scene.size - 1) / 2)).numpy() * 100
    images = {}
    for name, array in zip(modalities, rendered, strict=True):
        images[name] = sitk.GetImageFromArray(array.astype(np.float32))
        images[name].SetOrigin([-HEAD_MARGIN] * 3)
    return images


def _plain_scene(patient: Patient, seed: int) -> Scene:
    """Surroundings as in training and nothing else: upright, unscaled, in full, grey levels as they are."""
    scene = draw_scene(patient, (96, 112, 96), torch.Generator().manual_seed(seed), shells=1.0)
    return replace(scene, matrix=torch.eye(3), gamma=torch.ones(4), shading_strength=torch.zeros(4), planes=())


def judge(
    bundle: SegmenterBundle,
    patient: Patient,
    contrasts: Sequence[str],
    head: bool,
    settings: SegmentationSettings | None = None,
) -> tuple[Judged, sitk.Image]:
    """Dice of the outline on the patient's own grid, and the outline."""
    images = images_of(patient, bundle.network.config.modalities, head)
    reference = sitk.GetImageFromArray(patient.regions)
    chosen = {name: images[name] for name in contrasts}
    result = segment_tumour(chosen, bundle, reference, settings=settings)
    found = sitk.GetArrayFromImage(result.labels)
    scores = {name: dice(found > level, patient.regions > level) for level, name in enumerate(REGIONS)}
    row = Judged(patient.name, tuple(contrasts), head, scores, result.volumes_ml, result.seconds)
    return row, result.labels
