"""The row "Only within": a box or a segmentation; Slicer's own wrapper knows no parameter of two kinds."""

from __future__ import annotations

from typing import Any

import slicer
from MMHVAESynthesisLib.panel import Part, Whole


class RegionRow(Part):
    """Keeps the row and the two parameters together, of which one at most is set."""

    def __init__(self, panel: Whole) -> None:
        super().__init__(panel)
        self.ui.regionSelector.connect("currentNodeChanged(vtkMRMLNode*)", self._choose)

    def refresh(self) -> None:
        """Show what the parameters say."""
        selector, wanted = self.ui.regionSelector, self._parameters.regionBox or self._parameters.regionSegments
        if selector.currentNode() is not wanted:
            blocked = selector.blockSignals(True)
            selector.setCurrentNode(wanted)
            selector.blockSignals(blocked)

    def _choose(self, node: Any) -> None:
        parameters = self._parameters
        if parameters is None:
            return
        is_box = node is not None and node.IsA("vtkMRMLMarkupsROINode")
        with slicer.util.NodeModify(parameters.parameterNode):
            parameters.regionBox = node if is_box else None
            parameters.regionSegments = None if is_box else node
