"""The rows "What do you have?": the ultrasound is a volume, tracked frames in the scene, or a file of them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import qt
import slicer
from mmhvae import InputError
from mmhvae.images import MODALITIES, MR_MODALITIES
from mmhvae.sweep import read_frames
from slicer.i18n import tr as _

from ..nodes import tracked_frames
from ..synthesis import guessed_inputs
from .part import Part, Whole

_SWEEP_FILES = "*.igs.mha *.seq.mha *.mha *.mhd *.igs.nrrd *.seq.nrrd *.nrrd"


class InputRows(Part):
    """Keeps the rows and the parameters together; Slicer's own wrapper looks after the three MRs."""

    def __init__(self, panel: Whole) -> None:
        super().__init__(panel)
        ui = self.ui
        self._counted: tuple[str, int, str] = ("", 0, "")  # path, time of change, what was found
        ui.usSelector.connect("currentNodeChanged(vtkMRMLNode*)", self._choose)
        ui.sweepFileButton.connect("clicked()", self._browse_sweep)
        ui.sweepRemoveButton.connect("clicked()", self._remove_sweep)
        ui.calibrationFileButton.connect("clicked()", self._browse_calibration)
        ui.calibrationRemoveButton.connect("clicked()", lambda: self._type_calibration(""))
        # Not by Slicer's wrapper: it writes the text back at every key, and the cursor jumps to its end.
        ui.calibrationEdit.connect("textEdited(QString)", self._type_calibration)

    def take_what_is_there(self) -> None:
        """Fill in what the nodes' names tell, where nothing was chosen yet."""
        parameters = self._parameters
        if parameters is None or parameters.sweepPath or parameters.sweepBrowser:
            return
        if any(getattr(parameters, name) is not None for name in MODALITIES):
            return
        for name, node in guessed_inputs().items():
            if node.IsA("vtkMRMLSequenceBrowserNode"):
                parameters.sweepBrowser = node
            else:
                setattr(parameters, name, node)

    def warnings(self) -> list[str]:
        """What the user has to see to, because no program can tell."""
        parameters = self._parameters
        if parameters is None or not (parameters.sweepPath or parameters.sweepBrowser or parameters.us):
            return []
        names = [MODALITIES[name].name for name in MR_MODALITIES if getattr(parameters, name) is not None]
        if not names:
            return []
        text = _(
            "{names} must lie on the ultrasound already; if not registered to it, take it out: the results follow it."
        )
        return [text.format(names=", ".join(names))]

    def refresh(self) -> None:
        """Show what the parameters say."""
        parameters, ui = self._parameters, self.ui
        path, browser = parameters.sweepPath, parameters.sweepBrowser
        wanted = None if path else browser or parameters.us
        if ui.usSelector.currentNode() is not wanted:
            blocked = ui.usSelector.blockSignals(True)
            ui.usSelector.setCurrentNode(wanted)
            ui.usSelector.blockSignals(blocked)
        none = _("from the file below") if path else _("none")
        if ui.usSelector.noneDisplay != none:  # or a list that the user has just opened would be made anew
            ui.usSelector.noneDisplay = none
        ui.sweepRow.setVisible(bool(path) or browser is not None)
        ui.sweepRemoveButton.setVisible(bool(path))
        if ui.calibrationEdit.text != parameters.calibration:
            ui.calibrationEdit.setText(parameters.calibration)
        for part in (ui.calibrationLabel, ui.calibrationRow):
            part.setVisible(bool(path) or browser is not None)
        self._show_calibration(parameters.calibration)
        if path:
            self._show_sweep(
                _("{name}: {frames}").format(name=Path(path).name, frames=self._frames_in_file(path)), path
            )
        elif browser is not None:
            self._show_sweep(_frames_in_browser(browser, parameters.calibration), browser.GetName())

    def _show_sweep(self, text: str, tip: str) -> None:
        _show_elided(self.ui.sweepLabel, text, tip)

    def _show_calibration(self, calibration: str) -> None:
        """A file by its name, like the sweep's; numbers, and what is being typed or is not there, in the line."""
        edit = self.ui.calibrationEdit
        is_file = bool(calibration) and not edit.hasFocus() and _is_file(calibration)
        edit.setVisible(not is_file)
        for part in (self.ui.calibrationFileLabel, self.ui.calibrationRemoveButton):
            part.setVisible(is_file)
        if is_file:
            _show_elided(self.ui.calibrationFileLabel, Path(calibration).name, calibration)

    def _frames_in_file(self, path: str) -> str:
        """In words; the file's header is read again only when the file has changed."""
        try:
            changed = Path(path).stat().st_mtime_ns
            if self._counted[:2] != (path, changed):
                self._counted = (path, changed, _tracked(len(read_frames(path))))
        except (InputError, OSError):
            return _("not readable")
        return self._counted[2]

    def _choose(self, node: Any) -> None:
        """A node was chosen in the ultrasound's row, or none."""
        parameters = self._parameters
        if parameters is None:
            return
        is_sweep = node is not None and node.IsA("vtkMRMLSequenceBrowserNode")
        with slicer.util.NodeModify(parameters.parameterNode):
            parameters.sweepPath = ""
            parameters.sweepBrowser = node if is_sweep else None
            parameters.us = None if is_sweep else node

    def _browse_sweep(self) -> None:
        path = _chosen_file(_("Choose a file of tracked frames"), _("Tracked frames") + f" ({_SWEEP_FILES})")
        if path and self._parameters is not None:
            self._parameters.sweepPath = path

    def _remove_sweep(self) -> None:
        if self._parameters is not None:
            self._parameters.sweepPath = ""

    def _type_calibration(self, text: str) -> None:
        if self._parameters is not None:
            self._parameters.calibration = text

    def _browse_calibration(self) -> None:
        path = _chosen_file(_("Choose the calibration"), _("Calibration") + " (*.tfm *.txt *.xml *.h5)")
        if path and self._parameters is not None:
            self._parameters.calibration = path


def _show_elided(label: Any, text: str, tip: str) -> None:
    label.setToolTip(tip)
    metrics = qt.QFontMetrics(label.font)
    label.setText(metrics.elidedText(text, qt.Qt.ElideMiddle, max(120, label.width)))


def _is_file(text: str) -> bool:
    try:
        return Path(text).is_file()
    except (OSError, ValueError):  # no path at all
        return False


def _chosen_file(title: str, kinds: str) -> str:
    answer = qt.QFileDialog.getOpenFileName(slicer.util.mainWindow(), title, "", kinds)
    return str(answer[0] if isinstance(answer, tuple) else answer)


def _frames_in_browser(browser: Any, calibration: str) -> str:
    try:
        return _tracked(len(tracked_frames(browser, calibration)))
    except InputError:
        return _("not placed in space")  # why, is in the line of state


def _tracked(count: int) -> str:
    return _("tracked, {count} frames").format(count=count)
