"""Nodes that several tests make: volumes anywhere in space, transforms, and sequences of tracked frames."""

from __future__ import annotations

from typing import Any

import numpy as np
import slicer
import vtk
from numpy.typing import NDArray


def vtk_matrix(matrix: NDArray[np.float64]) -> Any:
    result = vtk.vtkMatrix4x4()
    result.DeepCopy(np.asarray(matrix, float).ravel().tolist())
    return result


def rotation(seed: int, left_handed: bool = False) -> NDArray[np.float64]:
    """(3, 3), right- or left-handed."""
    matrix, _ = np.linalg.qr(np.random.default_rng(seed).standard_normal((3, 3)))
    if (np.linalg.det(matrix) < 0) != left_handed:
        matrix[:, 0] *= -1
    return matrix


def pose(seed: int, spacing: tuple[float, float, float] = (1, 1, 1), left_handed: bool = False) -> NDArray[np.float64]:
    """(4, 4) of oblique voxels somewhere."""
    matrix = np.eye(4)
    matrix[:3, :3] = rotation(seed, left_handed) * spacing
    matrix[:3, 3] = np.random.default_rng(seed + 100).uniform(-80, 80, 3)
    return matrix


def volume(array: NDArray[Any], ijk_to_ras: NDArray[np.float64] | None = None, name: str = "iUS") -> Any:
    """A scalar volume node of ``array`` (k, j, i)."""
    node = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLScalarVolumeNode", name)
    slicer.util.updateVolumeFromArray(node, array)
    node.SetIJKToRASMatrix(vtk_matrix(np.eye(4) if ijk_to_ras is None else ijk_to_ras))
    return node


def fan(side: int = 40, seed: int = 0) -> NDArray[np.uint8]:
    """A ball of speckle in a dark box: enough of an ultrasound volume for every check."""
    k, j, i = np.ogrid[:side, :side, :side]
    inside = (k - side / 2) ** 2 + (j - side / 2) ** 2 + (i - side / 2) ** 2 < (0.42 * side) ** 2
    speckle = np.random.default_rng(seed).gamma(2.0, 30.0, (side, side, side))
    return np.where(inside, np.clip(speckle, 1, 255), 0).astype(np.uint8)


def transform(matrix: NDArray[np.float64], name: str = "Transform", parent: Any = None) -> Any:
    """A linear transform node."""
    node = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLLinearTransformNode", name)
    node.SetMatrixTransformToParent(vtk_matrix(matrix))
    if parent is not None:
        node.SetAndObserveTransformNodeID(parent.GetID())
    return node


def image_item(array: NDArray[Any]) -> Any:
    """A flat image that is in no scene, as an item of a sequence: ``array`` (H, W)."""
    node = slicer.vtkMRMLScalarVolumeNode()
    slicer.util.updateVolumeFromArray(node, array[None])
    return node


def transform_item(matrix: NDArray[np.float64], status: str | None = None) -> Any:
    """A transform that is in no scene, as an item of a sequence."""
    node = slicer.vtkMRMLLinearTransformNode()
    node.SetMatrixTransformToParent(vtk_matrix(matrix))
    if status is not None:
        node.SetAttribute("TransformStatus", status)
    return node


def sequence(browser: Any, name: str, items: dict[str, Any]) -> Any:
    """A sequence of ``items`` by their time, played by ``browser``, with what PLUS calls it as its source."""
    node = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLSequenceNode", name)
    node.SetIndexName("time")
    node.SetIndexUnit("s")
    node.SetAttribute("Sequences.Source", name)
    for time, item in items.items():
        node.SetDataNodeAtValue(item, time)
    browser.AddSynchronizedSequenceNode(node)
    return node
