"""The rows "What do you have?": the ultrasound as in MMHVAESynthesis, and a row for each pre-operative MR."""

from __future__ import annotations

from typing import Any

import slicer
from MMHVAESynthesisLib.panel import InputRows
from MMHVAESynthesisLib.synthesis import candidates
from slicer.i18n import tr as _

from ..case import MR_NAMES

#: The synthesis panel's parameters in the scene; an ultrasound that was chosen there is meant here, too.
_OTHER_PANEL = "MMHVAESynthesis"


class CaseInputRows(InputRows):
    """Keeps the rows and the parameters together; Slicer's own wrapper looks after the MRs."""

    def refresh(self) -> None:
        """See :meth:`.InputRows.refresh`; while a registration runs, its images stay chosen."""
        super().refresh()
        running = self.logic.is_running
        self.ui.inputsBox.setEnabled(not running)
        self.ui.inputsBox.setToolTip(_("A registration of these images is running.") if running else "")

    def take_what_is_there(self) -> None:
        """Fill in the rows in which nothing was chosen yet: by names, and by what the synthesis panel works on."""
        parameters: Any = self._parameters
        if parameters is None:
            return
        found = candidates()
        with slicer.util.NodeModify(parameters.parameterNode):
            if not parameters.sweepPath and parameters.sweepBrowser is None and parameters.us is None:
                self._guess_ultrasound(parameters, found.get("us", []))
            for name in MR_NAMES:
                nodes = found.get(name, [])
                if getattr(parameters, name) is None and len(nodes) == 1:
                    setattr(parameters, name, nodes[0])

    @staticmethod
    def _guess_ultrasound(parameters: Any, nodes: list[Any]) -> None:
        other = slicer.mrmlScene.GetSingletonNode(_OTHER_PANEL, "vtkMRMLScriptedModuleNode")
        if other is not None:
            parameters.calibration = other.GetParameter("calibration")
            parameters.sweepPath = other.GetParameter("sweepPath")
            nodes = [n for n in map(other.GetNodeReference, ("sweepBrowser", "us")) if n is not None] or nodes
        if parameters.sweepPath or not nodes:
            return
        if nodes[0].IsA("vtkMRMLSequenceBrowserNode"):
            parameters.sweepBrowser = nodes[0]
        elif len(nodes) == 1:
            parameters.us = nodes[0]

    def warnings(self) -> list[str]:
        """None: what the synthesis panel warns of, MRs that do not lie on the ultrasound, is what this one is for."""
        return []
