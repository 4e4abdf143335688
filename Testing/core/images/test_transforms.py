"""The exponential of se(3), conversions between matrices and ITK's transforms, and transform files."""

from __future__ import annotations

import itertools
from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk
import torch
from mmhvae.exceptions import InputError
from mmhvae.images import read_transform, transforms as tf, write_transform

EULER = sitk.Euler3DTransform((3.0, -40.0, 12.0), 0.3, -0.2, 0.5, (4.0, -5.0, 6.0))
POINTS = np.random.default_rng(1).normal(scale=60, size=(5, 3))


def random_rigid(seed: int) -> tf.Matrix:
    return tf.exp_se3(np.random.default_rng(seed).normal(size=6) * [1, 1, 1, 20, 20, 20])


def versor() -> sitk.Transform:
    transform = sitk.VersorRigid3DTransform()
    transform.SetCenter(EULER.GetCenter())
    transform.SetMatrix(EULER.GetMatrix())
    transform.SetTranslation(EULER.GetTranslation())
    return transform


def affine(matrix: np.ndarray) -> sitk.AffineTransform:
    transform = sitk.AffineTransform(3)
    transform.SetMatrix(matrix.ravel().tolist())
    return transform


def displacement_field() -> sitk.Transform:
    return sitk.DisplacementFieldTransform(sitk.Image([4, 4, 4], sitk.sitkVectorFloat64, 3))


@pytest.mark.parametrize("scale", [0.0, 1e-9, 1e-5, 0.99e-4, 1.01e-4, 1e-2, 1.0, 3.0])
def test_exponential_against_the_matrix_exponential(scale: float) -> None:
    twists = np.random.default_rng(0).normal(size=(6, 6)) * np.array([scale] * 3 + [10.0] * 3)
    generators = np.zeros((6, 4, 4))
    for g, (x, y, z, *velocity) in zip(generators, twists, strict=True):
        g[:3] = np.c_[[[0, -z, y], [z, 0, -x], [-y, x, 0]], velocity]
    expected = torch.linalg.matrix_exp(torch.from_numpy(generators)).numpy()
    np.testing.assert_allclose(tf.exp_se3(twists), expected, atol=1e-10)


@pytest.mark.parametrize("seed", range(4))
def test_euler_transform_maps_points_as_the_matrix_does(seed: int) -> None:
    matrix, centre = random_rigid(seed), POINTS[seed]
    transform = tf.to_euler(matrix, centre)
    mapped = [transform.TransformPoint(p) for p in POINTS.tolist()]
    np.testing.assert_allclose(mapped, tf.apply_matrix(matrix, POINTS), atol=1e-9)
    np.testing.assert_allclose(tf.to_rigid_matrix(transform), matrix, atol=1e-9)
    np.testing.assert_allclose(transform.GetCenter(), centre)


def quarter_turns() -> list[np.ndarray]:
    """The 24 rotations that permute the axes, and each turned a hair further about x."""
    signed = [
        np.eye(3)[list(order)] * signs
        for order in itertools.permutations(range(3))
        for signs in itertools.product((-1.0, 1.0), repeat=3)
    ]
    exact = [matrix for matrix in signed if np.linalg.det(matrix) > 0]
    hair = tf.exp_se3(np.array([[2e-5, 0, 0, 0, 0, 0]]))[0][:3, :3]
    return exact + [matrix @ hair for matrix in exact] + [hair @ matrix for matrix in exact]


def test_euler_angles_survive_quarter_turns() -> None:
    rotations = quarter_turns()
    assert len(rotations) == 72
    for rotation in rotations:
        matrix = np.eye(4)
        matrix[:3, :3], matrix[:3, 3] = rotation, (3.0, -2.0, 5.0)
        transform = tf.to_euler(matrix, np.array([10.0, 20.0, -30.0]))
        moved = [transform.TransformPoint(point.tolist()) for point in POINTS]
        np.testing.assert_allclose(moved, tf.apply_matrix(matrix, POINTS), atol=0.01)


@pytest.mark.parametrize("suffix", [".tfm", ".h5", ".txt"])
@pytest.mark.parametrize(
    "transform",
    [
        EULER,
        versor(),
        affine(np.array(EULER.GetMatrix()).reshape(3, 3)),
        sitk.TranslationTransform(3, (1.0, 2.0, 3.0)),
        sitk.CompositeTransform([EULER, versor()]),
    ],
    ids=["euler", "versor", "affine", "translation", "composite"],
)
def test_files_round_trip(tmp_path: Path, transform: sitk.Transform, suffix: str) -> None:
    path = tmp_path / f"T{suffix}"
    write_transform(transform, path)
    np.testing.assert_allclose(tf.to_rigid_matrix(read_transform(path)), tf.to_matrix(transform), atol=1e-9)
    assert [p.name for p in tmp_path.iterdir()] == [path.name]


@pytest.mark.parametrize(
    ("transform", "match"),
    [
        (affine(np.diag([1.0, 1.0, 1.002])), "scales"),
        (affine(np.array([[1, 0.01, 0], [0, 1, 0], [0, 0, 1]])), "shears"),
        (affine(np.diag([1.0, 1.0, -1.0])), "mirrors"),
        (affine(np.diag([np.nan, 1.0, 1.0])), "not finite"),
        (sitk.Euler2DTransform(), "three-dimensional"),
        (displacement_field(), "not linear"),
        (sitk.CompositeTransform([EULER, displacement_field()]), "not linear"),
    ],
)
def test_transforms_that_are_not_rigid(transform: sitk.Transform, match: str) -> None:
    with pytest.raises(InputError, match=match):
        tf.to_rigid_matrix(transform)


def test_slightly_inexact_rotations_are_made_exact() -> None:
    matrix = tf.to_rigid_matrix(affine(np.array(EULER.GetMatrix()).reshape(3, 3).round(4)))
    np.testing.assert_allclose(matrix[:3, :3].T @ matrix[:3, :3], np.eye(3), atol=1e-12)


def test_unusable_files(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no transform file"):
        read_transform(tmp_path / "missing.tfm")
    (tmp_path / "broken.tfm").write_text(
        "#Insight Transform File V1.0\nTransform: Nonsense_double_3_3\nParameters: 1\n"
    )
    with pytest.raises(InputError, match="not a transform"):
        read_transform(tmp_path / "broken.tfm")
    with pytest.raises(InputError, match="suffix"):
        write_transform(EULER, tmp_path / "T.nii")
    with pytest.raises(InputError, match="cannot be written"):
        write_transform(EULER, tmp_path / "broken.tfm" / "T.tfm")
