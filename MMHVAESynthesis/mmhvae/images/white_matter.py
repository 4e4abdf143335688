"""The median grey value of white matter, by which MR is harmonised, from a label map or estimated without one.

The estimate needs no atlas and no trained network. White matter is the thickest compartment of the brain, so among
the voxels deep inside the head those with the flattest surroundings are mostly white matter, whatever the contrast;
the contrast then tells it from deep grey matter, fluid, and a tumour's oedema, which can be flat and deep as well.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, cast

import numpy as np
import SimpleITK as sitk
from numpy.typing import NDArray

from ..exceptions import InputError
from .modalities import modality

Voxels = NDArray[Any]  # any real dtype
Mask = NDArray[np.bool_]
Image = NDArray[np.float32]  # (D, H, W)

#: SynthSeg's and FreeSurfer's left and right cerebral white matter.
CEREBRAL_WHITE_MATTER = (2, 41)

WORKING_SPACING = 2.0  # mm
SMALLEST_EXTENT, LARGEST_EXTENT = 30.0, 1000.0  # mm
DEEP = 0.3  # of the head's largest inscribed radius: about 16 mm from a brain's surface, 25 mm from the skin
BELOW_CENTRE = 20.0  # mm; the skull base, face and neck are below
SMALLEST_REGION = 50_000.0  # mm^3
SMALLEST_CONTRAST = 0.2  # on the logarithmic scale
FLATTEST = 0.4
# Of the largest mode's height. Lower in T2, where a large tumour with its oedema can outgrow white matter.
LARGE_MODE = {"t2": 0.3, "cet1": 0.5, "flair": 0.5}
PEAK_HALF_WIDTH = (0.15, 0.25)  # on the logarithmic scale
SMALLEST_SHARE = 0.1

_OR_LABELS = "or give a label map of its white matter."
_WAY_OUT = "give a label map of its white matter, or another image."


@dataclass(frozen=True)
class WhiteMatter:
    """What was measured: the median in the image's own unit, how, and in which share of the voxels looked at.

    ``share`` refers to all voxels for method "labels", to the voxels deep inside the head for method "estimated".
    """

    median: float
    method: str
    share: float


def white_matter_from_labels(
    voxels: Voxels, labels: Voxels, white_matter_labels: Iterable[int] = CEREBRAL_WHITE_MATTER
) -> WhiteMatter:
    """The median of the voxels that carry one of ``white_matter_labels`` in a label map of the same shape.

    Raises:
        InputError: the shapes differ, no voxel carries such a label, or one that does is NaN or infinite.
    """
    wanted = tuple(white_matter_labels)
    if voxels.shape != labels.shape:
        raise InputError(
            f"The label map's shape {labels.shape} differs from the image's {voxels.shape}: resample it to the image."
        )
    inside = np.isin(labels, wanted)
    if not inside.any():
        names = " or ".join(str(value) for value in wanted)
        raise InputError(f"The label map holds no white matter (label {names}): choose one that does.")
    white_matter = voxels[inside]
    if not np.isfinite(white_matter).all():
        raise InputError("The image holds NaN or infinite voxels in its white matter: replace them before using it.")
    return WhiteMatter(float(np.median(white_matter)), "labels", float(inside.mean()))


def estimate_white_matter(image: sitk.Image, modality_id: str) -> WhiteMatter:
    """White matter of a T2, ceT1 or FLAIR volume, whole-head or skull-stripped, before it is cropped.

    1. On a 2 mm grid, the region deep inside the head: at least 0.3 of the largest distance from its surface.
    2. N4 correction of the bias field within that region (Tustison 2010), logarithm.
    3. Modes of the histogram of the 40 % of that region whose gradient is smallest. White matter is the darkest
       of the large ones in T2, the brightest in ceT1, and in FLAIR the darkest that cannot be fluid.
    4. The median, in the uncorrected image, of the region's voxels around that mode.
    5. Fluid and grey matter must lie on the side of white matter on which the modality shows them.

    Args:
        image: scalar, 3-D, spacing in mm; its directions tell up from down (a neck below the head is left out).
        modality_id: "t2", "cet1" or "flair".

    Raises:
        InputError: the image is unusable, shows too little of a head, or does not look like its modality.
    """
    name = _mr_name(modality_id)
    coarse = _coarse(_checked(image, name))
    deep = _deep_region(_head(coarse), coarse.GetDirection())
    if deep.sum() * WORKING_SPACING**3 < SMALLEST_REGION:
        raise InputError(f"The {name} shows too little of the head to find white matter: {_WAY_OUT}")
    contrast = _log_contrast(coarse, deep)
    if np.subtract(*np.percentile(contrast[deep], [99, 1])) < SMALLEST_CONTRAST:
        raise InputError(f"The {name} shows no tissue contrast: {_WAY_OUT}")
    mode, half_width = _white_matter_mode(contrast, _flattest(coarse, contrast, deep), modality_id)
    white_matter = deep & (np.abs(contrast - mode) < half_width)
    share = float(white_matter.sum() / deep.sum())
    if share < SMALLEST_SHARE:
        raise InputError(f"White matter does not stand out in the {name}: {_WAY_OUT}")
    _require_ordering(np.exp(contrast[deep] - mode), modality_id, name)
    return WhiteMatter(float(np.median(sitk.GetArrayViewFromImage(coarse)[white_matter])), "estimated", share)


def _mr_name(modality_id: str) -> str:
    known = modality(modality_id)
    if not known.is_mr:
        raise InputError(f"White matter is looked for in MR only, not in {known.name}: choose T2, ceT1 or FLAIR.")
    return known.name


def _checked(image: sitk.Image, name: str) -> sitk.Image:
    """The image as float32, if it is a finite scalar volume that can hold a large part of a head."""
    if image.GetDimension() != 3 or image.GetNumberOfComponentsPerPixel() != 1:
        raise InputError(f"The {name} is not a grey-value volume: choose a 3-D image with one value a voxel.")
    extent = [count * spacing for count, spacing in zip(image.GetSize(), image.GetSpacing(), strict=True)]
    if min(extent) < SMALLEST_EXTENT or max(extent) > LARGEST_EXTENT:
        size = " x ".join(f"{length:.0f}" for length in extent)
        raise InputError(f"The {name} measures {size} mm, which is not a head: check its voxel spacing.")
    image = sitk.Cast(image, sitk.sitkFloat32)
    if not np.isfinite(sitk.GetArrayViewFromImage(image)).all():
        raise InputError(f"The {name} holds NaN or infinite voxels: replace them before using it.")
    return image


def _coarse(image: sitk.Image) -> sitk.Image:
    """Resampled to cubes of 2 mm along the image's own axes, after smoothing along the axes that are finer."""
    smooth = image
    for axis, spacing in enumerate(image.GetSpacing()):
        if spacing < WORKING_SPACING:
            smooth = sitk.RecursiveGaussian(smooth, 0.4 * WORKING_SPACING, direction=axis)
    extent = np.array(image.GetSize()) * np.array(image.GetSpacing())
    # Sample i of the new grid lies at (i + 1/2) * 2 mm from the old grid's outer corner.
    first = (WORKING_SPACING / 2) / np.array(image.GetSpacing()) - 0.5
    return sitk.Resample(
        smooth,
        [max(int(length), 1) for length in extent / WORKING_SPACING],
        sitk.Transform(),
        sitk.sitkLinear,
        image.TransformContinuousIndexToPhysicalPoint(first.tolist()),
        [WORKING_SPACING] * 3,
        image.GetDirection(),
        float(sitk.GetArrayViewFromImage(image).min()),
    )


