"""One patient's files -> one prepared case: co-registered, on the model's grid, raw and harmonised."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np
import SimpleITK as sitk
from mmhvae.exceptions import InputError
from mmhvae.images import (
    MODALITIES,
    SMALLEST_WEIGHT,
    WhiteMatter,
    field_of_view,
    harmonise_target,
    image_on,
    read_volume,
    resampled,
    resampled_within,
    to_unit,
    working_grid,
)
from numpy.typing import NDArray

from .label_maps import measure_white_matter, require_plausible
from .source import Matrix, SourceCase, SourceImage, attempt

HARMONISED, TUMOUR = "harmonised", "tumour.nii.gz"
SMALLEST_SIDE = 16  # pixels; a smaller field of view trains nothing

Voxels = NDArray[np.float32]


@dataclass(frozen=True)
class Settings:
    """Voxel spacing in mm, and pixels a side of the slices; None leaves slices as large as the field of view."""

    spacing: float = 0.5
    matrix: int | None = 192

    def __post_init__(self) -> None:
        if not (math.isfinite(self.spacing) and self.spacing > 0):
            raise InputError("The spacing should be above 0 mm; the paper's is 0.5.")
        if self.matrix is not None and self.matrix < SMALLEST_SIDE:
            raise InputError(f"A slice should be {SMALLEST_SIDE} pixels a side or more; the paper's are 192.")


@dataclass
class PreparedCase:
    """What will be written.

    Attributes:
        grid: of all images; slices follow its third axis.
        mask: the field of view on it, (k, j, i).
        volumes: file name -> image.
        white_matter: modality -> what was measured, minimum of the image subtracted.
        record: where everything came from, and what could not be used.
    """

    name: str
    grid: sitk.Image
    mask: NDArray[np.bool_]
    volumes: dict[str, sitk.Image] = field(default_factory=dict)
    white_matter: dict[str, WhiteMatter] = field(default_factory=dict)
    record: dict[str, Any] = field(default_factory=dict)


def prepare_case(source: SourceCase, settings: Settings) -> PreparedCase:
    """Bring all images of a case onto one grid over its field of view: that of the ultrasound where there is one.

    What cannot be used is left out, and its sentence is kept under "problems" of the record.

    Raises:
        InputError: nothing is left, the ultrasound cannot be used, or the field of view is too small.
        ValueError: the image that gives the field of view is not in the common space.
    """
    problems = list(source.problems)
    images = _read(source, problems)
    anchor = next(iter(images))
    if not np.array_equal(source.images[anchor].to_image, np.eye(4)):
        raise ValueError(f"The {anchor} gives the field of view: its space should be the common one.")
    case = _empty_case(source.name, field_of_view(images[anchor]), settings)
    for name, image in images.items():
        add = _add_ultrasound if name == "us" else _add_mr
        attempt(problems, add, case, name, image, source.images[name])
    if not case.volumes:
        raise InputError(_nothing_left(source, problems))
    if source.tumour is not None:
        attempt(problems, _add_tumour, case, source.tumour)
    case.record["problems"] = problems
    return case


def _read(source: SourceCase, problems: list[str]) -> dict[str, sitk.Image]:
    """The images that can be read, in the model's order; without its ultrasound a case has no field of view."""
    images = {}
    for name in (name for name in MODALITIES if name in source.images):
        if name == "us":
            images[name] = read_volume(source.images[name].path, "ultrasound")
            continue
        volume = attempt(problems, read_volume, source.images[name].path, name)
        if volume is not None:
            images[name] = volume
    if not images:
        raise InputError(_nothing_left(source, problems))
    return images


def _nothing_left(source: SourceCase, problems: list[str]) -> str:
    return " ".join([f"{source.name} has no modality that can be used; leave it out, or add its images.", *problems])


