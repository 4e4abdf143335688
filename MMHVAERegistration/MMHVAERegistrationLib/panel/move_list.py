"""The list "Moves along": what the user ticks goes with the MRs."""

from __future__ import annotations

from typing import Any

import qt
import slicer
from MMHVAESynthesisLib.nodes import chosen_form, question_of
from MMHVAESynthesisLib.panel import NiftiFormRow, Part, Whole
from slicer.i18n import tr as _

from ..case import candidates, moving_nodes, tick

_SHORT = {
    "vtkMRMLScalarVolumeNode": "volume",
    "vtkMRMLLabelMapVolumeNode": "label map",
    "vtkMRMLSegmentationNode": "segmentation",
    "vtkMRMLModelNode": "model",
    "vtkMRMLFiberBundleNode": "tracts",
}


class MoveList(Part):
    """Keeps the list and the scene together."""

    def __init__(self, panel: Whole) -> None:
        super().__init__(panel)
        self._list = self.ui.movesList
        self._nodes: list[Any] = []
        self._items: list[Any] = []
        self._moving: list[Any] | None = None
        self._is_filling = False
        self._list.connect("itemChanged(QListWidgetItem*)", self._changed)
        self._list.connect("currentRowChanged(int)", self._ask)
        self._form = NiftiFormRow.within(self.ui.movesFormRow, panel.refresh)

    def use(self, parameters: Any) -> None:
        """See :meth:`.Part.use`."""
        super().use(parameters)
        self._moving = None
        if parameters is None:
            self._show([])
            self._form.show(None)

    def refresh(self) -> None:
        """Show what may move along, the MRs always do; what was chosen or ticked meanwhile is moved."""
        running = self.logic.is_running
        self._list.setEnabled(not running)
        self.ui.movesLabel.setEnabled(not running)
        if not running:
            self._place()
        entries = [(c.node, _text(c.node), c.is_ticked, c.why_not) for c in candidates(self._parameters)]
        rows = [(None, _("the MRs chosen above"), True, _("The MRs themselves always move.")), *entries]
        self._show(rows)
        self._ask()

    def _ask(self, *_row: Any) -> None:
        """Where what is ticked lies, if a file leaves that open: what is selected, or else what was not answered."""
        entries = candidates(self._parameters) if self._parameters is not None else []
        asked = {c.node: question for c in entries if c.is_ticked and (question := question_of(c.node)) is not None}
        row = self._list.currentRow
        selected = self._nodes[row] if 0 <= row < len(self._nodes) else None
        first = sorted(asked, key=lambda node: (node is not selected, bool(chosen_form(node, asked[node]))))
        busy = _("A registration is running.") if self.logic.is_running else ""
        self._form.show(first[0] if first else None, busy, is_named=True)

    def _place(self) -> None:
        """What was ticked goes under the result, if there is one, and what was unticked comes out of it."""
        moving = moving_nodes(self._parameters)
        if moving != self._moving:
            self._moving = moving
            for problem in self.logic.place(self._parameters):
                slicer.util.showStatusMessage(problem, 5000)

    def _show(self, rows: list[tuple[Any, str, bool, str]]) -> None:
        shown = [(self._list.item(i).text(), self._list.item(i).checkState() == qt.Qt.Checked, self._nodes[i])
                 for i in range(self._list.count)]  # fmt: skip
        if shown == [(text, is_on, node) for node, text, is_on, _why in rows]:
            return
        self._is_filling = True
        self._list.clear()
        self._items = [_item(text, is_on, why_not) for _node, text, is_on, why_not in rows]
        for item in self._items:  # kept, since PythonQt may not hand them over to the list
            self._list.addItem(item)
        self._nodes = [row[0] for row in rows]
        self._is_filling = False

    def _changed(self, item: Any) -> None:
        node = self._nodes[self._list.row(item)] if not self._is_filling else None
        if node is not None and self._parameters is not None:
            tick(self._parameters, node, item.checkState() == qt.Qt.Checked)
            self.panel.refresh()


def _text(node: Any) -> str:
    return _("{name}   ({kind})").format(name=node.GetName(), kind=_SHORT.get(node.GetClassName(), _("points")))


def _item(text: str, is_on: bool, why_not: str) -> Any:
    item = qt.QListWidgetItem(text)
    flags = qt.Qt.ItemIsSelectable if why_not else qt.Qt.ItemIsSelectable | qt.Qt.ItemIsEnabled
    item.setFlags(flags | qt.Qt.ItemIsUserCheckable)
    item.setCheckState(qt.Qt.Checked if is_on and (not why_not or text) else qt.Qt.Unchecked)
    item.setToolTip(why_not or _("Ticked, it moves with the MRs. Its own transform stays above; nothing is hardened."))
    return item
