"""Dashed lines, as geometry: VTK's own stippling does not work on today's graphics."""

from __future__ import annotations

from typing import Any

import numpy as np
import vtk
from numpy.typing import NDArray

#: Pixels.
DASH, GAP = 7.0, 6.0


def dashed(lines: Any) -> Any:
    """Polylines in pixels, cut into dashes."""
    points, cells = vtk.vtkPoints(), vtk.vtkCellArray()
    ids = vtk.vtkIdList()
    lines.GetLines().InitTraversal()
    while lines.GetLines().GetNextCell(ids):
        line = np.array([lines.GetPoint(ids.GetId(index)) for index in range(ids.GetNumberOfIds())])
        for dash in dashes_of(line):
            cells.InsertNextCell(len(dash))
            for point in dash:
                cells.InsertCellPoint(points.InsertNextPoint(*point))
    result = vtk.vtkPolyData()
    result.SetPoints(points)
    result.SetLines(cells)
    return result


def dashes_of(line: NDArray[np.float64]) -> list[NDArray[np.float64]]:
    """The dashes of one polyline (N, 3), each (M, 3), with M at least 2; corners within a dash are kept."""
    steps = np.linalg.norm(np.diff(line, axis=0), axis=1)
    along = np.concatenate([[0.0], np.cumsum(steps)])
    dashes = []
    for start in np.arange(0.0, along[-1], DASH + GAP):
        end = min(start + DASH, along[-1])
        inner = along[(along > start) & (along < end)]
        places = np.concatenate([[start], inner, [end]])
        dashes.append(np.stack([np.interp(places, along, line[:, axis]) for axis in range(3)], axis=1))
    return dashes
