"""Lines over the slices of all views, where surfaces are cut: solid or dashed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import vtk

from ..nodes import Matrix, to_array, to_vtk
from .dashes import dashed
from .surfaces import Surface
from .visible_views import SliceView, keep_up_with, slice_views

#: Pixels.
WIDTH = 2.0


@dataclass(frozen=True)
class SurfaceLine:
    """Where the slices cut a surface whose points ``place`` (4, 4) takes to the world, RAS mm."""

    surface: Surface
    place: Matrix
    is_dashed: bool


class SliceLines:
    """Draws into every slice view, and draws again when a slice moves, until :meth:`close`."""

    def __init__(self) -> None:
        self._views: dict[str, _ViewLines] = {}

    def show(self, lines: list[SurfaceLine]) -> None:
        """Draw these lines and no others."""
        keep_up_with(slice_views() if lines else [], self._views, _ViewLines)
        for drawn in self._views.values():
            drawn.draw(lines)

    def close(self) -> None:
        """Take the lines off."""
        self.show([])

    def lines(self, name: str) -> list[tuple[str, bool, Any]]:
        """What is drawn in a view: (node's name, whether it is dashed, points (N, 2) in pixels)."""
        return self._views[name].drawn if name in self._views else []


class _ViewLines:
    """The lines in one view."""

    def __init__(self, view: SliceView) -> None:
        self.view = view
        self.drawn: list[tuple[str, bool, Any]] = []
        self._lines: list[SurfaceLine] = []
        self._actors: list[Any] = []
        self._tag = view.slice_node.AddObserver(vtk.vtkCommand.ModifiedEvent, self._moved)

    def close(self) -> None:
        self.view.slice_node.RemoveObserver(self._tag)
        self._clear()
        self.view.render()

    def draw(self, lines: list[SurfaceLine]) -> None:
        self._lines = lines
        self._clear()
        for line in lines:
            self._draw(line)
        self.view.render()

    def _moved(self, caller: Any, event: Any) -> None:
        self.draw(self._lines)

    def _clear(self) -> None:
        for actor in self._actors:
            self.view.renderer.RemoveViewProp(actor)
        self._actors, self.drawn = [], []

    def _draw(self, line: SurfaceLine) -> None:
        cut = cut_in_pixels(line.surface.polygons, line.place, self.view.slice_node)
        if not cut.GetNumberOfPoints():
            return
        cut = dashed(cut) if line.is_dashed else cut
        mapper = vtk.vtkPolyDataMapper2D()
        mapper.SetInputData(cut)
        mapper.ScalarVisibilityOff()  # a surface's own scalars are no colours
        actor = vtk.vtkActor2D()
        actor.SetMapper(mapper)
        actor.GetProperty().SetColor(*line.surface.colour)
        actor.GetProperty().SetLineWidth(WIDTH * self.view.scale())
        self.view.renderer.AddViewProp(actor)
        self._actors.append(actor)
        points = np.array([cut.GetPoint(index)[:2] for index in range(cut.GetNumberOfPoints())])
        self.drawn.append((line.surface.node.GetName(), line.is_dashed, points))


def cut_in_pixels(polygons: Any, place: Matrix, slice_node: Any) -> Any:
    """The slice's polylines through polygons whose points ``place`` takes to the world, in the view's pixels."""
    to_slice = np.linalg.inv(to_array(slice_node.GetSliceToRAS())) @ place
    plane = vtk.vtkPlane()  # where the slice's own z is 0, in the surface's coordinates
    normal = to_slice[2, :3]
    plane.SetNormal(*(normal / np.linalg.norm(normal)))
    plane.SetOrigin(*(np.linalg.inv(to_slice) @ [0, 0, 0, 1])[:3])
    cutter = vtk.vtkCutter()
    cutter.SetInputData(polygons)
    cutter.SetCutFunction(plane)
    strips = vtk.vtkStripper()
    strips.SetInputConnection(cutter.GetOutputPort())
    to_pixels = vtk.vtkTransform()
    to_pixels.SetMatrix(to_vtk(np.linalg.inv(to_array(slice_node.GetXYToRAS())) @ place))
    moved = vtk.vtkTransformPolyDataFilter()
    moved.SetInputConnection(strips.GetOutputPort())
    moved.SetTransform(to_pixels)
    moved.Update()
    return moved.GetOutput()
