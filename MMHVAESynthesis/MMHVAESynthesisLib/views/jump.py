"""Where the slice views look."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import slicer

from ..nodes import to_array


def jump_to(place: Iterable[float]) -> None:
    """Lay every slice through a point, (3,) RAS mm in world; a view that does not reach that far is moved there."""
    point = [float(part) for part in place]
    for node in slicer.util.getNodesByClass("vtkMRMLSliceNode"):
        node.JumpSliceByOffsetting(*point)
        pixel = np.linalg.solve(to_array(node.GetXYToRAS()), [*point, 1.0])[:2]
        if not all(0 <= part < size for part, size in zip(pixel, node.GetDimensions(), strict=False)):
            node.JumpSliceByCentering(*point)
