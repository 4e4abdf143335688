"""The row "Only within": a box or a segmentation; Slicer's own wrapper knows no parameter of two kinds."""

from __future__ import annotations

from typing import Any

import slicer
from MMHVAESynthesisLib.panel import Entries, NiftiFormRow, Part, Whole, fill, select
from slicer.i18n import tr as _


class RegionRow(Part):
    """Keeps the row and its parameters together, of which a box or a segmentation is set, or none."""

    def __init__(self, panel: Whole) -> None:
        super().__init__(panel)
        self.ui.regionSelector.connect("currentNodeChanged(vtkMRMLNode*)", self._choose)
        self.ui.regionSegmentSelector.connect("activated(int)", self._choose_segment)
        self._form = NiftiFormRow.within(self.ui.regionFormRow, panel.refresh)

    def use(self, parameters: Any) -> None:
        """See :meth:`.Part.use`."""
        super().use(parameters)
        if parameters is None:
            self._form.show(None)

    def refresh(self) -> None:
        """Show what the parameters say."""
        selector, segmentation = self.ui.regionSelector, self._parameters.regionSegments
        wanted = self._parameters.regionBox or segmentation
        if selector.currentNode() is not wanted:
            blocked = selector.blockSignals(True)
            selector.setCurrentNode(wanted)
            selector.blockSignals(blocked)
        segments = self.ui.regionSegmentSelector
        segments.setVisible(segmentation is not None)
        if segmentation is not None:
            fill(segments, _segments_of(segmentation))
            select(segments, self._parameters.regionSegment)
        self._form.show(segmentation, _("A registration is running within it.") if self.logic.is_running else "")

    def _choose(self, node: Any) -> None:
        parameters = self._parameters
        if parameters is None:
            return
        is_box = node is not None and node.IsA("vtkMRMLMarkupsROINode")
        with slicer.util.NodeModify(parameters.parameterNode):
            parameters.regionBox = node if is_box else None
            parameters.regionSegments = None if is_box else node
            parameters.regionSegment = ""

    def _choose_segment(self, index: int) -> None:
        if self._parameters is not None:
            self._parameters.regionSegment = self.ui.regionSegmentSelector.itemData(index)


def _segments_of(node: Any) -> Entries:
    """Texts and IDs."""
    segmentation = node.GetSegmentation()
    names = [segmentation.GetNthSegmentID(index) for index in range(segmentation.GetNumberOfSegments())]
    return [(_("all segments"), ""), *((segmentation.GetSegment(name).GetName(), name) for name in names)]
