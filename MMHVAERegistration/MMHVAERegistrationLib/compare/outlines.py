"""Outlines over the slices: dashed where the navigation shows them, solid where the registration puts them."""

from __future__ import annotations

from typing import Any

import numpy as np
import slicer
import vtk
from MMHVAESynthesisLib.engine import Timer
from MMHVAESynthesisLib.nodes import Matrix, parent_to_world, to_array, to_vtk
from MMHVAESynthesisLib.views import SliceView, slice_views

from ..pose import before_to_world
from .dashes import dashed
from .surfaces import Surface, surfaces_of

#: Pixels.
WIDTH = 2.0


class Outlines:
    """The lines in all slice views, kept up to date until :meth:`close`."""

    def __init__(self) -> None:
        self._nodes: list[Any] = []
        self._views: dict[str, _ViewLines] = {}
        self._tags: list[tuple[Any, int]] = []
        self._later = Timer(self.refresh)

    def show(self, nodes: list[Any]) -> None:
        """Draw the outlines of these segmentations and models, and of no others."""
        if nodes != self._nodes:
            self._forget()
            self._nodes = list(nodes)
            events = (vtk.vtkCommand.ModifiedEvent, slicer.vtkMRMLTransformableNode.TransformModifiedEvent)
            self._tags = [(node, node.AddObserver(event, self._changed)) for node in nodes for event in events]
        self.refresh()

    def close(self) -> None:
        """Take the lines off, and stop watching."""
        self._later.stop()
        self._forget()
        self._nodes = []
        for lines in self._views.values():
            lines.close()
        self._views.clear()

    def refresh(self) -> None:
        """Bring the lines of every view up to date."""
        found = {view.name: view for view in slice_views()} if self._nodes else {}
        for name, lines in list(self._views.items()):
            if name not in found or found[name].renderer is not lines.view.renderer:
                self._views.pop(name).close()
        surfaces = [surface for node in self._nodes for surface in surfaces_of(node)]
        for name, view in found.items():
            if name not in self._views:
                self._views[name] = _ViewLines(view)
            self._views[name].draw(surfaces)

    def lines(self, name: str) -> list[tuple[str, bool, Any]]:
        """What is drawn in a view: (node's name, whether it is dashed, points (N, 2) in pixels)."""
        return self._views[name].drawn if name in self._views else []

    def _changed(self, caller: Any, event: Any) -> None:
        self._later.start()

    def _forget(self) -> None:
        for node, tag in self._tags:
            node.RemoveObserver(tag)
        self._tags = []


class _ViewLines:
    """The lines in one view."""

    def __init__(self, view: SliceView) -> None:
        self.view = view
        self.drawn: list[tuple[str, bool, Any]] = []
        self._surfaces: list[Surface] = []
        self._actors: list[Any] = []
        self._tag = view.slice_node.AddObserver(vtk.vtkCommand.ModifiedEvent, self._moved)

    def close(self) -> None:
        self.view.slice_node.RemoveObserver(self._tag)
        self._clear()
        self.view.render()

    def draw(self, surfaces: list[Surface]) -> None:
        self._surfaces = surfaces
        self._clear()
        for surface in surfaces:
            before, after = before_to_world(surface.node), parent_to_world(surface.node)
            if not np.array_equal(before, after):
                self._draw(surface, before, True)
            self._draw(surface, after, False)
        self.view.render()

    def _moved(self, caller: Any, event: Any) -> None:
        self.draw(self._surfaces)

    def _clear(self) -> None:
        for actor in self._actors:
            self.view.renderer.RemoveViewProp(actor)
        self._actors, self.drawn = [], []

    def _draw(self, surface: Surface, place: Matrix, is_dashed: bool) -> None:
        lines = self._cut(surface, place)
        if not lines.GetNumberOfPoints():
            return
        lines = dashed(lines) if is_dashed else lines
        mapper = vtk.vtkPolyDataMapper2D()
        mapper.SetInputData(lines)
        mapper.ScalarVisibilityOff()  # a surface's own scalars are no colours
        actor = vtk.vtkActor2D()
        actor.SetMapper(mapper)
        actor.GetProperty().SetColor(*surface.colour)
        actor.GetProperty().SetLineWidth(WIDTH)
        self.view.renderer.AddViewProp(actor)
        self._actors.append(actor)
        points = np.array([lines.GetPoint(index)[:2] for index in range(lines.GetNumberOfPoints())])
        self.drawn.append((surface.node.GetName(), is_dashed, points))

    def _cut(self, surface: Surface, place: Matrix) -> Any:
        """The slice's polylines through a surface whose points ``place`` takes to the world, in the view's pixels."""
        slice_to_ras = to_array(self.view.slice_node.GetSliceToRAS())
        to_slice = np.linalg.inv(slice_to_ras) @ place
        plane = vtk.vtkPlane()  # where the slice's own z is 0, in the surface's coordinates
        normal = to_slice[2, :3]
        plane.SetNormal(*(normal / np.linalg.norm(normal)))
        plane.SetOrigin(*(np.linalg.inv(to_slice) @ [0, 0, 0, 1])[:3])
        cutter = vtk.vtkCutter()
        cutter.SetInputData(surface.polygons)
        cutter.SetCutFunction(plane)
        strips = vtk.vtkStripper()
        strips.SetInputConnection(cutter.GetOutputPort())
        to_pixels = vtk.vtkTransform()
        to_pixels.SetMatrix(to_vtk(np.linalg.inv(to_array(self.view.slice_node.GetXYToRAS())) @ place))
        moved = vtk.vtkTransformPolyDataFilter()
        moved.SetInputConnection(strips.GetOutputPort())
        moved.SetTransform(to_pixels)
        moved.Update()
        return moved.GetOutput()
