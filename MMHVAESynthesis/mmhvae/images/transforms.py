"""Rigid transforms: the exponential of se(3), matrices, SimpleITK transforms and Slicer's nodes.

Everywhere a transform takes *fixed* points to *moving* points (ITK's convention, the one used for resampling) in LPS
millimetres, unless a name says RAS. Matrices are 4 x 4, float64, and act on column vectors.
"""

from __future__ import annotations

import math

import numpy as np
import SimpleITK as sitk
from numpy.typing import NDArray

from ..exceptions import InputError

#: Changes of sign that take RAS, Slicer's coordinates, to LPS, those of files and of ITK, and back.
RAS_TO_LPS = np.diag([-1.0, -1.0, 1.0, 1.0])

Matrix = NDArray[np.float64]

#: How far a linear transform may be from a rotation (entries of R^T R - I) and still count as rigid.
RIGID_TOLERANCE = 1e-3


def exp_se3(twists: NDArray[np.float64]) -> Matrix:
    """The exponential map of se(3).

    Args:
        twists: (..., 6), rotation vectors in radians, then translational velocities in mm.

    Returns:
        (..., 4, 4) rigid matrices.
    """
    rotation, velocity = twists[..., :3], twists[..., 3:]
    K = np.zeros((*twists.shape[:-1], 3, 3))
    K[..., 0, 1], K[..., 0, 2], K[..., 1, 2] = -rotation[..., 2], rotation[..., 1], -rotation[..., 0]
    K -= np.swapaxes(K, -1, -2)
    angle = np.linalg.norm(rotation, axis=-1)[..., None, None]
    small = angle < 1e-4  # there the series are exact to rounding, and the quotients below lose digits
    theta = np.where(small, 1.0, angle)
    a = np.where(small, 1 - angle**2 / 6, np.sin(theta) / theta)
    b = np.where(small, 0.5 - angle**2 / 24, (1 - np.cos(theta)) / theta**2)
    c = np.where(small, 1 / 6 - angle**2 / 120, (theta - np.sin(theta)) / theta**3)
    matrices = np.zeros((*twists.shape[:-1], 4, 4))
    matrices[..., :3, :3] = np.eye(3) + a * K + b * (K @ K)
    matrices[..., :3, 3] = ((np.eye(3) + b * K + c * (K @ K)) @ velocity[..., None])[..., 0]
    matrices[..., 3, 3] = 1
    return matrices


def rotation_vectors(rotations: NDArray[np.float64]) -> NDArray[np.float64]:
    """The rotation vectors (..., 3), in radians and at most pi long, of rotations (..., 3, 3)."""
    # By way of unit quaternions: half the angle is well defined by its sine and cosine, close to 0 and to pi.
    quaternions = np.stack([_quaternion(rotation) for rotation in rotations.reshape(-1, 3, 3)])
    quaternions *= np.where(quaternions[:, :1] < 0, -1.0, 1.0)
    sines = np.linalg.norm(quaternions[:, 1:], axis=1, keepdims=True)
    angles = 2 * np.arctan2(sines, quaternions[:, :1])
    scales = np.where(sines > 1e-12, angles / np.maximum(sines, 1e-12), 2.0)
    vectors: NDArray[np.float64] = (scales * quaternions[:, 1:]).reshape(*rotations.shape[:-2], 3)
    return vectors


def _quaternion(R: NDArray[np.float64]) -> NDArray[np.float64]:
    """(4,) scalar first: the largest eigenvector of a symmetric matrix (Bar-Itzhack, 2000), good at every angle."""
    (a, b, c), (d, e, f), (g, h, i) = R.tolist()
    K = np.array(
        [
            [a + e + i, h - f, c - g, d - b],
            [h - f, a - e - i, b + d, c + g],
            [c - g, b + d, e - a - i, f + h],
            [d - b, c + g, f + h, i - a - e],
        ]
    )
    return np.asarray(np.linalg.eigh(K)[1][:, -1], dtype=np.float64)


