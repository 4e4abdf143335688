"""What the readers of all layouts hand over: a case's files, and the way from the common space to each of them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import ParamSpec, TypeVar

import numpy as np
import SimpleITK as sitk
from mmhvae.exceptions import InputError
from mmhvae.images import read_information, same_grid
from numpy.typing import NDArray

Matrix = NDArray[np.float64]
P = ParamSpec("P")
Found = TypeVar("Found")


@dataclass(frozen=True)
class SourceImage:
    """One file, and ``to_image``: points of the common space -> points of this image, LPS mm, 4 x 4."""

    path: Path
    to_image: Matrix = field(default_factory=lambda: np.eye(4))
    labels: Path | None = None  # label map with SynthSeg's numbers, in this image's space


@dataclass(frozen=True)
class SourceCase:
    """One patient. The common space is the ultrasound's, or that of all images where they are co-registered.

    Attributes:
        images: modality -> file; any subset of the modalities.
        tumour: a segmentation, non-zero within the tumour.
        problems: sentences on what could not be used.
    """

    name: str
    images: Mapping[str, SourceImage]
    tumour: SourceImage | None = None
    problems: tuple[str, ...] = ()


def attempt(problems: list[str], action: Callable[P, Found], /, *arguments: P.args, **named: P.kwargs) -> Found | None:
    """What ``action`` gives; None where it raises :class:`InputError`, whose sentence goes to ``problems``."""
    try:
        return action(*arguments, **named)
    except InputError as error:
        problems.append(str(error))
        return None


def finest(paths: Iterable[Path], problems: list[str]) -> Path | None:
    """The file with the smallest voxels (mm^3); of equals, the first by name. Unreadable ones are ``problems``."""
    sizes = [(attempt(problems, voxel_volume, path), path) for path in sorted(paths)]
    readable = [(size, path) for size, path in sizes if size is not None]
    return min(readable)[1] if readable else None


def voxel_volume(path: Path) -> float:
    """Volume of one voxel in mm^3, by the file's header; raises :class:`InputError` where there is none."""
    return float(np.prod(_header(path).GetSpacing()))


def require_same_grid(case: SourceCase) -> SourceCase:
    """The case, once the headers of all its images say the same size, spacing, origin and directions.

    Raises:
        InputError: two of them differ, or one cannot be read.
    """
    grids = {name: _header(image.path) for name, image in case.images.items()}
    first = next(iter(grids), None)
    for name, grid in grids.items():
        if first is not None and not same_grid(grid, grids[first]):
            raise InputError(
                f"The {name} and the {first} of {case.name} have different grids; resample one to the other."
            )
    return case


def _header(path: Path) -> sitk.ImageFileReader:
    try:
        return read_information(path)
    except RuntimeError as error:
        raise InputError(f"{path} cannot be read as an image; download or save it again.") from error
