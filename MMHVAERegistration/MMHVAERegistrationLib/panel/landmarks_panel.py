"""The section "Landmarks (TRE)": pairs of points, and their distance before and after, a row a pair."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import qt
import slicer
from mmhvae import InputError
from MMHVAESynthesisLib.panel import Part, Whole, ask_for_file
from MMHVAESynthesisLib.sample_data import landmark_names
from slicer.i18n import tr as _

from ..pose import Pairs, pairs_from


class LandmarksPanel(Part):
    """The table and the file; Slicer's own wrapper looks after the two lists of points."""

    def __init__(self, panel: Whole) -> None:
        super().__init__(panel)
        ui = self.ui
        self._shown: list[list[str]] | None = None
        ui.landmarksTable.setColumnCount(3)
        ui.landmarksTable.setHorizontalHeaderLabels([_("pair"), _("before, mm"), _("after, mm")])
        ui.landmarksTable.horizontalHeader().setSectionResizeMode(qt.QHeaderView.Stretch)
        ui.landmarksTable.verticalHeader().hide()
        ui.tagFileButton.connect("clicked()", self._browse)
        ui.tagRemoveButton.connect("clicked()", self._remove)

    def take_what_is_there(self) -> None:
        """See :meth:`.Part.take_what_is_there`: the demo's lists."""
        parameters = self._parameters
        if parameters.usLandmarks is None and parameters.mrLandmarks is None and not parameters.tagPath:
            us, mr = (slicer.mrmlScene.GetFirstNodeByName(name) for name in landmark_names())
            if us is not None and mr is not None:
                parameters.usLandmarks, parameters.mrLandmarks = us, mr

    def refresh(self) -> None:
        """Measure anew."""
        parameters, ui = self._parameters, self.ui
        ui.tagFileLabel.setText(Path(parameters.tagPath).name)
        ui.tagFileLabel.setToolTip(parameters.tagPath)
        ui.tagRemoveButton.setVisible(bool(parameters.tagPath))
        for selector in (ui.usLandmarksSelector, ui.mrLandmarksSelector):
            selector.setEnabled(not parameters.tagPath)
        try:
            pairs, problem = pairs_from(parameters, self.logic.world, self.logic.is_placing), ""
        except InputError as error:
            pairs, problem = None, str(error)
        self._fill(rows_of(pairs, self.logic.world) if pairs is not None else [])
        ui.landmarksTable.setVisible(pairs is not None)
        ui.landmarksLabel.setText(problem or ("" if pairs is not None else _("Choose both lists, or a file.")))

    def _fill(self, rows: list[list[str]]) -> None:
        if rows == self._shown:
            return
        self._shown = rows
        table = self.ui.landmarksTable
        table.setRowCount(len(rows))
        self._items: list[Any] = []  # kept, since PythonQt may not hand them over to the table
        for row, texts in enumerate(rows):
            for column, text in enumerate(texts):
                item = qt.QTableWidgetItem(text)
                if column:
                    item.setTextAlignment(int(qt.Qt.AlignRight) | int(qt.Qt.AlignVCenter))
                table.setItem(row, column, item)
                self._items.append(item)

    def _browse(self) -> None:
        path = ask_for_file(slicer.util.mainWindow(), _("Choose pairs of landmarks"), _("Landmarks") + " (*.tag)")
        if path is not None and self._parameters is not None:
            self._parameters.tagPath = str(path)

    def _remove(self) -> None:
        if self._parameters is not None:
            self._parameters.tagPath = ""


def rows_of(pairs: Pairs, world: Any) -> list[list[str]]:
    """A row of texts for each pair, and the mean as the last."""
    before, after = pairs.errors(np.eye(4)), pairs.errors(world)
    rows = [[name, f"{a:.1f}", f"{b:.1f}"] for name, a, b in zip(pairs.names, before, after, strict=True)]
    return [*rows, [_("mean"), f"{before.mean():.1f}", f"{after.mean():.1f}"]]
