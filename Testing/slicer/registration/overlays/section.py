"""The overlays' section of the panel as a user has it before them, and files of segmentations."""

from __future__ import annotations

from typing import Any

import numpy as np
import qt
import rig
import SimpleITK as sitk
import slicer
from MMHVAERegistrationLib.overlays.overlays_panel import OverlaysPanel
from MMHVAESynthesisLib.engine.engine_sharing import shared_engine

SHAPE = (30, 34, 38)


def ball(centre: Any = (15, 17, 19), radius: float = 9.0) -> np.ndarray:
    return np.linalg.norm(np.moveaxis(np.indices(SHAPE), 0, -1) - np.array(centre), axis=-1) < radius


def write(path: Any, array: np.ndarray, ijk_to_ras: np.ndarray, **metadata: str) -> Any:
    """A label map as a file, by SimpleITK alone; a fourth axis holds layers."""
    lps = np.diag([-1.0, -1.0, 1.0, 1.0]) @ ijk_to_ras
    spacing = np.linalg.norm(lps[:3, :3], axis=0)
    image = sitk.GetImageFromArray(array, isVector=array.ndim == 4)
    image.SetSpacing(spacing.tolist())
    image.SetDirection((lps[:3, :3] / spacing).ravel().tolist())
    image.SetOrigin(lps[:3, 3].tolist())
    for key, value in metadata.items():
        image.SetMetaData(key, value)
    sitk.WriteImage(image, str(path))
    return path


def shift(x: float) -> np.ndarray:
    """(4, 4), so many mm to the right."""
    matrix = np.eye(4)
    matrix[0, 3] = x
    return matrix


class Case:
    """A panel with an ultrasound and an MR; attributes are set by the tests."""

    def __init__(self) -> None:
        self.us: Any = None
        self.mr: Any = None
        self.changes = 0
        self.window = qt.QWidget()
        self.panel = OverlaysPanel(self.window, lambda: self.mr, lambda: self.us, shared_engine(), self.changed)
        self.window.resize(380, 260)
        self.window.show()

    def changed(self) -> None:
        self.changes += 1

    def load(self, path: Any) -> Any:
        rig.choose_files(path)
        rig.click(self.panel.load_button)
        return self.panel.selector.currentNode()

    def export(self) -> list[Any]:
        before = slicer.util.getNodesByClass("vtkMRMLLabelMapVolumeNode")
        rig.click(self.panel.export_button)
        rig.wait_until(lambda: not self.panel.work.bar.isVisible(), 60, "the end of the export")
        return [n for n in slicer.util.getNodesByClass("vtkMRMLLabelMapVolumeNode") if n not in before]
