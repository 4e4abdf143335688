"""Bundles on simulated cases as simulate.py writes them: image quality, and registration by range of displacement."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import SimpleITK as sitk
from mmhvae import register_rigid
from mmhvae.bundle import Bundle
from mmhvae.exceptions import InputError
from mmhvae.images import (
    MR_MODALITIES,
    constant_psnr,
    field_of_view,
    harmonise_target,
    image_on,
    psnr,
    read_transform,
    read_volume,
    ssim,
    to_slices,
    to_unit,
    white_matter_from_labels,
)
from mmhvae.registration import target_registration_error
from mmhvae.synthesis import SynthesisResult
from numpy.typing import NDArray

from ..records import read_json
from ..scoring import REGIONS, lesion_of, mean_scores, regions
from ..simulation import Label, displace
from ..single_precision import synthesize
from .judgement import JUDGED_SAMPLES, global_correlation

RANGES_MM = ((0, 4), (4, 8), (8, 12), (12, 16))
TARGETS = MR_MODALITIES
POINTS = 400  # of the field of view, over which the median displacement is taken
TURN_DEG_PER_MM = (0.2, 1.2)  # rotation drawn with each mm of translation
#: Of a line of results, as :func:`mmhvae_training.records.misfit` has it: range -> mean errors, mm.
ERRORS_SHAPE = {f"{low}-{high}": {"before": float, "after": float, "?displacement": float} for low, high in RANGES_MM}
_REGION_SHAPE = ({"psnr": float, "constant": float, "mae": float, "ssim": float}, None)
#: The same: target -> scores; older lines have fewer of them.
QUALITY_SHAPE = {
    target: {f"?{name}": float for name in ("psnr", "constant_psnr", "ssim", "correlation")}
    | {f"?{region}": _REGION_SHAPE for region in REGIONS}
    for target in TARGETS
}
DIRECT = "direct"  # the pre-operative T2 straight to the ultrasound, whatever the bundle

_DRAWN_SHAPE = {"seed": int, "?landmarks_lps_mm": ([tuple[float, float, float]], None)}

Points = NDArray[np.float64]


@dataclass(frozen=True)
class EvaluationCase:
    """One case folder; points are LPS mm.

    ``to_preop`` takes points of the sweep to the pre-operative MRs before they are displaced: the identity, or the
    brain shift that the folder's ``us-to-preop.h5`` holds. ``seed`` decides the displacements: it comes from the
    folder's parameters, so that all bundles see the same.
    """

    name: str
    us: sitk.Image
    truths: dict[str, sitk.Image]
    labels: sitk.Image
    preop: dict[str, sitk.Image]
    to_preop: sitk.Transform
    landmarks: Points
    seed: int


def load_evaluation_case(folder: Path) -> EvaluationCase:
    """Read what simulate.py wrote.

    Raises:
        InputError: a file is missing or cannot be used.
    """
    parameters = folder / "parameters.json"
    if not parameters.is_file():
        raise InputError(f"There is no {parameters}; give the folder that simulate.py wrote.")
    drawn = read_json(parameters, dict, "simulate the case again.", _DRAWN_SHAPE)
    if not drawn.get("landmarks_lps_mm"):
        raise InputError(f"{parameters} holds no landmarks; choose another case.")
    shift = folder / "us-to-preop.h5"
    if drawn.get("brain_shift") and not shift.is_file():
        raise InputError(f"There is no {shift}, and without it nobody knows where the brain went; simulate it again.")
    return EvaluationCase(
        name=folder.name,
        us=read_volume(folder / "us.nii.gz", "ultrasound"),
        truths={name: read_volume(folder / f"{name}.nii.gz", name) for name in TARGETS},
        labels=read_volume(folder / "labels.nii.gz", "labels"),
        preop={name: read_volume(folder / f"preop-{name}.nii.gz", f"pre-operative {name}") for name in TARGETS},
        to_preop=read_transform(shift) if drawn.get("brain_shift") else sitk.Transform(3, sitk.sitkIdentity),
        landmarks=np.array(drawn["landmarks_lps_mm"], np.float64),
        seed=drawn["seed"],
    )


def draw_displacement(points: Points, low: float, high: float, seed: int) -> sitk.Euler3DTransform:
    """A rigid motion that moves ``points`` (N, 3) by a median drawn uniformly from ``low`` to ``high`` mm.

    Directions of shift and axis are random, it turns about the points' centre, and its rotation grows with its
    translation at a drawn rate (:data:`TURN_DEG_PER_MM`). The same arguments give the same motion.
    """
    rng = np.random.default_rng(seed)
    axis, shift = (v / np.linalg.norm(v) for v in rng.standard_normal((2, 3)))
    rate, goal = math.radians(rng.uniform(*TURN_DEG_PER_MM)), rng.uniform(low, high)
    least, most = 0.0, 4 * high
    for _ in range(50):  # the median displacement grows with the size of the motion
        size = (least + most) / 2
        motion = _motion(points.mean(0), axis, rate * size, size * shift)
        least, most = (size, most) if median_displacement(motion, points) < goal else (least, size)
    return motion


def median_displacement(motion: sitk.Transform, points: Points) -> float:
    """Median distance (mm) that ``motion`` moves ``points`` (N, 3)."""
    moved = np.array([motion.TransformPoint(point) for point in points.tolist()])
    return float(np.median(np.linalg.norm(moved - points, axis=1)))


def _motion(centre: Points, axis: Points, angle: float, shift: Points) -> sitk.Euler3DTransform:
    versor = sitk.VersorRigid3DTransform()
    versor.SetRotation(axis.tolist(), angle)
    euler = sitk.Euler3DTransform()
    euler.SetCenter(centre.tolist())
    euler.SetMatrix(versor.GetMatrix())
    euler.SetTranslation(shift.tolist())
    return euler


def field_points(us: sitk.Image, seed: int) -> Points:
    """``POINTS`` voxel centres of the field of view, LPS mm, (N, 3)."""
    indices = np.argwhere(sitk.GetArrayFromImage(field_of_view(us)))[:, ::-1]
    chosen = np.random.default_rng(seed).choice(indices, min(POINTS, len(indices)), replace=False)
    axes = np.reshape(us.GetDirection(), (3, 3)) * us.GetSpacing()
    return np.asarray(chosen @ axes.T + us.GetOrigin(), np.float64)


def evaluate_bundle(
    bundle: Bundle, case: EvaluationCase, samples: int = JUDGED_SAMPLES, device: str = "auto"
) -> dict[str, Any]:
    """Quality by target, and TRE through synthetic T2 by range; slices along all three axes."""
    result = synthesize(bundle, {"us": case.us}, TARGETS, samples=samples, device=device, slice_axis="all")
    tre = registration_errors(case, result.images["t2"], result.field_of_view, signed=True, device=device)
    return {"quality": image_quality(result, case), "tre": tre}


def image_quality(result: SynthesisResult, case: EvaluationCase) -> dict[str, Any]:
    """By target: over the field of view and, by name of region, in the lesion."""
    mask = to_slices(sitk.GetArrayFromImage(result.field_of_view), 2) > 0
    lesion = lesion_of(to_slices(sitk.GetArrayFromImage(case.labels), 2))
    where = regions(lesion & mask, mask, case.us.GetSpacing()[0])
    truths = {name: harmonised_truth(case.truths[name], case.labels, name) for name in TARGETS}
    return {name: _quality(result.images[name], truths[name], mask, where) for name in TARGETS}


def evaluate_direct(case: EvaluationCase, device: str = "auto") -> dict[str, Any]:
    """TRE of the registration straight to the ultrasound, by range."""
    return {"tre": registration_errors(case, case.us, field_of_view(case.us), signed=False, device=device)}


def registration_errors(
    case: EvaluationCase, fixed: sitk.Image, mask: sitk.Image, signed: bool, device: str
) -> dict[str, dict[str, float]]:
    """:func:`errors_by_range` of the pre-operative T2 registered to ``fixed``."""

    def register(motion: sitk.Euler3DTransform) -> sitk.Transform:
        moving = displace(case.preop["t2"], motion)
        return register_rigid(fixed, moving, mask, signed=signed, device=device, prior=None).transform

    return errors_by_range(case, register)


def errors_by_range(
    case: EvaluationCase, register: Callable[[sitk.Euler3DTransform], sitk.Transform]
) -> dict[str, dict[str, float]]:
    """Range -> mean TRE over the landmarks (mm) before and after, and the median displacement drawn.

    ``register`` takes the displacement of the pre-operative MRs and returns what it found, sweep -> MR.
    """
    points, rows = field_points(case.us, case.seed), {}
    preop = [case.to_preop.TransformPoint(point) for point in case.landmarks.tolist()]
    for number, (low, high) in enumerate(RANGES_MM):
        motion = draw_displacement(points, low, high, seed=case.seed * len(RANGES_MM) + number)
        moved = np.array([motion.TransformPoint(point) for point in preop])
        errors = {"before": sitk.Euler3DTransform(), "after": register(motion)}
        rows[f"{low}-{high}"] = {
            name: float(target_registration_error(transform, case.landmarks, moved).mean())
            for name, transform in errors.items()
        } | {"displacement": median_displacement(motion, points)}
    return rows


def harmonised_truth(image: sitk.Image, labels: sitk.Image, modality: str) -> sitk.Image:
    """A true MR harmonised to [0, 1] by the white matter of its label map, on its own grid."""
    voxels = sitk.GetArrayFromImage(image)
    median = white_matter_from_labels(voxels, sitk.GetArrayFromImage(labels), (int(Label.WHITE_MATTER),)).median
    return image_on(to_unit(harmonise_target(voxels, modality, median)), image)


def _quality(
    image: sitk.Image, truth: sitk.Image, mask: NDArray[np.bool_], where: Mapping[str, NDArray[np.bool_]]
) -> dict[str, Any]:
    """Over the field of view and, by name of region, in the lesion (None where the case shows too little of one)."""
    synthetic, true = (to_slices(sitk.GetArrayFromImage(x), 2) for x in (image, truth))
    true = np.where(mask, true, 0).astype(np.float32)
    return {
        "psnr": psnr(synthetic, true, mask),
        "constant_psnr": constant_psnr(true, mask),
        "ssim": ssim(synthetic, true, mask),
        "correlation": global_correlation(synthetic, true, mask),
    } | {name: mean_scores(synthetic, true, region) for name, region in where.items()}


def evaluation_table(rows: Sequence[Mapping[str, Any]]) -> str:
    """Markdown: by method, medians over the cases; only cases that every method has done are compared."""
    methods = list(dict.fromkeys(row["method"] for row in rows))
    done = [{row["case"] for row in rows if row["method"] == method} for method in methods]
    common = set.intersection(*done) if done else set()
    chosen = {method: [r for r in rows if r["method"] == method and r["case"] in common] for method in methods}
    ranges = [f"{low}-{high}" for low, high in RANGES_MM]
    lines = [f"Simulated, {len(common)} cases; median over the cases.", ""]
    lines += [
        "| TRE (mm) at a displacement of | " + " | ".join(f"{r} mm" for r in ranges) + " |",
        "|---|---|---|---|---|",
    ]
    if not common:
        return "\n".join(lines) + "\n"
    lines.append(_tre_line("before", [row["tre"] for row in chosen[methods[0]]], ranges, "before"))
    lines += [_tre_line(method, [row["tre"] for row in chosen[method]], ranges, "after") for method in methods]
    quality = {method: [row["quality"] for row in chosen[method] if "quality" in row] for method in methods}
    titles = "PSNR (dB) | best constant (dB) | SSIM | correlation"
    lines += ["", f"| quality | target | {titles} |", "|---|---|---|---|---|---|"]
    for method in methods:
        lines += _quality_lines(method, quality[method])
    for region in REGIONS:
        lines += _region_lines(region, quality)
    return "\n".join(lines) + "\n"


def _tre_line(name: str, rows: list[Any], ranges: list[str], when: str) -> str:
    cells = []
    for label in ranges:
        values = [row[label][when] for row in rows]
        cells.append(f"{np.median(values):.2f} ({min(values):.2f} to {max(values):.2f})")
    return f"| {name} | " + " | ".join(cells) + " |"


def _quality_lines(method: str, rows: list[Any]) -> list[str]:
    lines = []
    for target in TARGETS if rows else ():
        names = ("psnr", "constant_psnr", "ssim", "correlation")
        psnr_, constant, ssim_, like = (np.median([r[target].get(name, np.nan) for r in rows]) for name in names)
        lines.append(f"| {method} | {target} | {psnr_:.1f} | {constant:.1f} | {ssim_:.2f} | {like:.2f} |")
    return lines


def _region_lines(region: str, quality: Mapping[str, list[Any]]) -> list[str]:
    """A table of one region, over the cases that show enough of it; nothing where none does."""
    lines = []
    for method, rows in quality.items():
        for target in TARGETS:
            found = [row[target][region] for row in rows if row[target].get(region)]
            if found:
                names = ("psnr", "constant", "mae", "ssim")
                psnr_, constant, mae, ssim_ = (np.median([f[name] for f in found]) for name in names)
                cells = f"{psnr_:.1f} | {constant:.1f} | {mae:.3f} | {ssim_:.2f} | {len(found)}"
                lines.append(f"| {method} | {target} | {cells} |")
    reach = f"the lesion and {REGIONS[region]:.0f} mm around" if REGIONS[region] else "the lesion"
    title = f"| in {reach} | target | PSNR (dB) | best constant (dB) | MAE | SSIM of its box | cases |"
    return ["", title, "|---|---|---|---|---|---|---|", *lines] if lines else []
