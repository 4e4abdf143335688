"""Planes of pixels in space -> the regular grid that they make, or a sentence why they make none.

Points are LPS mm, DICOM's patient coordinates, which are ITK's.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import SimpleITK as sitk
from mmhvae.exceptions import InputError
from numpy.typing import NDArray

Vector = NDArray[np.float64]

SAME = 1e-3  # components of unit vectors, and mm of pixel spacing, that still count as equal: headers round
STEP = 0.02  # of the distance between slices, by which it may vary
DRIFT = 0.1  # of a pixel, over the whole stack, beyond which the slices are sheared


@dataclass(frozen=True)
class Plane:
    """One image of pixels.

    Attributes:
        position: centre of the first pixel, LPS mm (3,).
        along_row, along_column: unit vectors (3,) towards the next pixel of a row, of a column.
        spacing: mm from pixel to pixel along a row, and along a column.
        size: pixels of a row, and of a column.
    """

    position: Vector
    along_row: Vector
    along_column: Vector
    spacing: tuple[float, float]
    size: tuple[int, int]

    @property
    def normal(self) -> Vector:
        return np.cross(self.along_row, self.along_column)


def plane_of(
    position: Sequence[float], orientation: Sequence[float], spacing: Sequence[float], rows: int, columns: int
) -> Plane:
    """A plane as DICOM describes it: six cosines, row first, and the spacing between rows, then between columns."""
    cosines = np.array(orientation, np.float64)
    between_rows, between_columns = (float(s) for s in spacing)
    return Plane(
        np.array(position, np.float64), cosines[:3], cosines[3:], (between_columns, between_rows), (columns, rows)
    )


def grid_of(planes: Sequence[Plane], title: str, step: float | None = None) -> tuple[sitk.Image, list[int]]:
    """The right-handed grid of parallel planes, and the slice number of each of them.

    Args:
        title: of the series, for sentences.
        step: mm between slices where slices may be missing, as those of a segmentation that hold nothing; None:
            the planes must be all of the grid, at equal distances.

    Raises:
        InputError: fewer than two slices, planes that differ in size or direction, a tilted gantry, two planes in
            one place, or a gap.
    """
    first = planes[0]
    _require_alike(planes, title)
    depths = np.array([plane.position @ first.normal for plane in planes])
    nearest = planes[int(depths.argmin())]
    _require_straight(planes, depths, nearest, title)
    spacing = _even_step(depths, title) if step is None else step
    numbers = np.rint((depths - depths.min()) / spacing).astype(int)
    if step is not None and np.abs(numbers * spacing - (depths - depths.min())).max() > DRIFT * spacing:
        raise InputError(f"The {title} has slices between those of its own spacing; get it again.")
    grid = sitk.Image([*first.size, int(numbers.max()) + 1], sitk.sitkUInt8)
    grid.SetSpacing([*first.spacing, float(spacing)])
    grid.SetDirection(_right_angled(first).ravel().tolist())
    grid.SetOrigin(nearest.position.tolist())
    return grid, numbers.tolist()


def _right_angled(plane: Plane) -> NDArray[np.float64]:
    """The plane's directions in columns, the normal third, orthonormal to the last digit: headers round."""
    row = plane.along_row / np.linalg.norm(plane.along_row)
    column = plane.along_column - (plane.along_column @ row) * row
    column /= np.linalg.norm(column)
    return np.stack([row, column, np.cross(row, column)], 1)


def _require_alike(planes: Sequence[Plane], title: str) -> None:
    first = planes[0]
    lengths = np.linalg.norm([first.along_row, first.along_column, first.normal], axis=1)
    if not np.allclose(lengths, 1, atol=SAME) or min(first.spacing) <= 0:
        raise InputError(f"The {title} has directions or a pixel spacing that cannot be; get it again.")
    for plane in planes:
        turned = max(np.abs(plane.along_row - first.along_row).max(), np.abs(plane.normal - first.normal).max())
        if plane.size != first.size or turned > SAME or not np.allclose(plane.spacing, first.spacing, atol=SAME):
            raise InputError(f"The {title} mixes images of different size or direction; give one volume a series.")


def _require_straight(planes: Sequence[Plane], depths: Vector, nearest: Plane, title: str) -> None:
    """Every plane lies straight behind the nearest one."""
    across = np.array([plane.position - nearest.position for plane in planes])
    across -= np.outer(depths - depths.min(), nearest.normal)
    drift, depth = float(np.linalg.norm(across, axis=1).max()), float(np.ptp(depths))
    if drift > DRIFT * min(nearest.spacing):
        angle = np.degrees(np.arctan2(drift, depth))
        raise InputError(
            f"The {title} was taken with a gantry tilted by {angle:.1f} degrees; resample it to straight slices."
        )


def _even_step(depths: Vector, title: str) -> float:
    steps = np.diff(np.sort(depths))
    if not len(steps):
        raise InputError(f"The {title} is a single slice; give a volume of two or more.")
    usual = float(np.median(steps))
    if steps.min() <= STEP * max(usual, SAME):
        raise InputError(f"The {title} has several images in one place; give one volume a series.")
    if np.abs(steps - usual).max() > STEP * usual:
        widest = float(steps.max())
        raise InputError(
            f"The {title} lacks slices: one is {widest:.2f} mm from the next instead of {usual:.2f} mm; get it again."
        )
    return float(np.ptp(depths)) / len(steps)
