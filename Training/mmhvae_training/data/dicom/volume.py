"""One series -> one volume: an image a file, as scanners write MR, or all frames in one file, as for ultrasound.

Files of one image are decoded by SimpleITK, whose geometry must agree with that of the headers as
:mod:`.geometry` understands them. Multi-frame files, whose geometry SimpleITK does not know, are pydicom's.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import SimpleITK as sitk
from mmhvae.exceptions import InputError
from mmhvae.images import image_on, same_grid
from numpy.typing import NDArray

from .geometry import Plane, grid_of, plane_of
from .index import DicomSeries

if TYPE_CHECKING:
    from pydicom import Dataset

#: Where a frame's place may stand: (functional group, position), as patients' and as ultrasound's coordinates.
POSITIONS = (
    ("PlanePositionSequence", "ImagePositionPatient"),
    ("PlanePositionVolumeSequence", "ImagePositionVolume"),
)
ORIENTATIONS = (
    ("PlaneOrientationSequence", "ImageOrientationPatient"),
    ("PlaneOrientationVolumeSequence", "ImageOrientationVolume"),
)
AGREEMENT = (1e-2, 1e-4)  # of SimpleITK's geometry with ours: mm, and components of unit vectors


def read_series(series: DicomSeries) -> sitk.Image:
    """The series as a right-handed volume, grey values rescaled as its headers say.

    Raises:
        InputError: a file is broken or compressed as pydicom cannot undo, it is no volume of grey values, slices are
            missing, double or sheared, or SimpleITK disagrees on where it lies.
    """
    if series.broken:
        raise InputError(f"The {series.title} has a file that cannot be read, {series.broken[0].name}; get it again.")
    headers = [header_of(path, series.title) for path in series.files]
    if any(int(header.get("NumberOfFrames") or 1) > 1 for header in headers):
        if len(headers) > 1:
            raise InputError(f"The {series.title} has {len(headers)} files of several frames; give one of them.")
        return _multi_frame(series.files[0], series.title)
    return _single_frames(headers, series)


def header_of(path: Path, title: str) -> Dataset:
    """All of a file but its pixels."""
    from pydicom import dcmread

    try:
        return dcmread(path, stop_before_pixels=True)
    except Exception as error:  # damage has many kinds of exception
        raise InputError(f"The {title} has a file that cannot be read, {path.name}; get it again.") from error


def _single_frames(headers: Sequence[Dataset], series: DicomSeries) -> sitk.Image:
    grid, numbers = grid_of([_plane(header, series.title) for header in headers], series.title)
    ordered = [str(path) for _, path in sorted(zip(numbers, series.files, strict=True))]
    reader = sitk.ImageSeriesReader()
    reader.SetFileNames(ordered)
    if series.modality == "PT":  # every slice has a slope of its own, and the first one may be a whole number
        reader.SetOutputPixelType(sitk.sitkFloat32)
    try:
        image = reader.Execute()
    except RuntimeError as error:
        raise InputError(f"The {series.title} cannot be decoded; get it again.") from error
    if image.GetNumberOfComponentsPerPixel() != 1:
        raise InputError(f"The {series.title} is in colour; give one of grey values.")
    if not same_grid(image, grid, AGREEMENT):
        raise InputError(f"The {series.title} lies elsewhere by its headers than SimpleITK has it; get it again.")
    image.CopyInformation(grid)
    return image


def _plane(header: Dataset, title: str) -> Plane:
    try:
        return plane_of(
            header.ImagePositionPatient, header.ImageOrientationPatient, header.PixelSpacing,
            int(header.Rows), int(header.Columns),
        )  # fmt: skip
    except (AttributeError, TypeError, ValueError) as error:
        raise InputError(f"The {title} does not say where its slices lie; give a series of slices.") from error


def _multi_frame(path: Path, title: str) -> sitk.Image:
    content, frames = decoded(path, title)
    grid, numbers = grid_of(planes_of(content, title), title)
    volume = np.empty_like(frames)
    volume[numbers] = frames
    return placed_in_room(image_on(_rescaled(volume, content), grid), content, title)


def decoded(path: Path, title: str) -> tuple[Dataset, NDArray[Any]]:
    """A multi-frame file's header, and its frames (F, rows, columns) in the file's order."""
    from pydicom import dcmread

    try:
        content = dcmread(path)
        frames = content.pixel_array
    except Exception as error:  # damage, and compression without its decoder, have many kinds of exception
        raise InputError(f"The {title} cannot be decoded ({error}); get it again, uncompressed.") from error
    if int(content.SamplesPerPixel) != 1:
        raise InputError(f"The {title} is in colour; give one of grey values.")
    return content, frames if frames.ndim == 3 else frames[None]


def planes_of(content: Dataset, title: str) -> list[Plane]:
    """Every frame's plane, by the functional groups that all share or that each has."""
    shared = (content.get("SharedFunctionalGroupsSequence") or [None])[0]
    own = content.get("PerFrameFunctionalGroupsSequence") or []
    try:
        return [
            plane_of(
                _of(frame, shared, POSITIONS), _of(frame, shared, ORIENTATIONS),
                _of(frame, shared, (("PixelMeasuresSequence", "PixelSpacing"),)),
                int(content.Rows), int(content.Columns),
            )
            for frame in own
        ]  # fmt: skip
    except (AttributeError, TypeError, ValueError) as error:
        raise InputError(f"The {title} does not say where its frames lie; give a volume.") from error


def _of(frame: Dataset, shared: Dataset | None, places: Sequence[tuple[str, str]]) -> Sequence[float]:
    for group, name in places:
        for holder in (frame, shared):
            if holder is not None and holder.get(group):
                return [float(value) for value in holder[group][0][name].value]
    raise ValueError(places[0][1])


def _rescaled(volume: NDArray[Any], content: Dataset) -> NDArray[Any]:
    shared = (content.get("SharedFunctionalGroupsSequence") or [{}])[0]
    groups = shared.get("PixelValueTransformationSequence")
    holder = groups[0] if groups else content
    slope, intercept = float(holder.get("RescaleSlope") or 1), float(holder.get("RescaleIntercept") or 0)
    return volume if (slope, intercept) == (1, 0) else (volume * slope + intercept).astype(np.float32)


def placed_in_room(image: sitk.Image, content: Dataset, title: str) -> sitk.Image:
    """An ultrasound volume where its table's matrix puts it; without one, its coordinates are taken as the patient's.

    Raises:
        InputError: the matrix scales, shears or mirrors.
    """
    matrix = content.get("VolumeToTableMappingMatrix")
    if matrix is None or content.get("PatientFrameOfReferenceSource") != "TABLE":
        return image
    placement = np.reshape([float(value) for value in matrix], (4, 4))
    turn = placement[:3, :3]
    if not np.allclose(turn @ turn.T, np.eye(3), atol=1e-4) or np.linalg.det(turn) < 0:
        raise InputError(f"The {title} is scaled or mirrored on its table; resample it to millimetres.")
    image.SetDirection((turn @ np.reshape(image.GetDirection(), (3, 3))).ravel().tolist())
    image.SetOrigin((turn @ np.array(image.GetOrigin()) + placement[:3, 3]).tolist())
    return image