def translation_matrix(offset: NDArray[np.float64]) -> Matrix:
    """The 4 x 4 matrix that adds `offset` (3, mm)."""
    matrix = np.eye(4)
    matrix[:3, 3] = offset
    return matrix


def flip_ras_lps(matrix: Matrix) -> Matrix:
    """The same map between points, in RAS for one given in LPS and the reverse: conjugation by ``RAS_TO_LPS``."""
    return RAS_TO_LPS @ matrix @ RAS_TO_LPS


def flip_points(points: NDArray[np.float64]) -> NDArray[np.float64]:
    """(N, 3) points in RAS for points in LPS, and the reverse."""
    return points * np.diag(RAS_TO_LPS)[:3]


def inverse(matrix: Matrix) -> Matrix:
    """The inverse of a 4 x 4 matrix."""
    return np.asarray(np.linalg.inv(matrix), dtype=np.float64)


def apply_matrix(matrix: Matrix, points: NDArray[np.float64]) -> NDArray[np.float64]:
    """The images of (N, 3) points."""
    return points @ matrix[:3, :3].T + matrix[:3, 3]


def to_matrix(transform: sitk.Transform) -> Matrix:
    """The 4 x 4 matrix of any linear 3-D transform, composites of linear ones included.

    Raises:
        InputError: the transform is not linear, or not 3-D.
    """
    if transform.GetDimension() != 3:
        raise InputError("The transform is not three-dimensional; give a rigid 3-D transform.")
    if not transform.IsLinear():
        raise InputError("The transform is not linear; give a rigid one (rotation and translation only).")
    origin = np.array(transform.TransformPoint((0.0, 0.0, 0.0)))
    matrix = translation_matrix(origin)
    for axis, unit in enumerate(np.eye(3)):
        matrix[:3, axis] = np.array(transform.TransformPoint(unit.tolist())) - origin
    if not np.isfinite(matrix).all():
        raise InputError("The transform holds numbers that are not finite; give another one.")
    return matrix


def nearest_rotation(matrix: NDArray[np.float64]) -> NDArray[np.float64]:
    """The rotation closest to a 3 x 3 matrix in the Frobenius norm (its polar factor, with determinant +1)."""
    u, _, vt = np.linalg.svd(matrix)
    rotation: NDArray[np.float64] = u @ np.diag([1.0, 1.0, np.linalg.det(u @ vt)]) @ vt
    return rotation


def to_rigid_matrix(transform: sitk.Transform) -> Matrix:
    """The matrix of a rigid transform, its rotation made orthonormal to rounding.

    Raises:
        InputError: the transform is not linear, or it scales, shears or mirrors by more than `RIGID_TOLERANCE`.
    """
    matrix = to_matrix(transform)
    linear = matrix[:3, :3]
    if np.abs(linear.T @ linear - np.eye(3)).max() > RIGID_TOLERANCE or np.linalg.det(linear) < 0:
        raise InputError("The transform scales, shears or mirrors; give a rigid one (rotation and translation only).")
    matrix[:3, :3] = nearest_rotation(linear)
    return matrix


def to_euler(matrix: Matrix, centre: NDArray[np.float64]) -> sitk.Euler3DTransform:
    """A rigid matrix as an ITK Euler transform that turns about `centre` (3, LPS mm)."""
    rotation = nearest_rotation(matrix[:3, :3])
    transform = sitk.Euler3DTransform()
    transform.SetCenter(centre.tolist())
    transform.SetMatrix(rotation.ravel().tolist(), 1e-6)
    if not np.allclose(np.reshape(transform.GetMatrix(), (3, 3)), rotation, rtol=0, atol=1e-6):
        # Near a quarter turn about x, ITK takes wrong angles out of the matrix; there y can be 0.
        about_x = math.copysign(math.pi / 2, rotation[2, 1])
        transform.SetRotation(about_x, 0.0, math.atan2(rotation[1, 0], rotation[0, 0]))
    transform.SetTranslation((apply_matrix(matrix, centre[None])[0] - centre).tolist())
    return transform
