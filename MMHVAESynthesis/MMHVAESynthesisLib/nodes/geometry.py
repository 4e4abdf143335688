"""Where a volume node lies: 4 x 4 matrices from voxel indices to millimetres, in world coordinates.

Slicer's coordinates are RAS, those of files and of the core are LPS; both in mm.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import vtk
from mmhvae import InputError
from mmhvae.images import RAS_TO_LPS
from numpy.typing import NDArray

Matrix = NDArray[np.float64]

#: From RAS to LPS and back, as short as formulas need it.
FLIP = RAS_TO_LPS
#: Largest cosine between two voxel axes: a tracker's matrix of few digits shears a little.
MOST_SHEAR = 0.01
#: Millimetres that rounding may move a voxel when a scene is saved.
TOLERANCE = 1e-3


def to_array(matrix: Any) -> Matrix:
    """A vtkMatrix4x4 as (4, 4)."""
    return np.array([[matrix.GetElement(row, column) for column in range(4)] for row in range(4)])


def to_vtk(matrix: Matrix) -> Any:
    """(4, 4) as a vtkMatrix4x4."""
    result = vtk.vtkMatrix4x4()
    result.DeepCopy(np.asarray(matrix, np.float64).ravel().tolist())
    return result


def ijk_to_ras(node: Any) -> Matrix:
    """(4, 4) of a volume node, to the coordinates of its parent transform."""
    matrix = vtk.vtkMatrix4x4()
    node.GetIJKToRASMatrix(matrix)
    return to_array(matrix)


def parent_to_world(node: Any) -> Matrix:
    """(4, 4) of all transforms above a node.

    Raises:
        InputError: one of them bends space.
    """
    transform = node.GetParentTransformNode()
    if transform is None:
        return np.eye(4)
    if not transform.IsTransformToWorldLinear():
        raise InputError(
            f"{node.GetName()} is under a transform that bends it ({transform.GetName()}); harden that transform, or"
            " take the volume out of it."
        )
    matrix = vtk.vtkMatrix4x4()
    transform.GetMatrixTransformToWorld(matrix)
    return to_array(matrix)


def ijk_to_world(node: Any) -> Matrix:
    """(4, 4) of a volume node, to RAS mm in world coordinates, with right angles between the voxel axes.

    Raises:
        InputError: a parent transform bends, shears or flattens the volume.
    """
    matrix: Matrix = parent_to_world(node) @ ijk_to_ras(node)
    lengths = np.linalg.norm(matrix[:3, :3], axis=0)
    if not np.isfinite(matrix).all() or not (lengths > 1e-6).all():
        raise InputError(f"{node.GetName()} is flattened by its transform; choose another transform for it.")
    # Files of images can hold no shear, and the model's slices assume right angles.
    if is_sheared(matrix):
        by, or_what = "", ""
        if node.GetParentTransformNode() is not None and not is_sheared(ijk_to_ras(node)):
            by, or_what = " by its transform", ", or use a transform that only moves, turns and scales"
        raise InputError(
            f"{node.GetName()} is sheared{by}: its axes are not at right angles; resample it with the module Resample"
            f" Scalar/Vector/DWI Volume{or_what}."
        )
    return matrix


def is_sheared(matrix: Matrix) -> bool:
    """Whether the axes of a matrix (4, 4) that is not flat are not at right angles."""
    directions = matrix[:3, :3] / np.linalg.norm(matrix[:3, :3], axis=0)
    return bool(np.abs(directions.T @ directions - np.eye(3)).max() > MOST_SHEAR)


def follow(node: Any, other: Any) -> None:
    """Put ``node`` under the transform of ``other``, which is not touched (asking it for an ID would be a change)."""
    above = other.GetParentTransformNode()
    node.SetAndObserveTransformNodeID(above.GetID() if above is not None else None)


def same_place(a: Matrix, b: Matrix, size: tuple[int, ...], tolerance: float = TOLERANCE) -> bool:
    """Whether two matrices from indices to mm put all voxels of a grid of this ``size`` in the same place."""
    corners = np.array([[i, j, k, 1] for i in (0, size[0]) for j in (0, size[1]) for k in (0, size[2])], float)
    return bool(np.abs((a - b) @ corners.T).max() <= tolerance)
