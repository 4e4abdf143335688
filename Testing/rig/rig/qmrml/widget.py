"""qMRMLWidget: a widget that is told its scene."""

from PySide6 import QtWidgets
from PySide6.QtCore import Signal

from ..stand_in import custom_widget


@custom_widget
class qMRMLWidget(QtWidgets.QWidget):
    """Base of widgets that show something of a scene."""

    mrmlSceneChanged = Signal(object)
    signal_types = {"mrmlSceneChanged(vtkMRMLScene*)": "mrmlSceneChanged(PyObject)"}  # noqa: RUF012

    def __init__(self, parent=None):
        super().__init__(parent)
        self._scene = None

    def setMRMLScene(self, scene):
        if scene is not self._scene:
            self._scene = scene
            self.mrmlSceneChanged.emit(scene)

    def mrmlScene(self):
        return self._scene


@custom_widget
class qSlicerWidget(qMRMLWidget):
    """A widget of the application."""
