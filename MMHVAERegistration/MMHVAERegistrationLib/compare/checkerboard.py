"""Ultrasound and MR in turn, in cubes: a volume on the ultrasound's grid, made anew when one of them has changed."""

from __future__ import annotations

from typing import Any

import numpy as np
import vtk
from MMHVAESynthesisLib.nodes import (
    find_helper,
    follow,
    ijk_to_ras,
    ijk_to_world,
    image_data,
    new_helper,
    remove_shown,
    to_vtk,
    voxels,
)
from MMHVAESynthesisLib.synthesis import KIND
from numpy.typing import NDArray
from slicer.i18n import tr as _
from vtk.util import numpy_support

#: Millimetres.
SIDE = 12.0
_CLASS, _KIND = "vtkMRMLScalarVolumeNode", "checkerboard"
_STATE = "MMHVAE.CheckerboardOf"


class Checkerboard:
    """One hidden volume a scene, never saved."""

    def node(self, ultrasound: Any, mr: Any) -> Any:
        """The volume, up to date, on the grid of ``ultrasound``."""
        node = _find() or _new_node()
        state = _state_of(ultrasound, mr)
        if node.GetAttribute(_STATE) != state:
            node.SetAndObserveImageData(image_data(board(ultrasound, mr)))
            node.SetIJKToRASMatrix(to_vtk(ijk_to_ras(ultrasound)))
            follow(node, ultrasound)
            node.SetAttribute(_STATE, state)
        return node

    @property
    def shown(self) -> Any:
        """The volume, or None while there is none."""
        return _find()

    def remove(self) -> None:
        """Take it out of the scene."""
        node = _find()
        if node is not None:
            remove_shown(node)


def _find() -> Any:
    return find_helper(_CLASS, KIND, _KIND)


def _new_node() -> Any:
    node = new_helper(_CLASS, _("Checkerboard of ultrasound and MR"), KIND, _KIND)
    node.GetDisplayNode().SetAutoWindowLevel(False)
    node.GetDisplayNode().SetWindowLevelMinMax(0, 255)
    return node


def _state_of(*nodes: Any) -> str:
    states = []
    for node in nodes:
        display = node.GetDisplayNode()
        place = ijk_to_world(node).ravel().tolist()
        states.append([node.GetID(), node.GetImageData().GetMTime(), place, _window(display) if display else None])
    return str(states)


def _window(display: Any) -> tuple[float, float]:
    return display.GetWindowLevelMin(), display.GetWindowLevelMax()


def board(ultrasound: Any, mr: Any) -> NDArray[np.uint8]:
    """(k, j, i) grey values 0 to 255, each image in its own window, in cubes of ``SIDE``."""
    place = ijk_to_world(ultrasound)
    sides = np.maximum(1, np.round(SIDE / np.linalg.norm(place[:3, :3], axis=0))).astype(int)
    array = voxels(ultrasound)
    k, j, i = np.ogrid[tuple(slice(0, size) for size in array.shape)]
    is_mr = (i // sides[0] + j // sides[1] + k // sides[2]) % 2 == 1
    return np.where(is_mr, _grey(_on_grid_of(ultrasound, mr), mr), _grey(array, ultrasound))


def _grey(array: NDArray[Any], node: Any) -> NDArray[np.uint8]:
    display = node.GetDisplayNode()
    low, high = _window(display) if display is not None else (float(array.min()), float(array.max()))
    share = (array.astype(np.float32) - low) / max(high - low, 1e-12)
    return (255 * np.clip(share, 0, 1)).astype(np.uint8)


def _on_grid_of(ultrasound: Any, mr: Any) -> NDArray[Any]:
    """The MR's voxels (k, j, i) on the ultrasound's grid, linear, the least value outside of it."""
    to_mr = vtk.vtkMatrixToLinearTransform()
    to_mr.SetInput(to_vtk(np.linalg.inv(ijk_to_world(mr)) @ ijk_to_world(ultrasound)))
    size = ultrasound.GetImageData().GetDimensions()
    reslice = vtk.vtkImageReslice()
    reslice.SetInputData(mr.GetImageData())
    reslice.SetResliceTransform(to_mr)
    reslice.SetOutputSpacing(1, 1, 1)
    reslice.SetOutputOrigin(0, 0, 0)
    reslice.SetOutputExtent(0, size[0] - 1, 0, size[1] - 1, 0, size[2] - 1)
    reslice.SetInterpolationModeToLinear()
    reslice.SetBackgroundLevel(float(mr.GetImageData().GetScalarRange()[0]))
    reslice.Update()
    scalars = reslice.GetOutput().GetPointData().GetScalars()
    return numpy_support.vtk_to_numpy(scalars).reshape(tuple(reversed(size)))
