"""A slice view that follows a moving frame, and is given back as it was."""

from __future__ import annotations

from typing import Any

import numpy as np
import slicer

from ..nodes import Matrix, to_array, to_vtk

#: The frame's share of the view.
FILLING = 0.9


class FollowedView:
    """The slice view of a name such as "Red", with ``node`` on top of what it shows already.

    Args:
        name: of the view; there may be none of that name, and then nothing is done.
        node: the volume to be shown.
    """

    def __init__(self, name: str, node: Any) -> None:
        self._node = node
        self._slice = _of_layout("vtkMRMLSliceNode", name)
        self._composite = _of_layout("vtkMRMLSliceCompositeNode", name)
        self._is_fitted = False
        if self._slice is not None:
            self._place = to_array(self._slice.GetSliceToRAS())
            self._extent, self._origin = self._slice.GetFieldOfView(), self._slice.GetXYZOrigin()
        if self._composite is not None:
            self._layer, self._opacity = self._composite.GetForegroundVolumeID(), self._composite.GetForegroundOpacity()
            self._composite.SetForegroundVolumeID(node.GetID())
            self._composite.SetForegroundOpacity(1.0)

    def follow(self, place: Matrix, shape: tuple[int, ...]) -> None:
        """Look straight at a frame of ``shape`` (H, W), its rows running down; fitted into the view the first time."""
        if self._slice is None:
            return
        with slicer.util.NodeModify(self._slice):
            self._slice.GetSliceToRAS().DeepCopy(to_vtk(_facing(place, shape)))
            if not self._is_fitted:
                self._fit(np.linalg.norm(place[:3, :2], axis=0) * [shape[1], shape[0]])
            self._slice.UpdateMatrices()

    def _fit(self, sides: Any) -> None:
        """Zoom to a frame with these sides in mm; later the zoom is the user's."""
        self._is_fitted = True
        width, height = self._slice.GetDimensions()[:2]
        pixel = max(sides[0] / max(width, 1), sides[1] / max(height, 1)) / FILLING  # mm
        self._slice.SetFieldOfView(width * pixel, height * pixel, self._extent[2])
        self._slice.SetXYZOrigin(0, 0, 0)

    def restore(self) -> None:
        """Give the view back; a layer that the user has chosen meanwhile stays."""
        if self._composite is not None and self._composite.GetForegroundVolumeID() == self._node.GetID():
            before = slicer.mrmlScene.GetNodeByID(self._layer) if self._layer else None
            self._composite.SetForegroundVolumeID(self._layer if before is not None else None)
            self._composite.SetForegroundOpacity(self._opacity)
        if self._slice is not None and self._is_fitted:
            with slicer.util.NodeModify(self._slice):
                self._slice.GetSliceToRAS().DeepCopy(to_vtk(self._place))
                self._slice.SetFieldOfView(*self._extent)
                self._slice.SetXYZOrigin(*self._origin)
                self._slice.UpdateMatrices()


def _of_layout(kind: str, name: str) -> Any:
    """The node of that class and layout name in the scene, or None."""
    found = (node for node in slicer.util.getNodesByClass(kind) if name and node.GetLayoutName() == name)
    return next(found, None)


def _facing(place: Matrix, shape: tuple[int, ...]) -> Matrix:
    """The slice's (4, 4) to RAS: columns run to the right and rows down, as on the scanner, mirrored or not."""
    right, down = (place[:3, axis] / np.linalg.norm(place[:3, axis]) for axis in (0, 1))
    up = -(down - (down @ right) * right)  # a slice has right angles, to the last digit
    up /= np.linalg.norm(up)
    result = np.eye(4)
    result[:3, 0], result[:3, 1], result[:3, 2] = right, up, np.cross(right, up)
    result[:3, 3] = (place @ [(shape[1] - 1) / 2, (shape[0] - 1) / 2, 0, 1])[:3]
    return result