def _empty_case(name: str, visible: sitk.Image, settings: Settings) -> PreparedCase:
    whole = working_grid(visible, settings.spacing, slice_axis=2)
    if min(whole.GetSize()[:2]) < SMALLEST_SIDE:
        size = " x ".join(str(n) for n in whole.GetSize()[:2])
        raise InputError(f"The field of view of {name} is too small, {size} pixels a slice; leave the case out.")
    grid = whole if settings.matrix is None else _centred(whole, settings.matrix)
    mask, everything = (sitk.GetArrayFromImage(resampled(visible, g)) > SMALLEST_WEIGHT for g in (grid, whole))
    record = {
        "case": name,
        "settings": asdict(settings),
        "grid": {"size": list(grid.GetSize()), "spacing_mm": list(grid.GetSpacing())},
        "field_of_view_cut_off": round(max(0.0, 1 - float(mask.sum() / everything.sum())), 4),
        "modalities": {},
    }
    return PreparedCase(name, grid, mask, record=record)


def _centred(grid: sitk.Image, side: int) -> sitk.Image:
    """``grid`` padded, or cropped, about its centre to ``side`` pixels along its first two axes."""
    counts = [side, side, grid.GetSize()[2]]
    first = [(old - new) // 2 for old, new in zip(grid.GetSize(), counts, strict=True)]
    result = sitk.Image(counts, sitk.sitkUInt8)
    result.SetSpacing(grid.GetSpacing())
    result.SetDirection(grid.GetDirection())
    result.SetOrigin(grid.TransformIndexToPhysicalPoint(first))
    return result


def carried(image: sitk.Image, to_image: Matrix, grid: sitk.Image) -> sitk.Image:
    """``image`` on ``grid`` through ``to_image`` (points of the grid -> of the image); linear, 0 outside, float32."""
    transform = sitk.AffineTransform(3)
    transform.SetMatrix(to_image[:3, :3].ravel().tolist())
    transform.SetTranslation(to_image[:3, 3].tolist())
    return sitk.Resample(image, grid, transform, sitk.sitkLinear, 0.0, sitk.sitkFloat32)


def _add_ultrasound(case: PreparedCase, name: str, image: sitk.Image, source: SourceImage) -> None:
    values = resampled_within(image, field_of_view(image), case.grid)[0]
    case.volumes[f"{name}.nii.gz"] = image_on(np.where(case.mask, values, 0).astype(np.float32), case.grid)
    case.record["modalities"][name] = _provenance(source, image)


def _add_mr(case: PreparedCase, name: str, image: sitk.Image, source: SourceImage) -> None:
    """Measure white matter on the whole image, carry it over, harmonise it; whole or not at all."""
    lowest = float(sitk.GetArrayViewFromImage(image).min())
    measured = measure_white_matter(image, name, source.labels)
    median = measured.median - lowest
    values = sitk.GetArrayFromImage(carried(image - lowest, source.to_image, case.grid))
    values = np.where(case.mask, values, 0).astype(np.float32)
    require_plausible(values[values > 0], median, name)
    unit = np.where(case.mask, to_unit(harmonise_target(values, name, median, minimum=0.0)), 0)
    case.volumes[f"{name}.nii.gz"] = image_on(values, case.grid)
    case.volumes[f"{HARMONISED}/{name}.nii.gz"] = image_on(unit.astype(np.float32), case.grid)
    case.white_matter[name] = WhiteMatter(median, measured.method, measured.share)
    case.record["modalities"][name] = _provenance(source, image) | {
        "to_image": np.round(source.to_image, 9).tolist(),
        "labels": source.labels.name if source.labels else None,
        "white_matter": asdict(case.white_matter[name]),
        "share_of_the_field_of_view": round(float((values > 0).sum() / case.mask.sum()), 4),
    }


def _add_tumour(case: PreparedCase, source: SourceImage) -> None:
    segmentation = read_volume(source.path, "tumour segmentation")
    share = carried(sitk.Cast(segmentation != 0, sitk.sitkFloat32), source.to_image, case.grid)
    mask = sitk.Cast(share >= 0.5, sitk.sitkUInt8)
    millilitres = float(sitk.GetArrayViewFromImage(mask).sum() * np.prod(case.grid.GetSpacing()) / 1000)
    case.volumes[TUMOUR] = mask
    case.record["tumour"] = {"source": source.path.name, "volume_ml": round(millilitres, 2)}


def _provenance(source: SourceImage, image: sitk.Image) -> dict[str, Any]:
    return {"source": source.path.name, "spacing_mm": [round(s, 4) for s in image.GetSpacing()]}
