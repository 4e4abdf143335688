"""What a trial registers: a case, and the ways in which its images are spoilt."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import SimpleITK as sitk
from mmhvae.images import apply_matrix, image_on, read_volume
from mmhvae.registration import CasePairs, index_to_lps
from mmhvae.settings import RegistrationSettings
from numpy.typing import NDArray

from ..judging import TARGETS, Points, SynthesisedCase, draw_displacement, field_points
from ..simulation import displace
from .trials import CORRUPT, MISNAMED, PARTIAL, WRONG_PATIENT, Trial

#: Share of the field of view that the MR still covers where it ends inside it.
COVERED = (0.3, 0.7)
#: Share of the field of view that shows wrong anatomy where the synthesis is spoilt, over patches this wide (mm).
SPOILT, PATCH = (0.5, 0.95), 18.0


@dataclass(frozen=True)
class Setup:
    """What is given to the registration, and the truth.

    Attributes:
        pairs: the inputs.
        landmarks: (N, 3) LPS mm, of the sweep.
        truth: (N, 3) LPS mm, where they lie in the MR; None where nothing is the truth.
    """

    pairs: CasePairs
    landmarks: Points
    truth: Points | None


def set_up(trial: Trial, case: SynthesisedCase, foreign: dict[str, sitk.Image] | None) -> Setup:
    """The trial's images and truth; the same trial gives the same ones. ``foreign``: another patient's MRs."""
    simulated, rng = case.simulated, np.random.default_rng(trial.seed)
    motion = draw_displacement(field_points(simulated.us, simulated.seed), *trial.reach_mm, seed=trial.seed)
    preop = simulated.preop if foreign is None else foreign
    if trial.situation == MISNAMED:
        preop = misnamed(preop, rng)
    if trial.situation == PARTIAL:
        preop = cut(preop, case, rng)
    fixed = spoilt(case, rng) if trial.situation == CORRUPT else case.synthesis.images
    mrs = {name: displace(preop[name], motion) for name in trial.contrasts}
    shown, seen = replace(case.synthesis, images=fixed), case.synthesis.field_of_view
    pairs = CasePairs.of(simulated.us, mrs, RegistrationSettings(trial.method, trial.prior), synthetic=shown, mask=seen)
    truth = None
    if trial.situation != WRONG_PATIENT:
        there = [simulated.to_preop.TransformPoint(point) for point in simulated.landmarks.tolist()]
        truth = np.array([motion.TransformPoint(point) for point in there])
    return Setup(pairs, simulated.landmarks, truth)


def middle(image: sitk.Image) -> NDArray[np.float64]:
    """(3,) LPS mm: the centroid of the voxels that are not 0."""
    index = np.argwhere(sitk.GetArrayViewFromImage(image) != 0).mean(axis=0)
    return apply_matrix(index_to_lps(image), index[None])[0]


def half_turned(preop: dict[str, sitk.Image]) -> dict[str, sitk.Image]:
    """MRs turned back to front: simulated heads share a template, and only so do others show other anatomy."""
    turn = sitk.Euler3DTransform(middle(preop["t2"]).tolist(), 0.0, 0.0, math.pi)
    return {name: displace(image, turn) for name, image in preop.items()}


def head_files(folder: Path) -> dict[str, Path]:
    """Target -> the file of a real patient's MR."""
    return {name: folder / f"{name}.nii.gz" for name in TARGETS}


def real_head(folder: Path, like: sitk.Image) -> dict[str, sitk.Image]:
    """The MRs of a real patient (see :mod:`..simulation.real_head`), its brain's middle where that of ``like`` is."""
    preop = {name: read_volume(path, name) for name, path in head_files(folder).items()}
    there = sitk.Euler3DTransform()
    there.SetTranslation((middle(like) - middle(preop["t2"])).tolist())
    return {name: displace(image, there) for name, image in preop.items()}


def misnamed(preop: dict[str, sitk.Image], rng: np.random.Generator) -> dict[str, sitk.Image]:
    """Two of the MRs under each other's name, or every one under the next one's."""
    names = list(preop)
    if rng.random() < 0.5:
        return {name: preop[other] for name, other in zip(names, names[1:] + names[:1], strict=True)}
    first, second = rng.choice(len(names), 2, replace=False)
    return preop | {names[first]: preop[names[second]], names[second]: preop[names[first]]}


def cut(preop: dict[str, sitk.Image], case: SynthesisedCase, rng: np.random.Generator) -> dict[str, sitk.Image]:
    """The MRs ending at a plane, so that they cover only a drawn share of the field of view."""
    direction = rng.standard_normal(3)
    points = field_points(case.simulated.us, case.simulated.seed)
    limit = float(np.quantile(points @ direction, rng.uniform(*COVERED)))
    return {name: image_on(_before(image, direction, limit), image) for name, image in preop.items()}


def _before(image: sitk.Image, direction: NDArray[np.float64], limit: float) -> NDArray[np.float32]:
    """The voxels whose LPS point has a product of at most ``limit`` with ``direction``, 0 elsewhere."""
    matrix = index_to_lps(image)
    slope, array = direction @ matrix[:3, :3], sitk.GetArrayFromImage(image).astype(np.float32)
    along = [s * np.arange(n) for s, n in zip(slope, array.shape, strict=True)]
    product = along[0][:, None, None] + along[1][:, None] + along[2] + direction @ matrix[:3, 3]
    array[product > limit] = 0
    return array


def spoilt(case: SynthesisedCase, rng: np.random.Generator) -> dict[str, sitk.Image]:
    """The syntheses with patches that show anatomy of another place, the same in every contrast."""
    inside = sitk.GetArrayFromImage(case.synthesis.field_of_view) > 0
    noise = image_on(rng.standard_normal(inside.shape).astype(np.float32), case.synthesis.field_of_view)
    field = sitk.GetArrayFromImage(sitk.SmoothingRecursiveGaussian(noise, PATCH / 2))
    wrong = field > np.quantile(field[inside], 1 - rng.uniform(*SPOILT))
    axes = tuple(rng.choice(3, 2, replace=False).tolist())
    images = {}
    for name, image in case.synthesis.images.items():
        array = sitk.GetArrayFromImage(image)
        alien = np.flip(array, axes)  # a half turn: as real as the original, and nowhere at the right place
        alien = np.where(np.flip(inside, axes), alien, array[inside].mean())
        images[name] = image_on(np.where(wrong & inside, alien, array).astype(np.float32), image)
    return images
