"""Target registration error: how far landmarks stay apart under a transform.

Points are (N, 3) float64 arrays in LPS mm.
"""

from __future__ import annotations

import numpy as np
import SimpleITK as sitk

from ..exceptions import InputError
from ..images import nearest_rotation, to_euler
from .landmark_files import Points


def _check_pairs(fixed_points: Points, moving_points: Points) -> None:
    shapes = fixed_points.shape, moving_points.shape
    if shapes[0] != shapes[1] or len(shapes[0]) != 2 or shapes[0][1] != 3 or shapes[0][0] == 0:
        raise InputError(
            f"There are {len(fixed_points)} fixed and {len(moving_points)} moving landmarks; "
            "give pairs in the same order."
        )


def target_registration_error(transform: sitk.Transform, fixed_points: Points, moving_points: Points) -> Points:
    """(N,) mm: the distance of each fixed landmark's image from its moving counterpart.

    Args:
        transform: fixed points -> moving points, LPS mm; any transform of ITK, rigid or not.
        fixed_points: (N, 3) LPS mm.
        moving_points: (N, 3) LPS mm, in the same order.

    Raises:
        InputError: the landmarks do not come in pairs, or the transform is not 3-D.
    """
    _check_pairs(fixed_points, moving_points)
    if transform.GetDimension() != 3:
        raise InputError(f"The transform is {transform.GetDimension()}-D; give one in three dimensions.")
    mapped = np.array([transform.TransformPoint(point) for point in fixed_points.tolist()])
    distances: Points = np.linalg.norm(mapped - moving_points, axis=1)
    return distances


def best_rigid_fit(fixed_points: Points, moving_points: Points) -> sitk.Euler3DTransform:
    """The rigid transform, fixed points -> moving points, with the least squared error (Kabsch, 1976).

    What remains after it is the landmarks' own error and the tissue's deformation: no rigid registration does better.

    Raises:
        InputError: the landmarks do not come in pairs, are fewer than three, or lie on a line.
    """
    _check_pairs(fixed_points, moving_points)
    fixed_mean, moving_mean = fixed_points.mean(axis=0), moving_points.mean(axis=0)
    fixed, moving = fixed_points - fixed_mean, moving_points - moving_mean
    spread = np.linalg.svd(fixed, compute_uv=False)
    if len(fixed) < 3 or spread[1] <= 1e-6 * spread[0] or spread[0] == 0:
        raise InputError("A rigid fit needs three or more landmarks that are not on one line; add landmarks.")
    matrix = np.eye(4)
    matrix[:3, :3] = nearest_rotation(moving.T @ fixed)
    matrix[:3, 3] = moving_mean - matrix[:3, :3] @ fixed_mean
    return to_euler(matrix, fixed_mean)
