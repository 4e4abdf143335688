"""Load the demo: the way in for those who have no images at hand; offered while the scene has none."""

from __future__ import annotations

import slicer

from .panel import Part, Whole
from .sample_data import load_demo_case


class DemoButton(Part):
    """Shows the button in an empty scene, and loads the demo case; every part then takes what it needs of it."""

    def __init__(self, panel: Whole) -> None:
        super().__init__(panel)
        self.ui.demoButton.connect("clicked()", self._load)

    def refresh(self) -> None:
        """See :meth:`.Part.refresh`."""
        has_images = slicer.mrmlScene.GetNumberOfNodesByClass("vtkMRMLVolumeNode") > 0
        self.ui.demoButton.setVisible(not has_images and not self._parameters.sweepPath)

    def _load(self) -> None:
        if load_demo_case():
            self.panel.take_what_is_there()