def _head(coarse: sitk.Image) -> sitk.Image:
    """The closed, hole-filled mask (uint8) of the head, or of the brain where the skull is stripped."""
    low, high = np.percentile(sitk.GetArrayViewFromImage(coarse), [2, 98])
    head = sitk.BinaryMorphologicalOpening(coarse > low + 0.1 * (high - low), [2] * 3)
    # Extended by copying, so that closing does not eat into a head that reaches the border of the image.
    padded = sitk.ZeroFluxNeumannPad(head, [6] * 3, [6] * 3)
    head = sitk.Crop(sitk.BinaryMorphologicalClosing(padded, [5] * 3), [6] * 3, [6] * 3)
    return sitk.BinaryFillhole(sitk.RelabelComponent(sitk.ConnectedComponent(head)) == 1)


def _deep_region(head: sitk.Image, direction: tuple[float, ...]) -> Mask:
    """(D, H, W): far from the head's surface, and not far below the point that is farthest from it.

    The border of the image is no surface: slabs and heads cut off at the neck keep their middle.
    """
    if sitk.GetArrayViewFromImage(head).all():
        return np.ones(head.GetSize()[::-1], dtype=np.bool_)
    depth = sitk.GetArrayFromImage(sitk.SignedMaurerDistanceMap(head, True, False, True))  # mm, positive inside
    centre = np.unravel_index(depth.argmax(), depth.shape)
    height = np.zeros((1, 1, 1))  # mm above the centre, towards the patient's head
    for axis, upward in enumerate(direction[:5:-1]):  # array axes run k, j, i; the last row of LPS is superior
        steps = np.arange(depth.shape[axis]) - centre[axis]
        height = height + np.expand_dims(steps * upward * WORKING_SPACING, [a for a in range(3) if a != axis])
    return cast(Mask, (depth > DEEP * depth.max()) & (height > -BELOW_CENTRE))


