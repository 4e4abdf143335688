"""A DICOM segmentation -> one mask a segment, by name. Frames that hold nothing are usually left out of the file."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

import numpy as np
import SimpleITK as sitk
from mmhvae.exceptions import InputError
from mmhvae.images import image_on

from .geometry import grid_of
from .index import DicomSeries
from .volume import decoded, planes_of

if TYPE_CHECKING:
    from pydicom import Dataset

ENDS = (0, 0, 1)
HALF = 0.5  # of the largest value of a fractional segmentation, from which a voxel belongs to it


def read_segments(series: DicomSeries) -> dict[str, sitk.Image]:
    """Name of the segment -> mask (uint8, 0 or 1) on the segmentation's own grid.

    Raises:
        InputError: more files than one, a file that cannot be read, a frame of a segment that is not described, or
            frames that make no regular grid.
    """
    if len(series.files) != 1 or series.broken:
        raise InputError(f"The {series.title} should be a single file that can be read; get it again.")
    content, frames = decoded(series.files[0], series.title)
    grid, numbers = grid_of(planes_of(content, series.title), series.title, _step(content, series.title))
    if content.get("SegmentationType") == "FRACTIONAL":
        frames = frames >= HALF * float(content.get("MaximumFractionalValue") or 255)
    shape = grid.GetSize()[::-1]
    masks: dict[str, np.ndarray] = defaultdict(lambda: np.zeros(shape, np.uint8))
    names = {int(segment.SegmentNumber): str(segment.SegmentLabel) for segment in content.SegmentSequence}
    for number, frame, segment in zip(numbers, frames, _segments(content), strict=True):
        if segment not in names:
            raise InputError(f"The {series.title} has frames of a segment that it does not name; get it again.")
        masks[names[segment]][number] |= frame.astype(np.uint8)
    # An empty slice at either end: resampled, the mask must fall off there as where the file has all slices.
    return {name: sitk.ConstantPad(image_on(mask, grid), ENDS, ENDS, 0) for name, mask in masks.items()}


def _step(content: Dataset, title: str) -> float:
    """Mm between slices, by the header."""
    shared = (content.get("SharedFunctionalGroupsSequence") or [{}])[0]
    measures = (shared.get("PixelMeasuresSequence") or [{}])[0]
    step = float(measures.get("SpacingBetweenSlices") or measures.get("SliceThickness") or 0)
    if step <= 0:
        raise InputError(f"The {title} does not say how far apart its slices lie; get it again.")
    return step


def _segments(content: Dataset) -> list[int]:
    """Each frame's segment."""
    shared = (content.get("SharedFunctionalGroupsSequence") or [{}])[0]
    found = []
    for frame in content.PerFrameFunctionalGroupsSequence:
        group = frame.get("SegmentIdentificationSequence") or shared.get("SegmentIdentificationSequence")
        found.append(int(group[0].ReferencedSegmentNumber) if group else 0)
    return found