def _log_contrast(coarse: sitk.Image, deep: Mask) -> Image:
    """(D, H, W): logarithm of the bias-corrected image above its minimum; the bias field is fitted in ``deep``."""
    mask = sitk.GetImageFromArray(deep.astype(np.uint8))
    mask.CopyInformation(coarse)
    above_minimum = coarse - float(sitk.GetArrayViewFromImage(coarse).min())
    n4 = sitk.N4BiasFieldCorrectionImageFilter()
    n4.SetMaximumNumberOfIterations([50, 50, 50])
    n4.SetNumberOfThreads(1)  # on so small a grid threads cost more than they bring, and the result is repeatable
    n4.SetNumberOfWorkUnits(1)
    n4.SetConvergenceThreshold(1e-4)  # the default stops while half of a strong bias field is left
    n4.Execute(sitk.Shrink(above_minimum, [4] * 3), sitk.Shrink(mask, [4] * 3))
    log_bias = sitk.GetArrayFromImage(n4.GetLogBiasFieldAsImage(coarse))
    corrected = sitk.GetArrayViewFromImage(above_minimum) * np.exp(-log_bias)
    floor = max(0.05 * float(np.median(corrected[deep])), float(np.finfo(np.float32).tiny))
    return np.log(np.maximum(corrected, floor)).astype(np.float32)


def _flattest(coarse: sitk.Image, contrast: Image, deep: Mask) -> Mask:
    """(D, H, W): the share of ``deep`` in which the gradient over a few millimetres is smallest."""
    image = sitk.GetImageFromArray(contrast)
    image.CopyInformation(coarse)
    gradient = sitk.GetArrayFromImage(sitk.GradientMagnitudeRecursiveGaussian(image, 2.0))
    return cast(Mask, deep & (gradient <= np.quantile(gradient[deep], FLATTEST)))


def _white_matter_mode(contrast: Image, flat: Mask, modality_id: str) -> tuple[float, float]:
    """Where white matter's peak is on the logarithmic scale, and its half-width of two standard deviations."""
    values = contrast[flat]
    positions, heights = _modes(values)
    large = positions[heights >= LARGE_MODE[modality_id] * heights.max()]
    if modality_id == "flair":
        large = large[large > positions[heights.argmax()] + np.log(0.6)]  # darker than that is fluid
    mode = float(large.max() if modality_id == "cet1" else large.min())
    # The half of the peak away from grey matter is the one that is not widened by it: the narrower of the two.
    halves = [np.abs(half) for half in (values[values < mode] - mode, values[values > mode] - mode) if half.size]
    deviation = min(float(np.median(half)) for half in halves) / 0.6745  # of a Gaussian's half
    return mode, float(np.clip(2 * deviation, *PEAK_HALF_WIDTH))


def _modes(values: NDArray[np.float32]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Positions and heights of the local maxima of a histogram smoothed by a Gaussian of 0.035."""
    low, high = np.percentile(values, [0.2, 99.8])
    step = 0.005
    edges = np.arange(low - 0.2, high + 0.2 + step, step)
    counts, _ = np.histogram(values, edges)
    offsets = np.arange(-28, 29) * step
    density = np.convolve(counts, np.exp(-0.5 * (offsets / 0.035) ** 2), "same")
    is_peak = (density[1:-1] >= density[:-2]) & (density[1:-1] > density[2:])
    index = np.flatnonzero(is_peak) + 1
    return (edges[index] + edges[index + 1]) / 2, density[index]


def _require_ordering(relative: NDArray[np.float32], modality_id: str, name: str) -> None:
    """Compares the shares of voxels that are darker and brighter than white matter (``relative`` to it).

    Beyond 0.65 and 1.6 lie fluid and lesions, between them grey matter. Limits were set on real and simulated
    heads so that an image of another contrast is refused where the case is clear, and no image of the right one.
    """
    dark_fluid, bright_fluid = float((relative < 0.65).mean()), float((relative > 1.6).mean())
    darker = float(((relative > 0.75) & (relative < 0.95)).mean())
    brighter = float(((relative > 1.05) & (relative < 1.35)).mean())
    contradicted = {
        "t2": bright_fluid < max(3 * dark_fluid, 0.02),
        "cet1": bright_fluid > dark_fluid + 0.03 or brighter > darker,
        "flair": (bright_fluid > 0.05 and dark_fluid < 0.003) or (darker > 0.25 and darker > 3 * brighter),
    }
    if contradicted[modality_id]:
        raise InputError(f"The {name} does not look like {name}: check that the right image was chosen, {_OR_LABELS}")
